"""How a streaming model makes a chunk: its length, its memory, and its few steps."""

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import final

from openlpm.core.errors import ConfigError
from openlpm.nn.memory import MemoryConfig


class RefinerKeys(StrEnum):
    """Which keys of a finished chunk the refiner remembers."""

    STEP = "step"
    """Those of its own step, as they are: the chunk at ``refiner_time``. Costs nothing."""
    CLEAN = "clean"
    """Those of the finished chunk at time 0, from one more evaluation."""


class OnlineNetwork(StrEnum):
    """A transformer that a model has for streaming alone, beside ``dit``; also the name of its folder."""

    BACKBONE = "backbone"
    """Makes chunks in place of ``dit``, which then is Base."""
    REFINER = "refiner"
    """Goes over chunks in place of the backbone itself."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class OnlineConfig:
    """A backbone that makes a chunk in a few steps from noise, and perhaps a refiner that goes over it once.

    A step predicts x_0, which is noised again, with fresh noise, to the time of the next step. The backbone remembers
    the keys of its last step, so its history has the noise of that step, in training and in use; ``history_time`` asks
    for another noise, or none.
    """

    chunk_frames: int
    """Latent frames made together; conditions change only between chunks."""
    memory: MemoryConfig
    """Of the backbone and of the refiner, each its own."""
    backbone_times: tuple[float, ...]
    """Flow times of the backbone's steps, falling from 1 (noise)."""
    refiner_time: float | None = None
    """Flow time to which the backbone's chunk is noised for the refiner; None: there is no refiner."""
    refiner_keys: RefinerKeys = RefinerKeys.STEP
    history_time: float | None = None
    """Flow time at which the backbone reads its finished chunk once more, to remember those keys; None: it does not."""

    def __post_init__(self) -> None:
        times = self.backbone_times
        if not times or times[0] != 1 or times[-1] <= 0 or any(later >= earlier for earlier, later in pairwise(times)):
            raise ConfigError(
                f"backbone_times={times}: give times that fall from 1 and stay above 0, such as (1.0, 0.6)"
            )
        if self.refiner_time is not None and not 0 < self.refiner_time < 1:
            raise ConfigError(f"refiner_time={self.refiner_time}: give a flow time between 0 and 1, or none")
        if self.history_time is not None and not 0 <= self.history_time < 1:
            raise ConfigError(f"history_time={self.history_time}: give a flow time from 0 to below 1, or none")
        if not 1 <= self.chunk_frames <= self.memory.window_frames:
            raise ConfigError(
                f"chunk_frames={self.chunk_frames}: give at least 1, and no more than "
                f"window_frames={self.memory.window_frames}"
            )

    def for_laptop(self) -> "OnlineConfig":
        """The same for two cores without instructions for narrow numbers: no refiner, and a memory shorter by a third.

        The backbone keeps its steps: after a single one from noise it would remember keys of noise.
        """
        window = max(2 * self.memory.window_frames // 3, self.chunk_frames)
        return replace(self, refiner_time=None, memory=replace(self.memory, window_frames=window))

    @property
    def history_noise(self) -> float:
        """Flow time of the keys that the backbone remembers."""
        return self.backbone_times[-1] if self.history_time is None else self.history_time

    @property
    def num_noises(self) -> int:
        """Samples of noise that a chunk takes: one a step, one for a noisy history that is no step, in this order."""
        return len(self.backbone_times) + bool(self.history_time) + (self.refiner_time is not None)

    @property
    def nfe(self) -> int:
        """Evaluations of a transformer that a chunk takes."""
        backbone = len(self.backbone_times) + (self.history_time is not None)
        refined = self.refiner_time is not None
        return backbone + refined + (refined and self.refiner_keys is RefinerKeys.CLEAN)
