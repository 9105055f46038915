"""What a classic metric is: a name, a direction, its pitfalls, the controls it has to react to, and a value a case."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError


class Better(StrEnum):
    """Which way is better."""

    LOWER = "lower"
    HIGHER = "higher"


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Footage:
    """A case as a metric sees it."""

    case: str
    frames_FHWC: NDArray[np.uint8]
    rate_hz: float
    samples_A: NDArray[np.float32]
    """Mono, 16 kHz, beginning with the first frame; empty where a video has no sound."""
    reference_HWC: NDArray[np.uint8] | None = None
    """Whom it should look like."""

    def __post_init__(self) -> None:
        if self.frames_FHWC.ndim != 4 or self.frames_FHWC.shape[0] == 0 or self.rate_hz <= 0:
            raise ConfigError(
                f"{self.case}: frames_FHWC has shape {self.frames_FHWC.shape} at {self.rate_hz} Hz: give pictures"
            )


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What stands beside every number of a metric."""

    name: str
    better: Better
    unit: str
    weights: str
    """What the TorchScript file has to take and to give."""
    pitfalls: tuple[str, ...]
    reacts_to: tuple[str, ...]
    """Controls that it must tell from the truth; without that proof its value is not shown."""


class ClassicMetric(Protocol):
    """One metric with its weights."""

    @property
    def about(self) -> About:
        """What it is, and what is wrong with it."""
        ...

    @property
    def sha256(self) -> str:
        """Of the weights."""
        ...

    def values(self, clips: Mapping[str, Footage], truths: Mapping[str, Footage]) -> dict[str, float]:
        """A value for every case that it can be measured on; their mean is the metric.

        Both are by case and may be read from disk one at a time, so each is looked at once. ``truths`` has the truth of
        each case, for metrics that compare distributions.
        """
        ...
