"""Faces of single pictures joined into tracks, each of one person; several people stay several tracks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.data.people.cut_out import cut_out
from openlpm.data.people.faces import NUM_POINTS, Face, overlap

_CELLS = 5
_AROUND = 1.5
"""Side of the square whose colours are somebody's appearance, over the longer side of the face."""
_FORBIDDEN = 1e6
_FORESEEN_FRAMES = 3


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class TrackingConfig:
    """When a face continues a track."""

    least_score: float = 0.35
    """Faces less sure than this are not there."""
    least_overlap: float = 0.12
    """Of a face with where the track was seen last."""
    most_difference: float = 0.16
    """Of appearances, 0 to 1: beyond it is somebody else, however well the places fit (a cut)."""
    back_difference: float = 0.08
    """Somebody who was hidden for a moment is known again by looks at most so different, up to ``back_sizes`` away."""
    back_sizes: float = 2.5
    """In sizes of the face."""
    patience_frames: int = 24
    """A track that is not seen for longer has ended."""
    least_frames: int = 6
    """Shorter tracks are nobody."""

    def __post_init__(self) -> None:
        if not 0 < self.most_difference <= 1:
            raise ConfigError(f"most_difference={self.most_difference}: give a share of the colour range, 0 to 1")
        if min(self.patience_frames, self.least_frames) < 1:
            raise ConfigError(
                f"patience_frames={self.patience_frames}, least_frames={self.least_frames}: give at least 1"
            )


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Track:
    """One person in one shot."""

    frames: tuple[int, ...]
    """Rising numbers of the pictures in which the face was found."""
    faces: tuple[Face, ...]
    appearance_X: NDArray[np.float32]
    """Mean over the track of ``appearance``."""

    def points(self, num_frames: int) -> NDArray[np.float32]:
        """Landmarks ``xy_FP2`` of a film of ``num_frames``, NaN where the face was not found."""
        points_FP2 = np.full((num_frames, NUM_POINTS, 2), np.nan, np.float32)
        points_FP2[list(self.frames)] = [face.points_P2 for face in self.faces]
        return points_FP2

    def turns(self, num_frames: int) -> NDArray[np.float32]:
        """Yaw, pitch and roll, (F, 3), NaN where the face was not found."""
        turn_F3 = np.full((num_frames, 3), np.nan, np.float32)
        turn_F3[list(self.frames)] = [face.turn_3 for face in self.faces]
        return turn_F3

    def boxes(self, num_frames: int) -> NDArray[np.float32]:
        """Boxes of the face, (F, 4), NaN where it was not found."""
        box_F4 = np.full((num_frames, 4), np.nan, np.float32)
        box_F4[list(self.frames)] = [face.box_4 for face in self.faces]
        return box_F4


@dataclass(kw_only=True, slots=True, eq=False)
class _Open:
    """A track that may still go on."""

    frames: list[int]
    faces: list[Face]
    appearance_X: NDArray[np.float32]
    looks: list[NDArray[np.float32]] = field(default_factory=list[NDArray[np.float32]])

    def expected(self, frame: int) -> NDArray[np.float32]:
        """Where the face should be: on the line of the last two places, but not further than a few frames."""
        last_4 = self.faces[-1].box_4
        if len(self.faces) < 2:
            return last_4
        moved_4 = last_4 - self.faces[-2].box_4
        share = min(frame - self.frames[-1], _FORESEEN_FRAMES) / (self.frames[-1] - self.frames[-2])
        return (last_4 + share * np.tile((moved_4[:2] + moved_4[2:]) / 2, 2)).astype(np.float32)


def appearance(picture_HWC: NDArray[np.uint8], face: Face) -> NDArray[np.float32]:
    """The colours of head and shoulders on a coarse grid, in [0, 1]."""
    low_2, high_2 = face.box_4[:2], face.box_4[2:]
    middle_2 = (low_2 + high_2) / 2
    side = max(float((high_2 - low_2).max()) * _AROUND, 2.0)
    return cut_out(picture_HWC, (float(middle_2[0]), float(middle_2[1]), side), _CELLS).astype(
        np.float32
    ).ravel() / np.float32(255)


@final
class Tracker:
    """Joins faces picture by picture; ``close`` gives the tracks. Feed one shot after another or all as one film."""

    def __init__(self, config: TrackingConfig | None = None) -> None:
        self._config = config or TrackingConfig()
        self._open: list[_Open] = []
        self._closed: list[_Open] = []
        self._frame = 0

    def push(self, picture_HWC: NDArray[np.uint8], faces: Sequence[Face]) -> None:
        """The next picture and the faces in it."""
        frame, config = self._frame, self._config
        self._frame += 1
        seen = [face for face in faces if face.score >= config.least_score]
        looks = [appearance(picture_HWC, face) for face in seen]
        ended = [track for track in self._open if frame - track.frames[-1] > config.patience_frames]
        self._closed += ended
        self._open = [track for track in self._open if frame - track.frames[-1] <= config.patience_frames]
        joined = self._assign(frame, seen, looks)
        for index, (face, look_X) in enumerate(zip(seen, looks, strict=True)):
            track = joined.get(index)
            if track is None:
                self._open.append(_Open(frames=[frame], faces=[face], appearance_X=look_X, looks=[look_X]))
            else:
                track.frames.append(frame)
                track.faces.append(face)
                track.looks.append(look_X)
                track.appearance_X = (0.8 * track.appearance_X + 0.2 * look_X).astype(np.float32)

    def close(self) -> list[Track]:
        """All tracks that are long enough, by when they begin and then from left to right."""
        self._closed += self._open
        self._open = []
        kept = [track for track in self._closed if len(track.frames) >= self._config.least_frames]
        kept.sort(key=lambda track: (track.frames[0], float(track.faces[0].box_4[0])))
        return [
            Track(
                frames=tuple(track.frames), faces=tuple(track.faces), appearance_X=np.mean(track.looks, axis=0)
            )
            for track in kept
        ]  # fmt: skip

    def _assign(self, frame: int, seen: list[Face], looks: list[NDArray[np.float32]]) -> dict[int, _Open]:
        """Which track each face continues: the cheapest way to give every track one face at most."""
        if not seen or not self._open:
            return {}
        from scipy.optimize import linear_sum_assignment

        boxes_N4 = np.stack([face.box_4 for face in seen])
        expected_M4 = np.stack([track.expected(frame) for track in self._open])
        shared_NM = overlap(boxes_N4, expected_M4)
        known_MX = np.stack([track.appearance_X for track in self._open])
        apart_NM = np.abs(np.stack(looks)[:, None] - known_MX[None]).mean(axis=2)
        allowed_NM = (shared_NM >= self._config.least_overlap) & (apart_NM <= self._config.most_difference)
        away_NM = _distance(boxes_N4, expected_M4)
        hidden_M = np.array([frame - track.frames[-1] > 1 for track in self._open])
        known_again_NM = (apart_NM <= self._config.back_difference) & (away_NM <= self._config.back_sizes)
        allowed_NM |= hidden_M & known_again_NM
        cost_NM = np.where(allowed_NM, (1 - shared_NM) + 4 * apart_NM, _FORBIDDEN)
        rows, columns = cast("tuple[Any, Any]", linear_sum_assignment(cost_NM))
        return {int(n): self._open[int(m)] for n, m in zip(rows, columns, strict=True) if allowed_NM[n, m]}


def _distance(boxes_N4: NDArray[np.float32], others_M4: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far the middles of boxes are apart, (N, M), in widths of the second ones."""
    middle_N2, middle_M2 = ((each[:, :2] + each[:, 2:]) / 2 for each in (boxes_N4, others_M4))
    size_M = np.maximum((others_M4[:, 2:] - others_M4[:, :2]).max(axis=1), 1.0)
    return np.linalg.norm(middle_N2[:, None] - middle_M2[None], axis=2) / size_M


def follow(
    frames_FHWC: NDArray[np.uint8], faces: Sequence[Sequence[Face]], config: TrackingConfig | None = None
) -> list[Track]:
    """The tracks of a (short) film whose faces were found."""
    tracker = Tracker(config)
    for picture_HWC, found in zip(frames_FHWC, faces, strict=True):
        tracker.push(picture_HWC, found)
    return tracker.close()
