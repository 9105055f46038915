"""Everything that was read for one table, before it becomes rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.bench.reading import ClipReading
from openlpm.bench.truth import TruthReading
from openlpm.core.errors import ConfigError
from openlpm.core.record import PerformanceRecord


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """K clips: what should have been done, what was done, and the faces that they are compared with."""

    records: Sequence[PerformanceRecord]
    truth: Sequence[TruthReading]
    generated: Sequence[ClipReading]
    references_KD: NDArray[np.float32]
    """Embedding of each clip's reference pictures."""
    strangers_GD: NDArray[np.float32]
    """Embeddings of pictures of other test identities that appear in no clip."""

    def __post_init__(self) -> None:
        counts = {len(self.records), len(self.truth), len(self.generated), self.references_KD.shape[0]}
        if len(counts) != 1:
            raise ConfigError(f"numbers of records, truths, generated clips and references differ: {sorted(counts)}")
        for record, reading in zip(self.records, self.generated, strict=True):
            if reading.num_frames != record.num_frames:
                raise ConfigError(
                    f"{record.clip_id}: {reading.num_frames} frames generated, {record.num_frames} asked for"
                )

    @property
    def truth_readings(self) -> list[ClipReading]:
        """The rendered clips as the critic reads them: the upper bound."""
        return [reading.truth for reading in self.truth]

    @property
    def codec_readings(self) -> list[ClipReading] | None:
        """The rendered clips after the codec; None without one."""
        readings = [reading.codec for reading in self.truth if reading.codec is not None]
        return readings if len(readings) == len(self.truth) else None


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class VoiceEvidence:
    """Clips performed to voices without a true mouth: read mouths and the mouths one would expect of ten voices."""

    mouths_FX: Sequence[NDArray[np.float32]]
    own_FX: Sequence[NDArray[np.float32]]
    others_FX: Sequence[Sequence[NDArray[np.float32]]]
