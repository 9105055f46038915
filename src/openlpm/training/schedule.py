"""Learning rate over a run: warm up, stay, decay (WSD); the decay can be decided while the run goes on."""

from dataclasses import dataclass
from typing import final

from openlpm.core.errors import ConfigError


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class WarmStableDecay:
    """Multiplier of the learning rate: linear up, flat, then linear down to zero over the last part."""

    warmup_steps: int
    decay_fraction: float
    """Share of all steps, at the end, in which the rate falls."""

    def __post_init__(self) -> None:
        if self.warmup_steps < 0:
            raise ConfigError(f"warmup_steps={self.warmup_steps}: give 0 or more")
        if not 0 < self.decay_fraction <= 1:
            raise ConfigError(f"decay_fraction={self.decay_fraction}: give a share above 0 and at most 1")

    def factor(self, step: int, total_steps: int) -> float:
        """Multiplier for update number ``step`` (from 0) of ``total_steps``."""
        rise = min(1.0, (step + 1) / (self.warmup_steps + 1))
        left = (total_steps - step) / max(1.0, self.decay_fraction * total_steps)
        return rise * min(1.0, max(0.0, left))
