"""Make Online nano from Base, stage by stage: causal, ODE, off-policy, on-policy, and perhaps a refiner.

    torchrun --standalone --nproc-per-node 2 runs/online_nano.py --base src/openlpm/weights/data/nano --out out/online

Every stage leaves a model folder OUT/STAGE and is skipped when it is there; one that was stopped goes on from its
last checkpoint. ``--stages`` leaves some out: what a stage is worth is what is lost without it. ``--tiny`` runs all
of it in a few minutes on a CPU, to see that it works. (Processes that see one GPU each: as in runs/nano.py.)
"""

import argparse
import copy
import os
import time
from dataclasses import replace
from pathlib import Path

from openlpm.parallel.world import World, joined
from openlpm.recipes import nano, stages
from openlpm.recipes.online import CHAIN, OnlineStage, Pupils, online, train_online
from openlpm.rollout.assembly import CharacterModel, load_model
from openlpm.training.footage import cast_of, make_footage
from openlpm.weights.store import load_into


def arguments() -> argparse.Namespace:
    """What the run is told on its command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="the model folder of Base")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--stages", nargs="*", type=OnlineStage, default=list(CHAIN), choices=list(OnlineStage))
    parser.add_argument("--seconds", nargs="*", type=float, default=[], help="of each stage (default: 200)")
    parser.add_argument("--clips", type=int, default=0, help="clips a process (default: the recipe's)")
    parser.add_argument("--seed", type=int, default=0, help="of the footage")
    parser.add_argument("--human", type=Path, help="recorded people, as runs/align_human.py packs them")
    parser.add_argument(
        "--workers", type=int, default=max(1, (os.cpu_count() or 1) // int(os.environ.get("WORLD_SIZE", "1")) - 1)
    )
    parser.add_argument("--tiny", action="store_true")
    return parser.parse_args()


def keep(student: CharacterModel, folder: Path, trained: Path, world: World) -> None:
    """A whole model folder: what the stage taught, and the rest as it was."""
    missing = [name for name in student.parts() if not stages.is_stored(trained / name)]
    world.wait()  # all have looked before the first one writes
    for name in missing:
        stages.export_part(student.parts()[name], trained / name, world)
    stages.write_config(student.config, trained, world)
    if world.is_first:
        trained.rename(folder)
    world.wait()


def main() -> None:
    """Run the stages that are asked for and not there yet, each from the one before."""
    args = arguments()
    started, rank = time.monotonic(), int(os.environ.get("RANK", "0"))

    def say(text: str) -> None:
        if rank == 0:
            print(f"{time.monotonic() - started:7.1f} s  {text}", flush=True)

    footage_config = replace(nano.footage(args.workers), seed=args.seed, human=args.human)
    if args.clips:
        footage_config = replace(footage_config, num_clips=args.clips)
    if args.tiny:
        footage_config = replace(footage_config, num_utterances=24, num_clips=2, num_frames=192)
    footage = make_footage(footage_config, rank)
    say(f"footage: {len(footage)} clips a process")
    with joined() as world:
        cast = cast_of(footage, world.device)
        base = load_model(args.base, world.device)
        bank = stages.bank_of(base, footage, cast, world, say)
        student = CharacterModel(replace(base.config, online=online())).to(world.device)
        student.load_state_dict(base.state_dict())
        for number, stage in enumerate(args.stages):
            folder = args.out / stage
            if not folder.is_dir():
                seconds = args.seconds[number] if number < len(args.seconds) else 200.0
                refiner = copy.deepcopy(student.dit) if stage is OnlineStage.REFINE else None
                if stage is OnlineStage.REFINE:
                    student.config = replace(student.config, online=online(refiner=True))
                draft = args.out / f"draft-{stage}"
                train_online(
                    stage,
                    Pupils(base=base, student=student, refiner=refiner),
                    bank,
                    world,
                    draft,
                    seconds=seconds,
                    tiny=args.tiny,
                    say=say,
                )
                keep(student, folder, draft, world)
            for name, part in student.parts().items():
                load_into(part, folder / name)
            student.to(world.device)
        say("done")


if __name__ == "__main__":
    main()
