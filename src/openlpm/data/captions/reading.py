"""What can be read in the pictures of a unit: the face, channel by channel."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.core.errors import InputError
from openlpm.data.captions.features import eye_squares, face_square, mouth_square, points_within
from openlpm.data.captions.networks import EYE_SIDE, FACE_SIDE, MOUTH_SIDE, Reader, as_batch
from openlpm.data.captions.sharpness import sharpness
from openlpm.data.captions.tags import FACE_CHANNELS
from openlpm.data.pairing.part import Unit
from openlpm.data.people.cut_out import cut_out
from openlpm.data.people.part import People
from openlpm.data.records import Record
from openlpm.weights.store import load_into

WEIGHTS: Final = Path(__file__).parent / "weights"
"""The folder of the package that holds the weights of reader and teller."""
PICTURE_SIDE: Final = 256
"""Rows and columns in which units are looked at."""
_BATCH = 24


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class UnitFace:
    """Where the face of a unit is, in pixels of a picture of ``PICTURE_SIDE``; NaN where it was not found."""

    points_FP2: NDArray[np.float32]
    turn_F3: NDArray[np.float32]
    box_F4: NDArray[np.float32]

    def seen(self) -> NDArray[np.bool_]:
        """In which frames it was found."""
        return np.isfinite(self.box_F4[:, 0])


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Readings:
    """What was read in every frame; between frames in which the face was found, on the line between them."""

    face_FR: NDArray[np.float32]
    """In the order of ``tags.FACE_CHANNELS``."""
    box_F4: NDArray[np.float32]
    sharp_F: NDArray[np.float32]


def unit_face(record: Record) -> UnitFace:
    """The track of a unit's person, as the unit's pictures show it.

    Raises:
        InputError: the record is no unit, or its person is seen in none of its frames.
    """
    unit = record.part(Unit)
    person = record.part(People).persons[unit.person]
    first = unit.first_frame - person.first_frame
    frames = slice(max(first, 0), first + unit.num_frames)
    square_F3 = unit.crops.unpack()
    scale_F = PICTURE_SIDE / square_F3[:, 2]

    def shown(values_FX: NDArray[np.float32], pairs: int) -> NDArray[np.float32]:
        around_FX = np.full((unit.num_frames, *values_FX.shape[1:]), np.nan, np.float32)
        part_FX = values_FX[frames]
        before = max(-first, 0)
        around_FX[before : before + part_FX.shape[0]] = part_FX
        if pairs == 0:
            return around_FX
        corner_F12 = square_F3[:, None, :2]
        moved = (around_FX.reshape(unit.num_frames, pairs, 2) - corner_F12) * scale_F[:, None, None]
        return moved.reshape(around_FX.shape).astype(np.float32)

    points_FP2 = person.points.unpack()
    face = UnitFace(
        points_FP2=shown(points_FP2, points_FP2.shape[1]),
        turn_F3=shown(person.turns.unpack(), 0),
        box_F4=shown(person.boxes.unpack(), 2),
    )
    if not face.seen().any():
        raise InputError(f"unit {record.id}: its person is in none of its frames; run the stage pairing again")
    return face


class Cuts(NamedTuple):
    """What the reader sees of one frame, 8-bit."""

    face_HWC: NDArray[np.uint8]
    eyes_HWC: NDArray[np.uint8]
    """Left and right eye, one behind the other: six channels."""
    mouth_HWC: NDArray[np.uint8]
    points_P2: NDArray[np.float32]


def cuts_of(picture_HWC: NDArray[np.uint8], points_P2: NDArray[np.float32], box_4: NDArray[np.float32]) -> Cuts:
    """The cut-outs of a face that was found in a picture."""
    eyes = [cut_out(picture_HWC, square, EYE_SIDE) for square in eye_squares(points_P2, box_4)]
    return Cuts(
        face_HWC=cut_out(picture_HWC, face_square(box_4), FACE_SIDE),
        eyes_HWC=np.concatenate(eyes, axis=2),
        mouth_HWC=cut_out(picture_HWC, mouth_square(points_P2, box_4), MOUTH_SIDE),
        points_P2=points_within(points_P2, box_4),
    )


@final
class FaceReader:
    """The reader with the weights of the package.

    Raises:
        WeightsError: the weights are missing or damaged.
    """

    def __init__(self, weights: Path = WEIGHTS) -> None:
        self._reader = Reader().eval()
        load_into(self._reader, weights / "reader")

    def read(self, pictures: Iterable[NDArray[np.uint8]], face: UnitFace) -> Readings:
        """Read the pictures of a unit, a second at a time.

        Raises:
            InputError: there are fewer pictures than frames.
        """
        num_frames, seen_F = face.box_F4.shape[0], face.seen()
        face_FR = np.full((num_frames, len(FACE_CHANNELS)), np.nan, np.float32)
        sharp_F = np.full(num_frames, np.nan, np.float32)
        numbered, count = iter(enumerate(pictures)), 0
        while batch := list(islice(numbered, _BATCH)):
            count += len(batch)
            frames = [frame for frame, _ in batch if frame < num_frames and seen_F[frame]]
            shown = dict(batch)
            cuts = [cuts_of(shown[frame], face.points_FP2[frame], face.box_F4[frame]) for frame in frames]
            if cuts:
                face_FR[frames] = self.read_cuts(cuts)
                sharp_F[frames] = [sharpness(shown[frame], face.box_F4[frame]) for frame in frames]
        if count < num_frames:
            raise InputError(f"{count} pictures of a unit of {num_frames} frames: build the dataset again")
        return Readings(
            face_FR=bridged(face_FR, seen_F),
            box_F4=bridged(face.box_F4, seen_F),
            sharp_F=sharp_F,
        )

    @torch.no_grad()
    def read_cuts(self, cuts: Sequence[Cuts]) -> NDArray[np.float32]:
        """Channels of faces, (N, channels)."""
        faces = as_batch(np.stack([cut.face_HWC for cut in cuts]))
        eyes = as_batch(np.stack([cut.eyes_HWC for cut in cuts]))
        mouths = as_batch(np.stack([cut.mouth_HWC for cut in cuts]))
        return self._reader(faces, eyes, mouths, torch.from_numpy(np.stack([cut.points_P2 for cut in cuts]))).numpy()


def bridged(values_FX: NDArray[np.float32], seen_F: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Frames that were not seen by the line between those that were."""
    frames = np.arange(values_FX.shape[0])
    columns = [np.interp(frames, frames[seen_F], column_F) for column_F in values_FX[seen_F].T.astype(np.float64)]
    return np.stack(columns, axis=1).astype(np.float32)
