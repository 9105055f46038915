"""What all bench commands share: their options, how far they have come, and the table in the end."""

import contextlib
import sys
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Annotated, final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from openlpm.cli.progress import console, told

if TYPE_CHECKING:
    import torch

    from openlpm.bench.result import Row

_LINES_APART_S = 15.0
"""Seconds between lines about one stage."""

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
    """A bar a stage, or lines where no bar is seen; yields ``report(stage, done, total)``.

    What follows is measured, so the commit is noted first.
    """
    from openlpm.bench.origin import describe_commit

    describe_commit()
    if not console().is_terminal:
        yield Lines(told)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console()) as progress:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total)
            progress.update(tasks[stage], completed=done, total=total)

        yield report


@final
class Lines:
    """A line where a stage begins, one where it ends with its seconds, and a few in between where it takes long.

    A stage that has ended may begin anew; several may go on side by side.
    """

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._say, self._clock, self._lock = say, clock, Lock()
        self._begun: dict[str, float] = {}
        self._said: dict[str, float] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        """``done`` of ``total`` are done."""
        with self._lock:
            now = self._clock()
            begun = self._begun.setdefault(stage, now)
            far = f"{stage} {done}/{total}"
            if done >= total:
                self._say(f"{far} in {now - begun:.1f} s")
                del self._begun[stage]
                self._said.pop(stage, None)
            elif stage not in self._said:
                self._said[stage] = now
                self._say(f"{far} ...")
            elif now - self._said[stage] >= _LINES_APART_S:
                self._said[stage] = now
                self._say(f"{far} after {now - begun:.1f} s")
