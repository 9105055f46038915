"""Where one shot ends and the next begins."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
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
    faint_ratio: float = 10.0
    """Between two pictures that are alike (two drawings in ink on the same paper) a cut stands out more ..."""
    faint_least: float = 12.0
    """... and differs less."""
    window_frames: int = 2
    """Frames on either side that it is compared with."""

    def __post_init__(self) -> None:
        if self.ratio <= 1 or self.least <= 0:
            raise ConfigError(f"ratio={self.ratio}, least={self.least}: a cut must stand out: ratio > 1, least > 0")
        if self.faint_ratio < self.ratio or not 0 < self.faint_least <= self.least:
            raise ConfigError(
                f"faint_ratio={self.faint_ratio}, faint_least={self.faint_least}: a faint cut stands out more than any "
                f"other (ratio={self.ratio}) and differs less (least={self.least}); the same two numbers look for none"
            )
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
    detectors = [
        AdaptiveDetector(
            adaptive_threshold=ratio, min_content_val=least, window_width=config.window_frames, min_scene_len=1
        )
        for ratio, least in ((config.ratio, config.least), (config.faint_ratio, config.faint_least))
    ]
    index = -1
    for index, picture_HWC in pictures:
        yield from _either(detector.process_frame(index, picture_HWC) for detector in detectors)
    yield from _either(detector.post_process(max(index, 0)) for detector in detectors)


def _either(found: Iterable[Iterable[int]]) -> list[int]:
    return sorted(set(chain.from_iterable(found)))
