"""The truth of a case as a file of arrays, and back as the record that the metrics read."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openlpm.bench.lpm.files import write_arrays
from openlpm.core.errors import InputError
from openlpm.core.record import Event, PerformanceRecord, Truth
from openlpm.core.rig import NUM_RIG, Rig
from openlpm.core.units import FRAME_RATE_HZ

_POSE = (Rig.YAW, Rig.PITCH, Rig.ROLL, Rig.SHIFT_X, Rig.SHIFT_Y, Rig.LEAN)
_FACE = (
    Rig.JAW, Rig.WIDTH, Rig.ROUNDING, Rig.PRESS, Rig.TEETH, Rig.TONGUE, Rig.SMILE, Rig.SQUINT, Rig.WIDEN,
    Rig.BROW_LEFT, Rig.BROW_RIGHT, Rig.FURROW, Rig.BLUSH,
)  # fmt: skip


def write_truth(path: Path, truth: Truth, state_F: NDArray[np.int8]) -> None:
    """``t, viseme, jaw, exp, pose, gaze, blink, emotion, state, events`` and the whole rig, all of F frames."""
    assert truth.emotion_FE is not None
    rig_FR = truth.rig_FR
    events = [[event.kind, event.start_frame, event.end_frame] for event in truth.events]
    arrays: dict[str, NDArray[Any]] = {
        "t": np.arange(rig_FR.shape[0], dtype=np.float32) / FRAME_RATE_HZ,
        "viseme": truth.viseme_F,
        "jaw": rig_FR[:, Rig.JAW],
        "exp": rig_FR[:, list(_FACE)],
        "pose": rig_FR[:, list(_POSE)],
        "gaze": rig_FR[:, [Rig.GAZE_X, Rig.GAZE_Y]],
        "blink": rig_FR[:, [Rig.BLINK_LEFT, Rig.BLINK_RIGHT]],
        "emotion": truth.emotion_FE,
        "state": state_F,
        "events": np.array(json.dumps(events)),
        "rig": rig_FR,
        "identity": np.array(truth.seed, dtype=np.int64),
    }
    write_arrays(path, arrays)


def read_performance(path: Path) -> tuple[Truth, NDArray[np.int8]]:
    """How a character moved, and the state of every frame.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            events = [Event(kind=k, start_frame=s, end_frame=e) for k, s, e in json.loads(str(stored["events"]))]
            truth = Truth(
                seed=int(stored["identity"]),
                rig_FR=stored["rig"].astype(np.float32).reshape(-1, NUM_RIG),
                viseme_F=stored["viseme"],
                events=tuple(events),
                emotion_FE=stored["emotion"],
            )
            return truth, stored["state"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is no truth of a case: make the benchmark again, in a new folder") from error


def read_truth(
    path: Path, case_id: str, speak_A: NDArray[np.float32], listen_A: NDArray[np.float32], caption: str
) -> PerformanceRecord:
    """The record of a case whose voices are known.

    Raises:
        InputError: the file is missing or damaged.
    """
    truth, state_F = read_performance(path)
    return PerformanceRecord(
        clip_id=case_id,
        identity=f"seed:{truth.seed}",
        num_frames=truth.rig_FR.shape[0],
        speak_A=speak_A,
        listen_A=listen_A,
        state_F=state_F,
        caption=caption,
        truth=truth,
    )
