"""What becomes of an interruption, step by step: where the time between "be silent" and a shut mouth goes."""

from dataclasses import dataclass, replace
from typing import final


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Silencing:
    """Moments of one interruption on the engine's clock, in seconds; None as long as they have not come."""

    epoch: int
    """The one that it began."""
    asked_s: float
    """The performer was told to be silent."""
    silent_s: float
    """The last frame with something of the voice is over."""
    ordered_s: float | None = None
    """Pictures of the silence were ordered."""
    made_s: float | None = None
    """They came."""
    shown_s: float | None = None
    """The first of them was due."""
    frame: int | None = None
    """Its number."""


@final
class Silencer:
    """Notes those moments, of the last interruption."""

    def __init__(self) -> None:
        self.last: Silencing | None = None
        """None before the first."""
        self._ticket: int | None = None

    def asked(self, epoch: int, now_s: float, silent_s: float) -> None:
        """An interruption."""
        self.last, self._ticket = Silencing(epoch=epoch, asked_s=now_s, silent_s=silent_s), None

    def ordered(self, ticket: int, now_s: float) -> None:
        """Pictures were ordered; all that follow an interruption show its silence."""
        if self.last is not None and self._ticket is None:
            self._ticket = ticket
            self.last = replace(self.last, ordered_s=now_s)

    def made(self, ticket: int | None, now_s: float) -> None:
        """Pictures came that will be shown."""
        if self.last is not None and self.last.made_s is None and self._knows(ticket):
            self.last = replace(self.last, made_s=now_s)

    def shown(self, ticket: int | None, frame: int, due_s: float) -> None:
        """A fresh picture was due."""
        if self.last is None or self.last.made_s is None or self.last.shown_s is not None:
            return
        if self._knows(ticket):
            self.last = replace(self.last, shown_s=due_s, frame=frame)

    def _knows(self, ticket: int | None) -> bool:
        return ticket is not None and self._ticket is not None and ticket >= self._ticket
