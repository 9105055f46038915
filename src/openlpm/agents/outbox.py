"""Where an agent's events wait until they are read."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import final

from openlpm.agents.agent import AgentEvent, Voice

_MOST_EVENTS = 4_096
_MOST_VOICE_S = 300.0


@final
class Outbox:
    """Events in order, of one event loop.

    Bounded: when 4 096 events or five minutes of voice wait, the oldest are dropped; nobody is reading.
    """

    def __init__(self) -> None:
        self._events: deque[AgentEvent] = deque(maxlen=_MOST_EVENTS)
        self._news = asyncio.Event()
        self._closed = False

    def put(self, event: AgentEvent) -> None:
        """Add an event; after ``close`` it is dropped."""
        if self._closed:
            return
        self._events.append(event)
        if isinstance(event, Voice):
            while sum(_seconds(waiting) for waiting in self._events) > _MOST_VOICE_S:
                self._events.remove(next(waiting for waiting in self._events if isinstance(waiting, Voice)))
        self._news.set()

    def drop_voice(self) -> None:
        """Forget the voice that nobody has read yet."""
        kept = [event for event in self._events if not isinstance(event, Voice)]
        self._events.clear()
        self._events.extend(kept)

    def close(self) -> None:
        """Whoever reads gets what waits, and then the end."""
        self._closed = True
        self._news.set()

    async def events(self) -> AsyncIterator[AgentEvent]:
        """Every event once, to one reader."""
        while True:
            while self._events:
                yield self._events.popleft()
            if self._closed:
                return
            self._news.clear()
            await self._news.wait()


def _seconds(event: AgentEvent) -> float:
    return event.samples_A.shape[0] / event.rate_hz if isinstance(event, Voice) else 0.0
