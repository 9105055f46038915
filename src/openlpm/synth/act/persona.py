"""Personas: lasting habits of a performer, from attentive to bored, warm to cold, expressive to still."""

from dataclasses import dataclass, fields
from typing import final

import numpy as np

from openlpm.core.errors import ConfigError


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Persona:
    """Habits, each 0 to 1; the defaults are those of most people."""

    attention: float = 0.7
    """0 bored by the partner, 1 hanging on their every word."""
    warmth: float = 0.5
    """0 cold, 1 warm: how readily one smiles and shows concern."""
    expression: float = 0.5
    """0 still, 1 lively: size of movement and chance of gestures."""
    gaze: float = 0.5
    """0 avoids the camera, 1 holds it."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0.0 <= value <= 1.0:
                raise ConfigError(f"{field.name}={value}: a habit of a persona is 0 to 1")

    @property
    def energy(self) -> float:
        """Scale of movement, 1 for most people."""
        return 0.55 + 0.9 * self.expression

    @property
    def answers(self) -> float:
        """Chance that a cue is answered at all."""
        return 0.38 + 0.6 * self.attention

    @property
    def kindness(self) -> float:
        """Scale of the chance to smile or to show concern."""
        return 0.2 + 1.6 * self.warmth

    @property
    def eye_contact(self) -> float:
        """Scale of the chance that the eyes are on the camera while listening."""
        return (0.55 + 0.9 * self.gaze) * (0.65 + 0.5 * self.attention)


PERSONAS: dict[str, Persona] = {
    "attentive": Persona(attention=1.0, warmth=0.6, gaze=0.75),
    "bored": Persona(attention=0.05, warmth=0.3, expression=0.35, gaze=0.2),
    "warm": Persona(attention=0.8, warmth=1.0, expression=0.6, gaze=0.6),
    "cold": Persona(attention=0.6, warmth=0.0, expression=0.25, gaze=0.7),
    "lively": Persona(attention=0.8, warmth=0.65, expression=1.0),
    "still": Persona(warmth=0.4, expression=0.0),
    "shy": Persona(attention=0.7, warmth=0.6, expression=0.25, gaze=0.0),
    "confident": Persona(attention=0.7, warmth=0.5, expression=0.7, gaze=1.0),
}
"""Those that have a name, which captions use."""


def draw_persona(rng: np.random.Generator) -> tuple[str, Persona]:
    """A name (empty for none in particular) and habits near those of the name, or of most people."""
    name = "" if rng.random() < 0.55 else list(PERSONAS)[int(rng.integers(len(PERSONAS)))]
    middle = PERSONAS.get(name, Persona())
    spread = 0.15 if not name else 0.06
    values = {
        field.name: float(np.clip(getattr(middle, field.name) + spread * rng.standard_normal(), 0.0, 1.0))
        for field in fields(middle)
    }
    return name, Persona(**values)
