"""Whoever listens to an agent in a test."""

import asyncio
from collections.abc import Callable
from typing import Any

from openlpm.agents.agent import Agent, Voice, Who, Words


class Reader:
    """Reads an agent's events and keeps them."""

    def __init__(self, agent: Agent) -> None:
        self.agent, self.seen = agent, []
        self._events = agent.events()

    async def until(self, kind: type, fits: Callable[[Any], bool] = lambda event: True) -> Any:
        """The next event of a kind that fits."""
        async with asyncio.timeout(10):
            while True:
                event = await anext(self._events)
                self.seen.append(event)
                if isinstance(event, kind) and fits(event):
                    return event

    async def utterance(self) -> str:
        """The words of the next utterance, once all of its voice has come."""
        words = await self.until(Words, lambda words: words.who is Who.AGENT and words.final)
        await self.until(Voice, lambda voice: voice.last)
        return words.text

    async def rest(self) -> list[Any]:
        """What comes until the agent is closed."""
        async with asyncio.timeout(10):
            return [event async for event in self._events]

    def heard_whole(self) -> None:
        """Tell the agent that its utterance was played to the end."""
        self.agent.playing(heard_s=1.0, left_s=1.0)
        self.agent.playing(heard_s=2.0, left_s=0.0)
