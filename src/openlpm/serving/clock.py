"""The time that pacing goes by: the engine's, or a test's."""

import asyncio
import time
from typing import Protocol, final


class Clock(Protocol):
    """Tells the time and waits for it."""

    def now_s(self) -> float:
        """Of the same clock as ``Frame.due_s``."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let others run for so long."""
        ...


@final
class RealClock:
    """``time.monotonic``."""

    def now_s(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
