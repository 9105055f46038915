"""How far a measurement has come."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Lock
from typing import final

OnProgress = Callable[[str, int, int], None]
"""Receives what is being done, and how many of how many (frames, clips, chunks) are done.

It hears 0 when something begins, and all when it ends.
"""


def unheard(_what: str, _done: int, _total: int) -> None:
    """An ``OnProgress`` that tells nobody."""


@contextmanager
def phase(on_progress: OnProgress, what: str, total: int = 1) -> Generator[Callable[[int], None]]:
    """Something begins here and, unless it fails, is done where the block ends; yields ``report(done)``."""
    total = max(total, 1)
    on_progress(what, 0, total)
    yield lambda done: on_progress(what, min(done, total - 1), total)
    on_progress(what, total, total)


def renamed(on_progress: OnProgress, name: str) -> OnProgress:
    """Tells everything under one name."""
    return lambda _, done, total: on_progress(name, done, total)


def within(on_progress: OnProgress, whole: str) -> OnProgress:
    """Tells everything as a part of a whole."""
    return lambda what, done, total: on_progress(f"{whole}: {what}", done, total)


@final
class Count:
    """How much is done, told by several threads."""

    def __init__(self, total: int, tell: Callable[[int, int], None]) -> None:
        self.total = total
        self._tell, self._done, self._lock = tell, 0, Lock()
        tell(0, total)

    def add(self, number: int) -> None:
        """So much more is done."""
        with self._lock:
            self._done += number
            self._tell(self._done, self.total)
