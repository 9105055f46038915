"""What the engine asks of the worker that makes pictures, and what comes back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.motion import NUM_MOTION
from openlpm.rollout.request import Reference


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Role:
    """Who performs."""

    references: tuple[Reference, ...]
    """At least one picture, of kinds that the worker has places for."""
    caption: str = ""
    seed: int = 0


class NotWantedError(Exception):
    """What is being made is not wanted any more."""


def always_wanted() -> bool:
    """Whatever is made will be shown."""
    return True


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Order:
    """The next chunk of one performance."""

    performance: str
    ticket: int
    """Of this performance; rising, never used twice."""
    speak_A: NDArray[np.float32]
    """What the chunk hears of the own voice from its first frame on, at 16 kHz, with what it hears ahead."""
    listen_A: NDArray[np.float32]
    caption: str | None
    """New words, or None."""
    motion_FM: NDArray[np.float32] | None
    keep: bool
    """Whether the moment before this chunk may be returned to, until the chunk after the next is made."""
    back: int | None
    """The ticket of a kept moment to return to first: that chunk and what followed are made again."""

    @staticmethod
    def silent(performance: str, ticket: int, *, speak: int, listen: int, num_frames: int) -> "Order":
        """A chunk of somebody who idles: so many samples of silence each, and a head that rests."""
        return Order(
            performance=performance,
            ticket=ticket,
            speak_A=np.zeros(speak, np.float32),
            listen_A=np.zeros(listen, np.float32),
            caption=None,
            motion_FM=np.zeros((num_frames, NUM_MOTION), np.float32),
            keep=False,
            back=None,
        )


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Chunk:
    """What came of an order."""

    performance: str
    ticket: int
    pictures_FHWC: NDArray[np.uint8] | None
    error: str = ""
    """Why there are no pictures: this performance cannot go on. Empty: they were not wanted any more."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class StageFacts:
    """What a stage is like."""

    size: int
    """Pixels of a picture's side."""
    chunk_frames: int
    speak_ahead: int
    """Samples at 16 kHz that a chunk hears beyond its end."""
    listen_ahead: int
    batch: int
    """Performances that move in one go."""
    chunk_s: float
    """How long that takes, as tried when it was set up."""
    places: int
    """Performances that there is room for."""


class Stage(Protocol):
    """Where performances are made; lives in the worker."""

    @property
    def facts(self) -> StageFacts:
        """What it is like."""
        ...

    def join(self, performance: str, role: Role) -> None:
        """Begin.

        Raises:
            ConfigError: a picture is of another size or kind than there are places for.
        """
        ...

    def leave(self, performance: str) -> None:
        """End; unknown performances are ignored."""
        ...

    def make(self, orders: list[Order], wanted: Callable[[], bool] = always_wanted) -> list[Chunk]:
        """A chunk for each order; where it raises, none of them has moved.

        Raises:
            NotWantedError: ``wanted`` said so in between, and all orders are of chunks that may be returned from.
        """
        ...

    def save(self, performance: str) -> bytes:
        """All that the rest of a performance depends on."""
        ...

    def restore(self, performance: str, saved: bytes) -> None:
        """Begin where ``save`` was."""
        ...
