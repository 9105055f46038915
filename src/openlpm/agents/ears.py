"""The turn detector beside the event loop: its network runs in a thread, and sound waits for it in a bounded queue."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.agents.ear import check_sound
from openlpm.agents.turn_events import TurnEvent
from openlpm.agents.turns import TurnDetector

_LOG = logging.getLogger(__name__)
_MOST_WAITING_S = 4.0


@final
class Ears:
    """Feeds a detector and calls ``tell`` in the event loop for what it decides, ``deaf`` if it fails for good.

    When four seconds of sound wait, the oldest are dropped: late decisions are worth nothing.
    """

    def __init__(self, detector: TurnDetector, *, tell: Callable[[TurnEvent], None], deaf: Callable[[], None]) -> None:
        self._detector = detector
        self._tell, self._deaf = tell, deaf
        self._waiting: deque[tuple[NDArray[np.float32], int]] = deque()
        self._waiting_s = 0.0
        self._news = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "openlpm-ears")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen, in the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._listen(), name="ears")

    def hear(self, samples_A: NDArray[np.float32], rate_hz: int) -> None:
        """Sound of the microphone; returns at once.

        Raises:
            InputError: the rate or the shape cannot be.
        """
        check_sound(samples_A, rate_hz)
        self._waiting.append((samples_A, rate_hz))
        self._waiting_s += samples_A.shape[0] / rate_hz
        while self._waiting_s > _MOST_WAITING_S and len(self._waiting) > 1:
            self._forget_oldest()
        self._news.set()

    def character_is_heard(self, *, heard: bool) -> None:
        """As ``TurnDetector.character_is_heard``."""
        self._detector.character_is_heard(heard=heard)

    async def close(self) -> None:
        """Stop listening. A second call does nothing."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _listen(self) -> None:
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                while self._waiting:
                    await self._push(*self._forget_oldest())
        except Exception:  # noqa: BLE001 (the boundary of a conversation: what is typed is still answered)
            _LOG.exception("the turn detector failed")
            self._deaf()

    async def _push(self, samples_A: NDArray[np.float32], rate_hz: int) -> None:
        loop = asyncio.get_running_loop()
        for event in await loop.run_in_executor(self._thread, self._detector.push, samples_A, rate_hz):
            self._tell(event)

    def _forget_oldest(self) -> tuple[NDArray[np.float32], int]:
        samples_A, rate_hz = self._waiting.popleft()
        self._waiting_s -= samples_A.shape[0] / rate_hz
        return samples_A, rate_hz
