"""Steps, their times and scales of guidance on validation seeds: what the product's defaults are chosen by.

    python3 runs/sweep_guidance.py --device cuda --groups 32 --out benchmarks/sweep.md

``--groups`` asks besides what texts and partners cause, in so many clips a group. Several ``--model`` are compared
under the same settings.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import final

import torch

from openlpm.bench.base import BaseConfig, full_config, measure
from openlpm.bench.cases import build_cases
from openlpm.bench.performer import ModelPerformer
from openlpm.bench.reading import load_judges
from openlpm.bench.result import Row
from openlpm.bench.wide import measure_wide
from openlpm.core.seeds import Split
from openlpm.flow.guidance import GuidanceScales
from openlpm.rollout.assembly import CharacterModel, load_model
from openlpm.weights import bundled

ROWS = ("jaw_correlation", "false_mouth_rate", "motion_ratio", "blink_ratio", "identity_tar_at_far1")
GROUP_ROWS = (
    "false_mouth_rate_traps",
    "text_action_success",
    "text_sequence_success/told_in_time",
    "emotion_f1",
    "reaction_event_f1",
    "reaction_contrast_auc",
)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """What is tried."""

    model: Path
    steps: int
    shift: float | None
    """Of the sampler's times; None: the model's own."""
    scales: GuidanceScales

    def cells(self) -> list[str]:
        """The first cells of its line."""
        scales = (self.scales.text, self.scales.speak, self.scales.listen, self.scales.motion)
        shift = "own" if self.shift is None else f"{self.shift:g}"
        return [self.model.name, f"{self.steps}", shift, *(f"{scale:g}" for scale in scales)]


def settings(args: argparse.Namespace) -> list[Setting]:
    """Every combination, the plain one first."""
    models = args.model or [bundled.folder("nano")]
    scales = [
        GuidanceScales(text=t, speak=s, listen=heard, motion=led)
        for t, s, heard, led in product(args.text, args.speak, args.listen, args.motion)
    ]
    return [
        Setting(model=model, steps=steps, shift=shift, scales=scale)
        for scale in scales
        for shift in args.shift or [None]
        for steps in args.steps
        for model in models
    ]


def line(setting: Setting, rows: list[Row], names: Sequence[str], seconds: float) -> str:
    """One row of the table, values with their 95 % intervals."""
    found = {row.name: row for row in rows}
    cells = setting.cells()
    for name in names:
        row = found[name]
        interval = "" if row.low is None else f" ({row.low:.3f} to {row.high:.3f})"
        cells.append("-" if row.value is None else f"{row.value:.3f}{interval}")
    return "| " + " | ".join([*cells, f"{seconds:.0f}"]) + " |"


def performer_of(model: CharacterModel, setting: Setting) -> ModelPerformer:
    """The model with the setting's times, steps and scales."""
    if setting.shift is not None:
        model.config = replace(model.config, window=replace(model.config.window, time_shift=setting.shift))
    return ModelPerformer(model, steps=setting.steps, guidance=setting.scales)


def main() -> None:
    """Measure every combination and append it to the table as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, nargs="+", help="model folders (default: the bundled nano)")
    parser.add_argument("--judges", type=Path, help="folder with critic and critic-mouth (default: the bundled ones)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--clips", type=int, default=32)
    parser.add_argument("--groups", type=int, default=0, help="clips a group of the wide world")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, nargs="+", default=[8])
    parser.add_argument("--shift", type=float, nargs="+", help="of the sampler's times (default: the model's own)")
    parser.add_argument("--text", type=float, nargs="+", default=[1.0])
    parser.add_argument("--speak", type=float, nargs="+", default=[1.0, 2.0, 3.0])
    parser.add_argument("--listen", type=float, nargs="+", default=[1.0])
    parser.add_argument("--motion", type=float, nargs="+", default=[1.0], help="on what the choreographer decided")
    parser.add_argument("--minutes", type=float, default=600.0, help="no setting begins later")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    device, begun = torch.device(args.device), time.monotonic()
    full = full_config(clips=args.clips, batch=args.batch, group_clips=args.groups)
    config: BaseConfig = replace(full, cases=replace(full.cases, split=Split.VALIDATION), long=None, human_clips=0)
    cases = build_cases(config.cases)
    judges = load_judges(device, args.judges)
    names = (*ROWS, *GROUP_ROWS) if args.groups else ROWS
    heads = [
        "model",
        "steps",
        "shift",
        "text",
        "speak",
        "listen",
        "motion",
        *[f"`{name}`" for name in names],
        "seconds",
    ]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    print("\n".join(lines), flush=True)
    for setting in settings(args):
        started = time.monotonic()
        if started - begun > 60 * args.minutes:
            break
        performer = performer_of(load_model(setting.model, device), setting)
        rows = measure(performer, judges, cases, config, voices=None)
        if args.groups:
            rows += measure_wide(performer, judges, config)
        lines.append(line(setting, rows, names, time.monotonic() - started))
        print(lines[-1], flush=True)
        if args.out is not None:
            args.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
