"""What answers: the part of an agent that differs from agent to agent, between the turns and the voice."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol, final

from openlpm.agents.turn_events import TurnOver
from openlpm.agents.voice import Line


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class UserSaid:
    """What the user's turn was understood as."""

    text: str


Answer = AsyncGenerator[Line | UserSaid, None]
"""Lines as they are thought of; whoever closes them wants no more."""


class Mind(Protocol):
    """Answers of one conversation. Of one event loop; answers may raise ``AgentError``."""

    async def start(self) -> None:
        """Connect, if there is something to connect to.

        Raises:
            AgentError: it cannot be reached, or refuses.
        """
        ...

    def greeting(self) -> Line | None:
        """The first words, unless the user is to begin."""
        ...

    def answer_text(self, text: str) -> Answer:
        """To something typed."""
        ...

    def answer_turn(self, turn: TurnOver) -> Answer:
        """To something spoken."""
        ...

    def hum(self, length_s: float) -> Line | None:
        """What a listener may say into a pause of a turn that is ``length_s`` long so far."""
        ...

    def silence(self) -> Line | None:
        """Words after a long silence."""
        ...

    def was_heard(self, text: str) -> None:
        """What the user heard of an utterance: all of it, or what came before an interruption."""
        ...

    async def close(self) -> None:
        """Let go of connections. A second call does nothing."""
        ...
