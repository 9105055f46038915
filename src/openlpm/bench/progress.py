"""How far a measurement has come."""

from collections.abc import Callable
from threading import Lock
from typing import final

OnProgress = Callable[[str, int, int], None]
"""Receives what is being done, and how many of how many (frames, clips, chunks) are done."""


@final
class Count:
    """How much is done, told by several threads."""

    def __init__(self, total: int, tell: Callable[[int, int], None]) -> None:
        self._total, self._tell, self._done, self._lock = total, tell, 0, Lock()

    def add(self, number: int) -> None:
        """So much more is done."""
        with self._lock:
            self._done += number
            self._tell(self._done, self._total)
