"""Where frames go: queues that forget pictures before sound, and never make anybody wait."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, final

from openlpm.engine.performer import Frame
from openlpm.serving.metrics import ServerMetrics

MOST_PICTURES = 4
MOST_SOUND_FRAMES = 24
"""A second."""
_MOST_MESSAGES = 256


class Output(Protocol):
    """Somebody who watches a character. Used from the event loop alone; neither method waits."""

    def show(self, frame: Frame) -> None:
        """The next moment; whatever does not fit is dropped, pictures first."""
        ...

    @property
    def waiting(self) -> int:
        """Moments that were shown and have not left yet."""
        ...


@final
@dataclass(slots=True, eq=False)
class Waiting:
    """A moment on its way to a viewer."""

    frame: Frame
    with_picture: bool = True


@final
class FrameQueue:
    """An ``Output`` that somebody empties: at most four pictures and a second of sound wait."""

    def __init__(self, metrics: ServerMetrics, wake: Callable[[], None]) -> None:
        """``wake`` is called when there is something to take."""
        self._metrics = metrics
        self._wake = wake
        self._waiting: deque[Waiting] = deque()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def show(self, frame: Frame) -> None:
        self._waiting.append(Waiting(frame))
        pictures = [each for each in self._waiting if each.with_picture]
        if len(pictures) > MOST_PICTURES:
            pictures[0].with_picture = False
            self._metrics.dropped.labels("picture").inc()
        if len(self._waiting) > MOST_SOUND_FRAMES:
            self._waiting.popleft()
            self._metrics.dropped.labels("sound").inc()
        self._wake()

    def take(self) -> Waiting | None:
        """The oldest moment that waits; None where none does."""
        return self._waiting.popleft() if self._waiting else None

    def clear(self) -> None:
        """Forget all that waits: the viewer looks elsewhere."""
        self._waiting.clear()


@final
class Outbox:
    """Messages to a client; of too many the oldest are dropped. ``wake`` is set when there is something to send."""

    def __init__(self) -> None:
        self._messages: deque[Mapping[str, Any]] = deque(maxlen=_MOST_MESSAGES)
        self.wake = asyncio.Event()
        self.closed = False
        """Nothing comes after what is in it."""

    def tell(self, message: Mapping[str, Any]) -> None:
        """Add a message, unless the last one has been said."""
        if not self.closed:
            self._messages.append(message)
            self.wake.set()

    def take(self) -> Mapping[str, Any] | None:
        """The oldest message; None where there is none."""
        return self._messages.popleft() if self._messages else None

    def close(self) -> None:
        """Say no more."""
        self.closed = True
        self.wake.set()
