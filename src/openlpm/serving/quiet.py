"""No agent: the character listens and says only what is pushed to it as sound."""

import asyncio
from collections.abc import AsyncIterator
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.agents.agent import AgentEvent, Trouble

_NO_VOICE = "There is no agent here that could speak; start the server with one (openlpm serve --agent)."


@final
class QuietAgent:
    """An ``Agent`` that hears and never answers."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[AgentEvent | None] = asyncio.Queue(maxsize=16)

    async def start(self) -> None:
        return

    def hear(self, samples_A: NDArray[np.float32], rate_hz: int) -> None:
        return

    def ask(self, text: str) -> None:
        self._tell(Trouble(message=_NO_VOICE))

    def say(self, text: str) -> None:
        self._tell(Trouble(message=_NO_VOICE))

    def playing(self, *, heard_s: float, left_s: float) -> None:
        return

    def interrupt(self) -> None:
        return

    async def events(self) -> AsyncIterator[AgentEvent]:
        while (event := await self._events.get()) is not None:
            yield event

    async def close(self) -> None:
        if self._events.full():
            self._events.get_nowait()
        self._events.put_nowait(None)

    def _tell(self, event: AgentEvent) -> None:
        if not self._events.full():
            self._events.put_nowait(event)
