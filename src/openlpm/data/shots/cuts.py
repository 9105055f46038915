"""Where one shot ends and the next begins."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class CutConfig:
    """How PySceneDetect's content scores are judged."""

    ratio: float = 6.0
    """A cut stands out from the frames around it by so much ..."""
    least: float = 24.0
    """... and differs by so much in hue, saturation and brightness."""
    window_frames: int = 2
    """Frames on either side that it is compared with."""

    def __post_init__(self) -> None:
        if self.ratio <= 1 or self.least <= 0:
            raise ConfigError(f"ratio={self.ratio}, least={self.least}: a cut must stand out: ratio > 1, least > 0")
        if not 1 <= self.window_frames <= 12:
            raise ConfigError(f"window_frames={self.window_frames}: give 1 to 12")


def find_cuts(pictures: Iterable[tuple[int, NDArray[np.uint8]]], config: CutConfig) -> Iterator[int]:
    """Indices of frames that begin a new shot, from frames ``(index, picture_HWC in BGR)`` in a row.

    Raises:
        ConfigError: PySceneDetect is not installed.
    """
    try:
        from scenedetect.detectors import AdaptiveDetector
    except ModuleNotFoundError as error:
        raise ConfigError(f"the package {error.name} is not installed; pip install 'openlpm[data]'") from error
    detector = AdaptiveDetector(
        adaptive_threshold=config.ratio,
        min_content_val=config.least,
        window_width=config.window_frames,
        min_scene_len=1,
    )
    index = -1
    for index, picture_HWC in pictures:
        yield from detector.process_frame(index, picture_HWC)
    yield from detector.post_process(max(index, 0))
