"""``openlpm bench training``: toys trained here, spread, killed and resumed, beside what was timed elsewhere."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from openlpm.cli.bench_output import JsonFile, Quick, publish, stages
from openlpm.cli.engine import pick_device
from openlpm.cli.output import require_writable


def training(
    *,
    steps: Annotated[
        Path | None, typer.Option(help="step.json of runs/train_17b_step.py: the large size, timed on GPUs.")
    ] = None,
    every_stage: Annotated[
        bool, typer.Option(help="Kill nano's chain in every stage too; many minutes on a CPU (never with --quick).")
    ] = True,
    compiled: Annotated[bool, typer.Option(help="Eager beside compiled too (never with --quick).")] = True,
    json_path: JsonFile = None,
    quick: Quick = False,
) -> None:
    """Train toys: one process beside several, killed and resumed, compiled and not; rows that need GPUs say so."""
    from openlpm.recipes.programme.measuring import NEEDS_GPUS, measure_training

    require_writable(json_path)
    with stages() as report, tempfile.TemporaryDirectory() as folder:
        found = measure_training(
            Path(folder), steps, report, stages=every_stage and not quick, compiled=compiled and not quick
        )
    notes = [f"{row.name} needs {NEEDS_GPUS[row.name]}" for row in found.rows if row.value is None]
    notes += ["quick: nano's chain was not killed, nothing was compiled"] if quick else []
    publish("bench training", found.rows, {}, pick_device("auto"), notes, json_path, curves=found.curves)
