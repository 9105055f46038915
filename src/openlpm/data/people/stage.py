"""The fourth stage: everybody in a clip, each as a track with landmarks and a crop that shows this person alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.data.grid import frames_on_grid, pictures_on_grid
from openlpm.data.packed import pack
from openlpm.data.parts import Media, Span
from openlpm.data.people.composition import CompositionConfig, cut_off_share, faults_of_clip
from openlpm.data.people.crops import CropConfig, crop_squares
from openlpm.data.people.detectors import DetectorName, detector_for
from openlpm.data.people.faces import Face
from openlpm.data.people.part import People, Person
from openlpm.data.people.tracking import Track, Tracker, TrackingConfig
from openlpm.data.records import Record
from openlpm.data.stage import RawFiles, Stage

_BATCH: Final = 24
POINT_STEP, BOX_STEP, CROP_STEP, TURN_STEP, LOOK_STEP = 0.05, 0.1, 0.25, 0.001, 0.002
"""What numbers in records are rounded to: pixels, radians, colours of 0 to 1."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class PeopleConfig:
    """How faces are looked for, followed and framed."""

    detector: DetectorName = DetectorName.AUTO
    python: str = ""
    """The interpreter that has mediapipe. ``detector=mediapipe`` with none takes that of
    ``OPENLPM_LANDMARKS_PYTHON``."""
    most_side: int = 960
    """Larger pictures are shrunk to this before faces are looked for; what is found is in pixels of the source."""
    most_people: int = 12
    """Of a crowd those who are largest for longest; the others are not looked at."""
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    crops: CropConfig = field(default_factory=CropConfig)
    composition: CompositionConfig = field(default_factory=CompositionConfig)

    def __post_init__(self) -> None:
        if self.most_side < 64:
            raise ConfigError(f"most_side={self.most_side}: no face can be seen in so small a picture; give 64 or more")
        if not 1 <= self.most_people <= 32:
            raise ConfigError(
                f"most_people={self.most_people}: give 1 to 32; all of them are compared with one another"
            )


def find_people(record: Record, config: PeopleConfig, raw: RawFiles) -> Sequence[Record]:
    """The clip with everybody in it; dropped if nobody can be used, with what is wrong with them."""
    media, span = record.part(Media), record.part(Span)
    pictures = pictures_on_grid(raw.source(record), media, span, most_side=config.most_side)
    first_HWC = next(pictures, None)
    if first_HWC is None:
        return [record.set_aside("people", "people.no_picture")]
    # A decoder's picture may be a pixel larger or smaller than the source says it is.
    scale_2 = np.array([media.width / first_HWC.shape[1], media.height / first_HWC.shape[0]], np.float32)
    name, tracks = _followed(config, chain([first_HWC], pictures))
    persons = _persons([_enlarged(track, scale_2) for track in tracks], media, config)
    people = People(detector=name.value, num_frames=frames_on_grid(span), persons=persons)
    faults = faults_of_clip(persons, config.composition)
    return [record.child("people", people, because=tuple(f"people.{fault}" for fault in faults))]


def _followed(config: PeopleConfig, pictures: Iterator[NDArray[np.uint8]]) -> tuple[DetectorName, list[Track]]:
    """Who looked, and the tracks; a second of pictures is held at a time."""
    name, detector = detector_for(config.detector, config.python)
    tracker = Tracker(config.tracking)
    while batch := list(islice(pictures, _BATCH)):
        for picture_HWC, faces in zip(batch, detector.find(np.stack(batch)), strict=True):
            tracker.push(picture_HWC, faces)
    return name, tracker.close()


def _enlarged(track: Track, scale_2: NDArray[np.float32]) -> Track:
    """The track in pixels of the source."""
    faces = [
        Face(
            box_4=face.box_4 * np.tile(scale_2, 2),
            score=face.score,
            points_P2=face.points_P2 * scale_2,
            turn_3=face.turn_3,
        )
        for face in track.faces
    ]
    return Track(frames=track.frames, faces=tuple(faces), appearance_X=track.appearance_X)


def _persons(tracks: Sequence[Track], media: Media, config: PeopleConfig) -> tuple[Person, ...]:
    size = (media.height, media.width)
    crowd = sorted(tracks, key=_shown, reverse=True)[: config.most_people]
    return tuple(
        _person(track, crop_squares(track, size, others=tracks, config=config.crops), size)
        for track in tracks
        if any(track is each for each in crowd)
    )


def _shown(track: Track) -> float:
    """How large for how long somebody is seen."""
    return float(sum((face.box_4[2:] - face.box_4[:2]).max() for face in track.faces))


def _person(track: Track, crop_F3: NDArray[np.float32], size: tuple[int, int]) -> Person:
    first, end = track.frames[0], track.frames[-1] + 1
    box_K4 = np.stack([face.box_4 for face in track.faces])
    side_K = (box_K4[:, 2:] - box_K4[:, :2]).max(axis=1)
    return Person(
        first_frame=first,
        num_frames=end - first,
        points=pack(track.points(end)[first:], step=POINT_STEP),
        turns=pack(track.turns(end)[first:], step=TURN_STEP),
        boxes=pack(track.boxes(end)[first:], step=BOX_STEP),
        crops=pack(crop_F3, step=CROP_STEP),
        looks=pack(track.appearance_X, step=LOOK_STEP),
        score=float(np.mean([face.score for face in track.faces])),
        face_share=float(np.median(side_K)) / min(size),
        cut_off_share=cut_off_share(box_K4, size),
    )


PEOPLE: Final = Stage(
    name="people",
    version=3,
    purpose="find and follow everybody in a clip; drop clips in which nobody is shown well enough",
    config=PeopleConfig(),
    work=find_people,
)
