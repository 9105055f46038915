"""``openlpm train plan``: what the whole programme of a size takes on so many GPUs."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from openlpm.cli.output import require_writable

if TYPE_CHECKING:
    from openlpm.recipes.programme.machine import Machine
    from openlpm.recipes.programme.planning import PhasePlan

_GIB = 2**30


def show_plan(recipe: str, gpus: int, json_path: Path | None) -> None:
    """Print memory, step time, tokens and days of every phase, and what the numbers stand on."""
    from openlpm.dit.work import num_parameters
    from openlpm.recipes.programme.curriculum import programme
    from openlpm.recipes.programme.machine import H200
    from openlpm.recipes.programme.planning import plan_programme

    require_writable(json_path)
    whole = programme(recipe)
    phases = plan_programme(whole, gpus, H200)
    table = Table(
        title=f"{recipe}, {num_parameters(whole.config) / 1e9:.2f} B parameters, {gpus} x {H200.name}",
        box=None,
        padding=(0, 2, 0, 0),
    )
    for heading in ("phase", "GPUs", "a clip", "batch", "GiB", "step", "MFU", "steps", "tokens", "time"):
        table.add_column(heading, justify="left" if heading == "phase" else "right", no_wrap=True)
    for phase in phases:
        table.add_row(*_cells(phase))
    total = sum(phase.seconds for phase in phases)
    table.add_row("all", *[""] * 7, _short(sum(phase.tokens for phase in phases)), _lasting(total), style="bold")
    console = Console()
    console.print(table)
    console.print("\n".join(_sources(H200)), highlight=False, soft_wrap=True)
    if json_path is not None:
        made = {"recipe": recipe, "gpus": gpus, "machine": H200.name, "phases": [_as_json(each) for each in phases]}
        json_path.write_text(json.dumps(made, indent=1) + "\n")


def _cells(phase: "PhasePlan") -> tuple[str, ...]:
    layout, step = phase.layout, phase.step
    return (
        phase.planned.phase,
        str(layout.gpus),
        str(layout.context),
        str(layout.sequences),
        f"{step.memory.total / _GIB:.0f}",
        _lasting(step.time.total),
        f"{step.mfu:.2f}",
        str(phase.steps),
        _short(phase.tokens),
        _lasting(phase.seconds),
    )


def _as_json(phase: "PhasePlan") -> dict[str, object]:
    layout, step = phase.layout, phase.step
    return {
        "phase": str(phase.planned.phase),
        "gpus": layout.gpus,
        "gpus_a_sequence": layout.context,
        "sequences": layout.sequences,
        "memory_bytes": round(step.memory.total),
        "step_s": step.time.total,
        "mfu": step.mfu,
        "steps": phase.steps,
        "tokens": phase.tokens,
        "days": phase.days,
    }


def _sources(machine: "Machine") -> list[str]:
    """What the plan takes a machine to be."""
    told = ["Steps and batches are our choice. Reckoned from operations and bytes, with these rates a GPU:"]
    for name, unit, scale in (
        ("peak", "TFLOP/s", 1e-12),
        ("gemm", "TFLOP/s", 1e-12),
        ("attention", "TFLOP/s", 1e-12),
        ("attention_backward", "TFLOP/s", 1e-12),
        ("copy_bytes", "TB/s", 1e-12),
        ("memory_bytes", "GB", 1e-9),
        ("link_bytes", "GB/s", 1e-9),
        ("network_bytes", "GB/s", 1e-9),
        ("overhead_bytes", "GB", 1e-9),
    ):
        ceiling = getattr(machine, name)
        told.append(f"  {name} {ceiling.value * scale:g} {unit}: {ceiling.source}")
    return told


def _short(count: float) -> str:
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if count >= size:
            return f"{count / size:.1f} {letter}"
    return f"{count:.0f}"


def _lasting(seconds: float) -> str:
    for size, word in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {word}"
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1e3 * seconds:.0f} ms"
