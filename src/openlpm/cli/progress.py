"""What is seen while a command works."""

import contextlib
import json
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

if TYPE_CHECKING:
    from openlpm.training.trainer import LogEntry


_STAYS_S = 10.0
"""Seconds between lines that stay."""


class _FramesASecond(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Speed over the last moments, or over the whole run once it is done."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f} fps" if speed else "... fps", style="progress.data.speed")


def console() -> Console:
    """Where everything that is not a result goes: stderr."""
    return Console(stderr=True, highlight=False)


def note(text: str) -> None:
    """Say something that the user should know and that stops nothing."""
    console().print(f"[yellow]note:[/yellow] {escape(text)}", soft_wrap=True)


def told(text: str) -> None:
    """Say how it went."""
    console().print(escape(text), soft_wrap=True)


@contextlib.contextmanager
def frames_progress(what: str, total: int) -> Generator[Callable[[int, int], None], None, None]:
    """A bar over frames with frames per second and the time left; yields ``report(frames_done, frames_total)``."""
    with _bar(what, total, "frames", _FramesASecond()) as report:
        yield report


@contextlib.contextmanager
def counted_progress(what: str, total: int, unit: str) -> Generator[Callable[[int, int], None], None, None]:
    """A bar over anything else with the time left; yields ``report(done, total)``."""
    with _bar(what, total, unit) as report:
        yield report


@contextlib.contextmanager
def _bar(what: str, total: int, unit: str, *more: ProgressColumn) -> Generator[Callable[[int, int], None], None, None]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        *more,
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=console()) as progress:
        task = progress.add_task(what, total=total)

        def report(done: int, of: int) -> None:
            progress.update(task, completed=done, total=of)

        yield report


@contextlib.contextmanager
def training_progress(
    say: Callable[[str], None], *, moving: bool
) -> "Generator[Callable[[str, LogEntry], None], None, None]":
    """Yields ``progress(name, entry)``: a line that moves where one is seen, and now and then a line that stays."""
    with contextlib.ExitStack() as stack:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[loss]}"),
        )
        bar = (
            stack.enter_context(Progress(*columns, TimeRemainingColumn(compact=True), console=console()))
            if moving
            else None
        )
        tasks: dict[str, TaskID] = {}
        said: dict[str, float] = {}

        def progress(name: str, entry: "LogEntry") -> None:
            loss = f"loss {entry.scalars['loss']:.4f}{_paced(entry)}"
            if bar is not None:
                if name not in tasks:
                    tasks[name] = bar.add_task(name, total=entry.total_steps, loss=loss)
                bar.update(tasks[name], completed=entry.step, total=entry.total_steps, loss=loss)
            if name not in said or entry.seconds - said[name] >= _STAYS_S or entry.step == entry.total_steps:
                said[name] = entry.seconds
                scalars = json.dumps({key: float(f"{value:.5g}") for key, value in entry.scalars.items()})
                say(f"{name} step {entry.step}/{entry.total_steps} {entry.seconds:.0f} s{_paced(entry)} {scalars}")

        yield progress


def _paced(entry: "LogEntry") -> str:
    """How fast it is, where that is known."""
    if entry.pace is None:
        return ""
    share = "" if entry.pace.mfu is None else f" MFU {entry.pace.mfu:.2f}"
    return f" {entry.pace.steps_per_s:.3g} steps/s{share}"
