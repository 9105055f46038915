"""When turns begin and end, and what a detector tells of them."""

from dataclasses import dataclass, field
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.agents.barge_in import BargeInConfig
from openlpm.core.errors import ConfigError


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class TurnConfig:
    """When a turn begins and ends, in seconds."""

    hangover_s: float = 0.5
    """Silence that ends a turn."""
    least_voice_s: float = 0.16
    """Voice that begins one, when the character is silent."""
    pause_s: float = 0.25
    """Silence in a turn that is told of."""
    longest_s: float = 60.0
    """A turn that goes on for longer is ended: somebody left the radio on."""
    tail_s: float = 0.25
    """For so long after the character's voice, its echo may still be heard."""
    forget_s: float = 0.3
    """Silence after which what sounded in the character's speech was a back-channel."""
    usual_db: float = -28.0
    """How loud the user is thought to be before anything was heard."""
    barge_in: BargeInConfig = field(default_factory=BargeInConfig)

    def __post_init__(self) -> None:
        if not 0.1 <= self.pause_s <= self.hangover_s <= 3.0:
            raise ConfigError(
                f"pause_s={self.pause_s}, hangover_s={self.hangover_s}: wait 0.1 to 3 s, hangover_s at least pause_s"
            )
        if self.longest_s < 1.0 or not 0.03 <= self.least_voice_s <= 1.0:
            raise ConfigError(
                f"longest_s={self.longest_s}, least_voice_s={self.least_voice_s}: at least 1 s, and 0.03 to 1 s"
            )


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class TurnBegan:
    """The user speaks, while the character does not."""

    onset_s: float
    """From the beginning of the sound to the decision."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class TurnTaken:
    """The user speaks, and takes the turn from the character."""

    onset_s: float


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class TurnPaused:
    """The user is silent in a turn; it may go on."""

    length_s: float
    """Of the turn so far."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Aside:
    """Something sounded while the character spoke and took no turn: a back-channel, a cough."""

    length_s: float


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TurnOver:
    """The user has finished."""

    samples_A: NDArray[np.float32]
    """The turn, 16 kHz, with a little before and after it."""
    length_s: float
    """From the first to the last sound."""
    level_db: float
    """How loud the voice was; 0 is full scale."""
    hangover_s: float
    """From the last sound to the decision."""


TurnEvent = TurnBegan | TurnTaken | TurnPaused | Aside | TurnOver
