"""How a character is to behave: prompt and emotion, and the text that a model is told of both."""

from dataclasses import dataclass, replace
from typing import final

from openlpm.core.emotion import EMOTIONS
from openlpm.core.errors import ConfigError

_MOST_WORDS = 500


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """What a performer was asked for."""

    prompt: str = ""
    emotion: str = EMOTIONS[0]
    intensity: float = 1.0

    def __post_init__(self) -> None:
        if self.emotion not in EMOTIONS:
            raise ConfigError(f"emotion={self.emotion!r}: choose one of {', '.join(EMOTIONS)}")
        if not 0 <= self.intensity <= 1:
            raise ConfigError(f"intensity={self.intensity}: choose 0 to 1")

    def prompted(self, text: str) -> "Wishes":
        """The same with other words; of very many the first are taken."""
        return replace(self, prompt=" ".join(text.split())[:_MOST_WORDS])

    def feeling(self, emotion: str, intensity: float) -> "Wishes":
        """The same in another mood.

        Raises:
            ConfigError: there is no such emotion or intensity.
        """
        return replace(self, emotion=emotion, intensity=intensity)

    @property
    def is_neutral(self) -> bool:
        """Whether no emotion is wished for."""
        return self.emotion == EMOTIONS[0]

    @property
    def caption(self) -> str:
        """Prompt and emotion as one text."""
        if self.is_neutral or not self.intensity:
            return self.prompt
        degree = "slightly " if self.intensity < 0.4 else "very " if self.intensity > 0.8 else ""
        end = "" if not self.prompt or self.prompt.endswith((".", "!", "?")) else "."
        return f"{self.prompt}{end} Seems {degree}{self.emotion}.".strip()
