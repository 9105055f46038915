"""The interface of an agent: it hears the user, and what it does comes as events."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray


class Who(StrEnum):
    """Whose words they are."""

    USER = "user"
    AGENT = "agent"


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Voice:
    """A piece of what the agent says."""

    samples_A: NDArray[np.float32]
    """Mono in [-1, 1]."""
    rate_hz: int
    last: bool = False
    """Whether it ends the utterance."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """Something said, as text."""

    who: Who
    text: str
    final: bool = True
    """False: a later event with the same ``who`` says it better or longer."""
    line: int | None = None
    """Which utterance of the agent it is. A later event of the same one takes its place, even of final words: it was
    interrupted, and no more of it was heard. Without a text it is as if it had never been said."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class TurnEnded:
    """The user has finished speaking, as the turn detector decides."""

    hangover_s: float
    """From the end of the user's last sound to the decision."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class BargedIn:
    """The user takes the turn while the agent speaks: the character must fall silent."""

    onset_s: float
    """From the beginning of the user's sound to the decision."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Feeling:
    """How the character is to look."""

    emotion: str
    """One of ``core.emotion.EMOTIONS``."""
    intensity: float = 1.0


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """Something failed that the user should know of; the conversation goes on."""

    message: str
    """One sentence fit to show."""


AgentEvent = Voice | Words | TurnEnded | BargedIn | Feeling | Trouble


class Agent(Protocol):
    """Audio to audio. One conversation a value; of one event loop; none of the plain methods waits."""

    async def start(self) -> None:
        """Connect, if there is something to connect to.

        Raises:
            AgentError: it cannot be reached, or refuses; the text names the setting to change.
        """
        ...

    def hear(self, samples_A: NDArray[np.float32], rate_hz: int) -> None:
        """What the microphone hears: mono in [-1, 1], in pieces of any length."""
        ...

    def ask(self, text: str) -> None:
        """What the user types: it is answered."""
        ...

    def say(self, text: str) -> None:
        """Say these words."""
        ...

    def playing(self, *, heard_s: float, left_s: float) -> None:
        """How much of the running utterance has been heard and how much is still to come; (0, 0) when none runs.

        Whoever plays the voice calls this several times a second: an agent that knows when it is heard knows when it
        is interrupted, and what of its words was never heard.
        """
        ...

    def interrupt(self) -> None:
        """Stop: the user pressed the button. What was not heard was not said."""
        ...

    def events(self) -> AsyncIterator[AgentEvent]:
        """What it does, as it does it; ends after ``close``."""
        ...

    async def close(self) -> None:
        """End the conversation and every task of it. A second call does nothing."""
        ...
