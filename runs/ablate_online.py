"""Measure what Online loses without its parts: the same evaluation of every variant, and of Base with 20 steps.

    python runs/ablate_online.py --model out/online/refine --base src/openlpm/weights/data/nano --out out/ablation

A variant that can be trained so (without noise on the history, without sinks, without positions placed anew, with other
steps) is another student: ``--train SECONDS`` trains each through the whole chain, for so long a stage. Without it the
weights stay and only their use differs, which says less. ``--measure`` is the command that measures a model folder and
writes a table as JSON; it gets {model}, {base} and {json}.
"""

import argparse
import json
import shlex
import subprocess
import sys
from pathlib import Path

from openlpm.recipes.ablations import ABLATIONS, Ablation, ablation_named, write_variant
from openlpm.recipes.stage import ONLINE_STAGES

OPENLPM = (sys.executable, "-m", "openlpm.cli.main")
MEASURE = "bench online --model {model} --base {base} --json {json}"
BASE = "bench base --model {base} --steps 20 --no-demo --json {json}"


def arguments() -> argparse.Namespace:
    """What the run is told on its command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a model folder that streams")
    parser.add_argument("--base", type=Path, required=True, help="the model folder of Base")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=[each.name for each in ABLATIONS])
    parser.add_argument("--train", type=float, help="seconds a stage; trains the variants that can be")
    parser.add_argument("--options", default="", help="further options of `openlpm train`, as one word")
    parser.add_argument("--measure", default=MEASURE, help=f"of `openlpm` (default: {MEASURE})")
    parser.add_argument("--measure-base", default=BASE, help="the same for Base with 20 steps; empty to leave it out")
    return parser.parse_args()


def openlpm(*words: str) -> None:
    """Run one of our commands; its end is ours where it fails."""
    print("openlpm", *words, flush=True)
    subprocess.run([*OPENLPM, *words], check=True)


def variant(args: argparse.Namespace, ablation: Ablation) -> Path:
    """The model folder of a variant, trained where that is asked for and possible."""
    if args.train is None or not ablation.trainable:
        return write_variant(args.model, ablation, args.out / ablation.name)
    trained = args.out / f"{ablation.name}-trained"
    settings = [word for each in ablation.training for word in ("--set", each)]
    stages = [stage for stage in ONLINE_STAGES if "refiner_time=none" not in ablation.stream or stage != "refine"]
    openlpm("train", *stages, "--init", str(args.base), "--out", str(trained), "--seconds", str(args.train),
            *settings, *shlex.split(args.options))  # fmt: skip
    return trained / "online" / stages[-1]


def rows_of(path: Path) -> dict[str, object]:
    """Values of a table by row."""
    return {row["name"]: row["value"] for row in json.loads(path.read_text())["rows"]}


def main() -> None:
    """Variant after variant; one that has been measured is not measured again."""
    args = arguments()
    chosen = [ablation_named(name) for name in args.only]
    tables: dict[str, dict[str, object]] = {}
    for ablation in chosen:
        path = args.out / f"{ablation.name}.json"
        if not path.is_file():
            places = {"model": variant(args, ablation), "base": args.base, "json": path}
            openlpm(*(word.format(**places) for word in shlex.split(args.measure)))
        tables[ablation.name] = rows_of(path)
    if args.measure_base:
        path = args.out / "base-20.json"
        if not path.is_file():
            openlpm(*(word.format(base=args.base, json=path) for word in shlex.split(args.measure_base)))
        tables["base-20"] = rows_of(path)
    (args.out / "ablation.json").write_text(json.dumps(tables, indent=1) + "\n")
    names = dict.fromkeys(name for table in tables.values() for name in table)
    print("| row | " + " | ".join(tables) + " |\n|---|" + "---|" * len(tables))
    for name in names:
        values = [table.get(name) for table in tables.values()]
        print(f"| {name} | " + " | ".join(f"{v:.4g}" if isinstance(v, float) else str(v) for v in values) + " |")


if __name__ == "__main__":
    main()
