"""The third stage: quality, overlays and composition of a clip."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import ClassVar, Final, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.data.filters.course import Course
from openlpm.data.filters.measures import blocking_of, blur_of, cast_of, contrast_of, exposure_of
from openlpm.data.filters.overlays import Overlays
from openlpm.data.footage import read_pictures
from openlpm.data.parts import Media, Span
from openlpm.data.pixels import grey_of
from openlpm.data.records import Record
from openlpm.data.stage import RawFiles, Stage

_SEEN_SIDE: Final = 480
_SAMPLES: Final = 16
_NATIVE_SAMPLES: Final = 3
_CRISPEST: Final = 25.0
"""Percentile of the frames whose blur counts: somebody who moves fast is blurred in most of them, in any camera."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class FilterScores:
    """Everything that was measured, whatever was decided."""

    NAME: ClassVar[str] = "filters"
    short_side: float
    blur: float
    brightness: float
    dark: float
    bright: float
    contrast: float
    cast: float
    flicker: float
    blocking: float
    frozen_s: float
    doubled: float
    bars: float
    subtitle: float
    logo: float
    inset: float


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """What a score may be."""

    at_least: float = -1e9
    at_most: float = 1e9

    def __post_init__(self) -> None:
        if self.at_least > self.at_most:
            raise ConfigError(f"at_least={self.at_least}, at_most={self.at_most}: no number is both; change one")

    def holds(self, value: float) -> bool:
        """Whether a score is inside, bounds included."""
        return self.at_least <= value <= self.at_most


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class FiltersConfig:
    """What each score may be; a field for each score, of the same name."""

    short_side: Range = Range(at_least=256)
    blur: Range = Range(at_most=0.48)
    brightness: Range = Range(at_least=0.10, at_most=0.88)
    dark: Range = Range(at_most=0.6)
    bright: Range = Range(at_most=0.35)
    contrast: Range = Range(at_least=0.2)
    cast: Range = Range(at_most=2.0)
    flicker: Range = Range(at_most=0.008)
    blocking: Range = Range(at_most=2.2)
    frozen_s: Range = Range(at_most=1.0)
    doubled: Range = Range(at_most=0.55)
    bars: Range = Range(at_most=0.06)
    subtitle: Range = Range(at_most=0.75)
    logo: Range = Range(at_most=0.4)
    inset: Range = Range(at_most=0.65)


def open_filters() -> FiltersConfig:
    """Ranges that hold everything: scores are measured, and no clip is dropped for them."""
    return FiltersConfig(**{name: Range() for name in score_names()})


def filter_clip(record: Record, config: FiltersConfig, raw: RawFiles) -> Sequence[Record]:
    """The clip with its scores; dropped with the name of every score that is out of its range."""
    scores = score_clip(record, raw)
    if scores is None:
        return [record.set_aside("filters", "filters.no_picture")]
    because = [f"filters.{name}" for name in score_names() if not getattr(config, name).holds(getattr(scores, name))]
    return [record.child("filters", scores, because=tuple(because))]


def score_names() -> tuple[str, ...]:
    """All scores."""
    return tuple(each.name for each in fields(FilterScores))


def score_clip(record: Record, raw: RawFiles) -> FilterScores | None:
    """The scores of a clip; None if not one frame of it can be decoded any more."""
    media, span = record.part(Media), record.part(Span)
    path = raw.source(record)
    course, overlays = Course(), Overlays()
    every = max(1, span.num_frames // _SAMPLES)
    looks: list[NDArray[np.float64]] = []
    blurs: list[float] = []
    for number, picture in enumerate(read_pictures(path, media, span, most_side=_SEEN_SIDE)):
        grey_HW = grey_of(picture.picture_HWC)
        course.add(grey_HW)
        if number % every == 0:
            course.add_sample(grey_HW)
            overlays.add(picture.picture_HWC)
            exposure = exposure_of(picture.picture_HWC)
            looks.append(np.array([*exposure, contrast_of(grey_HW), cast_of(picture.picture_HWC)]))
            blurs.append(blur_of(grey_HW))
    if not looks:
        return None
    brightness, dark, bright, contrast, cast = (float(each) for each in np.median(looks, axis=0))
    blocking = [blocking_of(grey_HW) for grey_HW in _native(record, raw)]
    frame_s = float(span.duration_s) / span.num_frames
    return FilterScores(
        short_side=float(min(media.width, media.height)),
        blur=float(np.percentile(blurs, _CRISPEST)),
        brightness=brightness,
        dark=dark,
        bright=bright,
        contrast=contrast,
        cast=cast,
        flicker=course.flicker,
        blocking=float(np.median(blocking)) if blocking else 1.0,
        frozen_s=course.longest_frozen * frame_s,
        doubled=course.doubled,
        bars=course.bars,
        subtitle=overlays.subtitle,
        logo=overlays.logo,
        inset=overlays.inset,
    )


def _native(record: Record, raw: RawFiles) -> Iterator[NDArray[np.uint8]]:
    """A few frames as they were coded, for what scaling would hide."""
    media, span = record.part(Media), record.part(Span)
    ticks = span.end_pts - span.first_pts
    for part in range(_NATIVE_SAMPLES):
        first = span.first_pts + ticks * (2 * part + 1) // (2 * _NATIVE_SAMPLES)
        if first + 1 >= span.end_pts:
            continue
        rest = Span(
            first_pts=first,
            end_pts=span.end_pts,
            time_base=span.time_base,
            first_frame=span.first_frame + 1,
            num_frames=1,
        )
        picture = next(read_pictures(raw.source(record), media, rest), None)
        if picture is not None:
            yield grey_of(picture.picture_HWC)


FILTERS: Final = Stage(
    name="filters",
    version=7,
    purpose="score quality and overlays of every clip and drop what is out of range",
    config=FiltersConfig(),
    work=filter_clip,
)
