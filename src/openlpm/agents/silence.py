"""When a conversation has been silent for so long that the agent says something of its own."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from openlpm.core.errors import ConfigError


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Manners:
    """How a conversation is led."""

    greets: bool = True
    silence_s: float = 45.0
    """After so long without a word the agent says something of its own."""
    most_silences: int = 2
    """So often in a row, then it waits."""

    def __post_init__(self) -> None:
        if self.silence_s <= 0 or self.most_silences < 0:
            raise ConfigError(f"silence_s={self.silence_s}, most_silences={self.most_silences}: above 0 s, 0 or more")


@final
class Silence:
    """Counts the seconds since the last word, again and again until ``close``. Of one event loop."""

    def __init__(self, manners: Manners, break_it: Callable[[], bool]) -> None:
        """``break_it`` is called when it has lasted; it says whether anything was said."""
        self._manners, self._break = manners, break_it
        self._broken = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._closed = False

    def begin(self) -> None:
        """It begins now: something was said or heard."""
        if self._alarm is not None:
            self._alarm.cancel()
        if not self._closed:
            self._alarm = asyncio.get_running_loop().call_later(self._manners.silence_s, self._lasted)

    def user_spoke(self) -> None:
        """Whatever the agent said of its own, somebody answers."""
        self._broken = 0

    def close(self) -> None:
        """Count no more."""
        self._closed = True
        if self._alarm is not None:
            self._alarm.cancel()

    def _lasted(self) -> None:
        if self._broken < self._manners.most_silences and self._break():
            self._broken += 1
        self.begin()
