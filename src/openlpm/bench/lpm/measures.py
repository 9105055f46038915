"""The metrics by name: of which dimension, which way is better, what failure scores, and which controls must show."""

from dataclasses import dataclass
from enum import StrEnum
from typing import final

from openlpm.core.errors import ConfigError


class Dimension(StrEnum):
    """What is judged."""

    LIPS = "D1"
    QUIET = "D2"
    REACTION = "D3"
    TURNS = "D4"
    IDENTITY = "D5"
    MOTION = "D6"
    PICTURE = "D7"
    TEXT = "D8"
    EXPRESSION = "D9"
    ENDURANCE = "D10"
    SYSTEM = "D11"


NAMES = {
    Dimension.LIPS: "lip sync", Dimension.QUIET: "quiet mouth", Dimension.REACTION: "listening reaction",
    Dimension.TURNS: "turn-taking", Dimension.IDENTITY: "identity", Dimension.MOTION: "motion",
    Dimension.PICTURE: "picture", Dimension.TEXT: "text control", Dimension.EXPRESSION: "emotion, gaze, blinks",
    Dimension.ENDURANCE: "endurance", Dimension.SYSTEM: "system",
}  # fmt: skip


class Control(StrEnum):
    """Entries that are broken on purpose."""

    CODEC = "codec"
    NOISE = "noise"
    FREEZE = "freeze"
    SHUFFLED = "shuffled_audio"
    SHIFTED_2 = "shifted_2"
    SHIFTED_4 = "shifted_4"
    SHIFTED_8 = "shifted_8"
    SHIFTED_15 = "shifted_15"
    SHIFTED_25 = "shifted_25"
    PARTNER = "swapped_partner"
    REVERSED = "reversed"
    PERSON = "swapped_identity"
    MORPH = "slow_morph"
    CHATTER = "chatter"
    NODS = "nod_machine"
    LOOP = "loop"
    JITTER = "jitter"
    BLUR = "blur"
    REENCODE = "reencode"
    SCRAMBLE = "order_scramble"
    MOOD = "other_mood"
    STALL = "drop_delay"


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """One metric; the value of a case is a number."""

    name: str
    dimension: Dimension
    primary: bool
    best: float
    """What a perfect entry has; beside ``worst`` it says which way is better."""
    worst: float
    """What a failed case scores: no real one is worse."""
    reacts: tuple[Control, ...]
    """These must score worse than the truth."""
    still: tuple[Control, ...] = ()
    """These must not move it."""
    unit: str = ""

    def __post_init__(self) -> None:
        if self.best == self.worst or not self.reacts:
            raise ConfigError(f"{self.name}: it needs two ends, and a control that it must react to")

    @property
    def higher_is_better(self) -> bool:
        """Which way is better."""
        return self.best > self.worst

    def bounded(self, value: float) -> float:
        """A value no worse than the worst; what is no number is the worst."""
        if value != value:  # noqa: PLR0124  # NaN
            return self.worst
        low, high = sorted((self.best, self.worst))
        return min(max(value, low), high)
