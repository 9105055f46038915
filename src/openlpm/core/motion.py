"""Motion tracks: the low-dimensional control of head, eyes, mouth, body and arms, and its file form ``motion.json``.

The file is ``{"fps": 24, "channels": [...], "frames": [[...], ...]}``: one row a frame, one number a channel, in the
units of ``core.rig.Rig``. Channels that are left out are free.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import InputError
from openlpm.core.rig import MOUTH_CHANNELS, RIG_HIGH_R, RIG_LOW_R, Rig, RigTrack
from openlpm.core.units import FRAME_RATE_HZ

_HEAD = (Rig.YAW, Rig.PITCH, Rig.ROLL, Rig.SHIFT_X, Rig.SHIFT_Y, Rig.LEAN)
_GAZE, _LIDS, _BROWS = (
    (Rig.GAZE_X, Rig.GAZE_Y),
    (Rig.BLINK_LEFT, Rig.BLINK_RIGHT),
    (Rig.BROW_LEFT, Rig.BROW_RIGHT),
)
_FACE = (Rig.SMILE, Rig.SQUINT, Rig.WIDEN, Rig.FURROW, Rig.BLUSH)
_BODY = (Rig.SHOULDER, Rig.BREATH, Rig.SWAY)
_ARMS = (
    Rig.ARM_LEFT, Rig.ARM_RIGHT, Rig.REACH_LEFT, Rig.REACH_RIGHT,
    Rig.SWING_LEFT, Rig.SWING_RIGHT, Rig.HAND_LEFT, Rig.HAND_RIGHT,
)  # fmt: skip

MOTION_GROUPS = (_HEAD, _GAZE, _LIDS, _BROWS, MOUTH_CHANNELS, _FACE, _BODY, _ARMS)
"""Head, gaze, lids, brows, mouth, face, body and arms: channels that are usually given together."""

MOTION_CHANNELS = tuple(channel for group in MOTION_GROUPS for channel in group)
"""What a motion track holds, in the order of its columns: the whole rig but the clock of its background."""

NUM_MOTION = len(MOTION_CHANNELS)
NUM_POSE = len((*_HEAD, *_GAZE, *_LIDS, *_BROWS))
"""The first columns, head, gaze, lids and brows: what a planner leads, and all that older models know."""
POSE_M: NDArray[np.bool_] = np.arange(NUM_MOTION) < NUM_POSE
"""Those columns as what is given of a track."""
MOTION_NAMES = tuple(channel.name.lower() for channel in MOTION_CHANNELS)
"""The names of the channels in a file."""

MOTION_HIGH_M: NDArray[np.float32] = RIG_HIGH_R[list(MOTION_CHANNELS)]
"""The greatest value of each channel."""
MOTION_LOW_M: NDArray[np.float32] = RIG_LOW_R[list(MOTION_CHANNELS)]
"""The least value of each channel."""

_KEYS = {"fps", "channels", "frames"}


@final
@dataclass(frozen=True, slots=True)
class MotionTrack:
    """A motion track of which some channels may be free."""

    track_FM: NDArray[np.float32]
    """Zero where a channel is free."""
    given_M: NDArray[np.bool_]
    """Which channels are given."""
    first_frame: int = 0
    """Frame of the performance that the track begins with; those before it are free."""

    @property
    def num_frames(self) -> int:
        """Length at 24 frames a second."""
        return self.track_FM.shape[0]


def motion_track(rig_FR: RigTrack) -> NDArray[np.float32]:
    """The motion of a rig track: its ``MOTION_CHANNELS``, (F, M)."""
    return np.ascontiguousarray(rig_FR[:, list(MOTION_CHANNELS)])


def write_motion(path: Path, motion: MotionTrack) -> None:
    """Write the given channels to ``path`` as ``motion.json``."""
    chosen = np.flatnonzero(motion.given_M)
    content = {
        "fps": FRAME_RATE_HZ,
        "channels": [MOTION_NAMES[index] for index in chosen],
        "frames": [[round(float(value), 5) for value in row] for row in motion.track_FM[:, chosen]],
    }
    path.write_text(json.dumps(content), encoding="utf-8")


def read_motion(path: Path) -> MotionTrack:
    """Read a ``motion.json``.

    Raises:
        InputError: the file is missing, is no JSON, or is not a motion track; the text says where and why.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give a motion.json") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: is not JSON ({error}); give a motion.json") from error
    return parse_motion(content, name=str(path))


def parse_motion(content: object, *, name: str = "motion") -> MotionTrack:
    """The motion track in decoded JSON; ``name`` begins each error.

    Raises:
        InputError: a key, channel, row or number is missing, unknown or out of range.
    """
    if not isinstance(content, dict):
        raise InputError(f'{name}: give an object {{"fps": {FRAME_RATE_HZ}, "channels": [...], "frames": [[...]]}}')
    fields = cast(dict[str, Any], content)
    if fields.keys() != _KEYS:
        missing, unknown = sorted(_KEYS - fields.keys()), sorted(fields.keys() - _KEYS)
        said = [f"{what} {', '.join(keys)}" for what, keys in (("missing", missing), ("unknown", unknown)) if keys]
        raise InputError(f"{name}: {'; '.join(said)}; the keys are channels, fps and frames")
    if isinstance(fields["fps"], bool) or fields["fps"] != FRAME_RATE_HZ:
        raise InputError(f"{name}: fps is {fields['fps']!r}; resample the track to {FRAME_RATE_HZ}")
    columns = _columns(fields["channels"], name)
    values_FC = _values(fields["frames"], columns, name)
    track_FM = np.zeros((values_FC.shape[0], NUM_MOTION), dtype=np.float32)
    track_FM[:, columns] = values_FC
    given_M = np.zeros(NUM_MOTION, dtype=np.bool_)
    given_M[columns] = True
    return MotionTrack(track_FM, given_M)


def _columns(channels: object, name: str) -> list[int]:
    if not isinstance(channels, list) or not channels:
        raise InputError(f"{name}: channels must be a list of one or more of {', '.join(MOTION_NAMES)}")
    columns: list[int] = []
    for channel in cast(list[object], channels):
        if channel not in MOTION_NAMES:
            raise InputError(f"{name}: there is no channel {channel!r}; choose from {', '.join(MOTION_NAMES)}")
        columns.append(MOTION_NAMES.index(str(channel)))
    if len(set(columns)) != len(columns):
        raise InputError(f"{name}: a channel is listed twice")
    return columns


def _values(frames: object, columns: list[int], name: str) -> NDArray[np.float32]:
    if not isinstance(frames, list) or not frames:
        raise InputError(f"{name}: frames must be a list of one or more rows")
    rows = cast(list[object], frames)
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(cast(list[object], row)) != len(columns):
            raise InputError(f"{name}: frame {number} must be a list of {len(columns)} numbers, one a channel")
        for value, column in zip(cast(list[object], row), columns, strict=True):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InputError(f"{name}: frame {number}, {MOTION_NAMES[column]}: {value!r} is not a number")
            low, high = float(MOTION_LOW_M[column]), float(MOTION_HIGH_M[column])
            if not low - 1e-6 <= value <= high + 1e-6:  # also false for NaN
                raise InputError(
                    f"{name}: frame {number}, {MOTION_NAMES[column]}: {value} is outside {low:g} to {high:g}"
                )
    low_C, high_C = MOTION_LOW_M[columns], MOTION_HIGH_M[columns]
    return np.clip(np.array(rows, dtype=np.float64), low_C, high_C).astype(np.float32)
