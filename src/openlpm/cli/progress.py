"""What is seen while a command works."""

import contextlib
from collections.abc import Callable, Generator

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


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
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("frames"),
        _FramesASecond(),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=console()) as progress:
        task = progress.add_task(what, total=total)

        def report(frames_done: int, frames_total: int) -> None:
            progress.update(task, completed=frames_done, total=frames_total)

        yield report
