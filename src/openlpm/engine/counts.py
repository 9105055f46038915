"""What is counted of a performance."""

from dataclasses import dataclass, field
from typing import final

import numpy as np

_REMEMBERED = 24


@final
@dataclass(kw_only=True, slots=True)
class Counts:
    """As ``PerformerMetrics`` tells them."""

    frames: int = 0
    held: int = 0
    interruptions: int = 0
    restarts: int = 0
    first_frame_s: float | None = None
    voice_delay_s: float | None = None
    _chunks_s: list[float] = field(default_factory=list[float])

    def chunk(self, seconds: float) -> None:
        """A chunk took so long."""
        self._chunks_s = [*self._chunks_s[1 - _REMEMBERED :], seconds]

    @property
    def chunk_s(self) -> float | None:
        """How long chunks take lately; None before the first."""
        return float(np.median(self._chunks_s)) if self._chunks_s else None
