"""What all bench commands share: their options, a bar a stage, and the table in the end."""

import contextlib
import sys
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from openlpm.cli.progress import console

if TYPE_CHECKING:
    import torch

    from openlpm.bench.result import Row

JsonFile = Annotated[Path | None, typer.Option("--json", help="Also write the table to this file.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, or auto.")]
Quick = Annotated[
    bool, typer.Option("--quick", help="A few short clips: under a minute on two quiet cores, wide intervals.")
]
JudgesFolder = Annotated[
    Path | None, typer.Option("--judges", help="Folder with critic and critic-mouth; without it the bundled ones.")
]


def publish(
    title: str,
    rows: "list[Row]",
    critics: Mapping[str, str],
    device: "torch.device",
    notes: list[str],
    json_path: Path | None,
    *,
    curves: Mapping[str, object] | None = None,
) -> None:
    """Print the table, and write it to a file where one is named."""
    from openlpm.bench.origin import describe_command, describe_commit, describe_machine
    from openlpm.bench.result import Table

    table = Table(
        title=title,
        machine=describe_machine(device),
        command=describe_command(sys.argv[1:]),
        commit=describe_commit(),
        critics=critics,
        rows=tuple(rows),
        notes=tuple(notes),
        curves=curves or {},
    )
    Console().print(table.as_rich())
    if json_path is not None:
        table.write_json(json_path)


@contextlib.contextmanager
def stages() -> Generator[Callable[[str, int, int], None], None, None]:
    """A bar a stage; yields ``report(stage, done, total)``. What follows is measured, so the commit is noted first."""
    from openlpm.bench.origin import describe_commit

    describe_commit()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console()) as progress:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total)
            progress.update(tasks[stage], completed=done, total=total)

        yield report
