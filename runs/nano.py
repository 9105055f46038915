"""Train nano from nothing: autoencoder, judges of the benchmark, then Base, on footage of procedural performers.

    torchrun --standalone --nproc-per-node 4 runs/nano.py --out out/nano

Compiled graphs (``--compile-cache``, and torch's own cache) know a GPU by its number; so that what one process compiled
fits all, let each see its own GPU alone:

    torchrun --standalone --nproc-per-node 4 --no-python bash -c \
        'CUDA_VISIBLE_DEVICES=$LOCAL_RANK LOCAL_RANK=0 exec python3 runs/nano.py "$@"' nano --out out/nano

Every stage leaves full-precision weights under --out and is skipped when they are there, and a stage that was stopped
goes on from its last checkpoint. ``--tiny`` runs all of it in a few minutes on a CPU, to see that it works.
"""

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path

from openlpm.parallel.compile_cache import load_compiled, save_compiled
from openlpm.parallel.world import joined
from openlpm.recipes import nano, stages
from openlpm.rollout.assembly import CharacterModel
from openlpm.training.footage import cast_of, make_footage
from openlpm.weights import bundled


def arguments() -> argparse.Namespace:
    """What the run is told on its command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--init", type=Path, help="begin from the weights of this model folder")
    parser.add_argument(
        "--init-judges",
        type=Path,
        help="begin from the critic and critic-mouth in this folder (with --init: the bundled ones, where they fit)",
    )
    parser.add_argument("--only", nargs="*", default=["vae", "judges", "base"], choices=["vae", "judges", "base"])
    parser.add_argument("--autoencoder-seconds", type=float, default=400)
    parser.add_argument("--judges-seconds", type=float, default=90)
    parser.add_argument("--base-seconds", type=float, default=900)
    parser.add_argument("--clips", type=int, default=0, help="clips a process (default: the recipe's)")
    parser.add_argument("--seed", type=int, default=0, help="of the footage")
    parser.add_argument("--curriculum", action="store_true", help="Base learns lesson by lesson, not all at once")
    parser.add_argument("--human", type=Path, help="recorded people, as runs/align_human.py packs them")
    parser.add_argument(
        "--workers", type=int, default=max(1, (os.cpu_count() or 1) // int(os.environ.get("WORLD_SIZE", "1")) - 1)
    )
    parser.add_argument("--compile-cache", type=Path, help="compiled graphs of an earlier run; written at the end")
    parser.add_argument("--wait-for", type=Path, help="begin on the GPU only when this file is there (footage is made)")
    parser.add_argument("--tiny", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Run the stages that are asked for and not there yet."""
    args = arguments()
    started, rank = time.monotonic(), int(os.environ.get("RANK", "0"))

    def say(text: str) -> None:
        if rank == 0:
            print(f"{time.monotonic() - started:7.1f} s  {text}", flush=True)

    footage_config = replace(nano.footage(args.workers), seed=args.seed, human=args.human)
    if args.clips:
        footage_config = replace(footage_config, num_clips=args.clips)
    if args.tiny:
        footage_config = replace(footage_config, num_utterances=24, num_clips=4, num_frames=144)
    footage = make_footage(footage_config, rank)
    say(f"footage: {len(footage)} clips a process")
    while args.wait_for is not None and not args.wait_for.exists():
        time.sleep(0.5)
    with joined() as world:
        if args.compile_cache is not None:
            say(f"compiled graphs loaded: {load_compiled(args.compile_cache)}")
        cast = cast_of(footage, world.device)
        model = CharacterModel(nano.character())
        stages.write_config(model.config, args.out, world)
        if args.init is not None:
            stages.start_from(model, args.init, say)
        done = stages.load_parts(model, args.out)
        if "vae" in args.only and "vae" not in done:
            stages.train_autoencoder(
                model, footage, cast, world, args.out, seconds=args.autoencoder_seconds, tiny=args.tiny, say=say
            )
        if "judges" in args.only and not stages.is_stored(args.out / "critic-mouth"):
            judges = args.init_judges or (bundled.root() if args.init is not None else None)
            stages.train_judges(
                footage, cast, world, args.out, seconds=args.judges_seconds, init=judges, tiny=args.tiny, say=say
            )
        if "base" in args.only and "dit" not in done:
            model = CharacterModel(nano.character())
            if args.init is not None:
                stages.start_from(model, args.init, say)
            stages.load_parts(model, args.out)
            bank = stages.bank_of(model, footage, cast, world, say)
            stages.train_base(
                model,
                bank,
                world,
                args.out,
                seconds=args.base_seconds,
                lessons=nano.CURRICULUM if args.curriculum else ((nano.Lesson.ALL, 1.0),),
                tiny=args.tiny,
                say=say,
            )
        if args.compile_cache is not None and world.is_first:
            say(f"compiled graphs: {save_compiled(args.compile_cache) / 2**20:.1f} MiB")
        say("done")


if __name__ == "__main__":
    main()
