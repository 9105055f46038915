"""The second stage: one clip for each shot."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.data.footage import read_pictures
from openlpm.data.ingest.likeness import Likeness
from openlpm.data.parts import Media, Span
from openlpm.data.records import Record
from openlpm.data.shots.cuts import CutConfig, find_cuts
from openlpm.data.stage import RawFiles, Stage

_SEEN_SIDE: Final = 160
"""Cuts are found in small pictures: faster, and what moves a little moves less."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ShotsConfig:
    """What counts as a clip."""

    shortest_s: float = 3.0
    longest_s: float = 60.0
    """Longer shots are cut into equal pieces, so that no later stage meets a clip without end."""
    trim_frames: int = 1
    """Frames left out on both sides of a cut: coders smear one shot into the other."""
    cuts: CutConfig = field(default_factory=CutConfig)

    def __post_init__(self) -> None:
        if not 0 < self.shortest_s * 2 <= self.longest_s:
            raise ConfigError(f"shortest_s={self.shortest_s}: give more than 0 and at most half of {self.longest_s}")
        if self.trim_frames < 0:
            raise ConfigError(f"trim_frames={self.trim_frames}: give 0 or more")


def split_into_shots(record: Record, config: ShotsConfig, raw: RawFiles) -> Sequence[Record]:
    """A record for every shot; short ones are dropped, not forgotten."""
    media = record.part(Media)
    stamps: list[int] = []
    cuts = sorted(set(find_cuts(small_pictures(raw.source(record), media, stamps), config.cuts)))
    if not stamps:
        return [record.set_aside("shots", "shots.no_picture")]
    stamps.append(max(media.end_pts, stamps[-1] + 1))
    made: list[Record] = []
    edges = [0, *cuts, len(stamps) - 1]
    for first, end in pairwise(edges):
        inner = (first + (config.trim_frames if first else 0), end - (config.trim_frames if end in cuts else 0))
        for begin, stop in _pieces(*inner, stamps, media, config):
            span = Span(
                first_pts=stamps[begin],
                end_pts=stamps[stop],
                time_base=media.time_base,
                first_frame=begin,
                num_frames=stop - begin,
            )
            short = span.duration_s < config.shortest_s
            made.append(record.child("shots", span, because=("shots.too_short",) if short else (), without=(Likeness,)))
    return made


def small_pictures(
    path: Path, media: Media, stamps: list[int] | None = None
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """All pictures of a source with their numbers, in the size in which cuts are looked for; stamps are added."""
    for picture in read_pictures(path, media, most_side=_SEEN_SIDE):
        if stamps is not None:
            stamps.append(picture.pts)
        yield picture.index, picture.picture_HWC


def _pieces(first: int, end: int, stamps: list[int], media: Media, config: ShotsConfig) -> Iterator[tuple[int, int]]:
    if end <= first:
        return
    seconds = (stamps[end] - stamps[first]) * media.time_base
    count = min(max(1, math.ceil(float(seconds) / config.longest_s)), end - first)
    edges = [first + (end - first) * index // count for index in range(count + 1)]
    yield from pairwise(edges)


SHOTS: Final = Stage(
    name="shots",
    version=2,
    purpose="find cuts (PySceneDetect) and make a clip of every shot of three seconds and more",
    config=ShotsConfig(),
    work=split_into_shots,
)
