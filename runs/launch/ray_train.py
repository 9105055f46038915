"""The same by Ray Train: workers wherever the cluster has GPUs, started again when one dies.

    python runs/launch/ray_train.py --workers 32 -- speak --recipe lpm-17b --init wan --latents latents --out out

All workers have to see the folders. Ray makes the process group; ``openlpm train`` joins it. ``--cpu`` needs no GPU.
"""

import argparse
from typing import Any

from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer


def work(config: dict[str, Any]) -> None:
    """One of the processes."""
    from openlpm.cli.main import main

    status = main(["train", *config["words"]])
    if status:
        raise SystemExit(status)


def run() -> None:
    """Start as many as were asked for, and wait."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--restarts", type=int, default=3)
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("words", nargs="+", help="of openlpm train, after --")
    options = parser.parse_args()
    TorchTrainer(
        work,
        train_loop_config={"words": options.words},
        scaling_config=ScalingConfig(num_workers=options.workers, use_gpu=not options.cpu),
        run_config=RunConfig(name="openlpm", failure_config=FailureConfig(max_failures=options.restarts)),
    ).fit()


if __name__ == "__main__":
    run()
