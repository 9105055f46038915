"""Steps and scales of guidance on validation seeds: what the product's defaults are chosen by.

python3 runs/sweep_guidance.py --device cuda --out benchmarks/sweep.md
"""

import argparse
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import torch

from openlpm.bench.base import BaseConfig, full_config, measure
from openlpm.bench.cases import build_cases
from openlpm.bench.performer import ModelPerformer
from openlpm.bench.reading import load_judges
from openlpm.bench.result import Row
from openlpm.core.seeds import Split
from openlpm.flow.guidance import GuidanceScales
from openlpm.rollout.assembly import load_model
from openlpm.weights import bundled

ROWS = ("jaw_correlation", "false_mouth_rate", "motion_ratio", "blink_ratio", "identity_tar_at_far1")


def settings(
    steps: list[int], text: list[float], speak: list[float], listen: list[float]
) -> list[tuple[int, GuidanceScales]]:
    """Every combination, the plain one first."""
    scales = [GuidanceScales(text=t, speak=s, listen=heard) for t, s, heard in product(text, speak, listen)]
    return [(number, scale) for number in steps for scale in scales]


def line(steps: int, scales: GuidanceScales, rows: list[Row], seconds: float) -> str:
    """One row of the table, values with their 95 % intervals."""
    found = {row.name: row for row in rows}
    cells = [f"{steps}", f"{scales.text:g}", f"{scales.speak:g}", f"{scales.listen:g}"]
    for name in ROWS:
        row = found[name]
        interval = "" if row.low is None else f" ({row.low:.3f} to {row.high:.3f})"
        cells.append("-" if row.value is None else f"{row.value:.3f}{interval}")
    return "| " + " | ".join([*cells, f"{seconds:.0f}"]) + " |"


def main() -> None:
    """Measure every combination and append it to the table as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a model folder (default: the bundled nano)")
    parser.add_argument("--judges", type=Path, help="folder with critic and critic-mouth (default: the bundled ones)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--clips", type=int, default=32)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, nargs="+", default=[8])
    parser.add_argument("--text", type=float, nargs="+", default=[1.0])
    parser.add_argument("--speak", type=float, nargs="+", default=[1.0, 2.0, 3.0])
    parser.add_argument("--listen", type=float, nargs="+", default=[1.0])
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    device = torch.device(args.device)
    full = full_config(clips=args.clips, batch=args.batch)
    config: BaseConfig = replace(full, cases=replace(full.cases, split=Split.VALIDATION), long=None, human_clips=0)
    cases = build_cases(config.cases)
    model = load_model(args.model or bundled.folder("nano"), device)
    judges = load_judges(device, args.judges)
    lines = [
        "| " + " | ".join(["steps", "text", "speak", "listen", *[f"`{name}`" for name in ROWS], "seconds"]) + " |",
        "|" + "---|" * (len(ROWS) + 5),
    ]
    print("\n".join(lines), flush=True)
    for steps, scales in settings(args.steps, args.text, args.speak, args.listen):
        started = time.monotonic()
        rows = measure(ModelPerformer(model, steps=steps, guidance=scales), judges, cases, config, voices=None)
        lines.append(line(steps, scales, rows, time.monotonic() - started))
        print(lines[-1], flush=True)
        if args.out is not None:
            args.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
