"""Eyes: where they look and how they blink, beside the truth; there is no bar, since nobody asks for a blink."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from openlpm.bench import controls, statistics
from openlpm.bench.metrics import BLINK_ENTER, BLINK_LEAVE
from openlpm.bench.reading import ClipReading
from openlpm.bench.result import Row
from openlpm.bench.signals import FloatTrack
from openlpm.bench.statistics import Values
from openlpm.core.record import PerformanceRecord
from openlpm.core.rig import Rig

EYES_AGAINST_HEAD = 0.9
"""Units of gaze that make up for a nominal radian of the head's turn (``synth.behaviour``)."""
DRAWN_TURN = 0.6
"""Radians that are drawn for a nominal one (``core.rig.Rig.YAW``)."""
DEGREES_A_UNIT = float(np.degrees(DRAWN_TURN / EYES_AGAINST_HEAD))
"""Degrees of a unit of gaze, 38.2: by what the head has to turn for the eyes to stay on the camera."""
_OPEN = 0.5
_LONGEST_BLINK, _LONGEST_GAP = 24, 240
_GAP_BIN = 6


def gaze_in_room(rig_FR: FloatTrack) -> NDArray[np.float64]:
    """Where the eyes look in units of gaze, 0 into the camera, however the head is turned; (F, 2)."""
    head_F2 = rig_FR[:, [Rig.YAW, Rig.PITCH]].astype(np.float64)
    return rig_FR[:, [Rig.GAZE_X, Rig.GAZE_Y]] + EYES_AGAINST_HEAD * head_F2


def gaze_error(read_FR: FloatTrack, true_FR: FloatTrack) -> tuple[float, int]:
    """Summed angle between two gazes in degrees, and the frames it sums: those in which the true eyes are open.

    A gaze that cannot be read counts as half a turn away.
    """
    open_F = true_FR[:, [Rig.BLINK_LEFT, Rig.BLINK_RIGHT]].max(axis=1) < _OPEN
    apart_F = np.linalg.norm(gaze_in_room(read_FR) - gaze_in_room(true_FR), axis=1) * DEGREES_A_UNIT
    return float(np.nan_to_num(apart_F, nan=180.0).clip(max=180.0)[open_F].sum()), int(open_F.sum())


def blink_times(rig_FR: FloatTrack) -> list[tuple[int, int]]:
    """First and last frame (exclusive) of every blink of both lids: past 0.6 until under 0.35."""
    lids_F = (rig_FR[:, Rig.BLINK_LEFT] + rig_FR[:, Rig.BLINK_RIGHT]) / 2
    found: list[tuple[int, int]] = []
    start = -1
    for frame, value in enumerate(lids_F.tolist()):
        if start < 0 and value > BLINK_ENTER:
            start = frame
        elif start >= 0 and value < BLINK_LEAVE:
            found.append((start, frame))
            start = -1
    return found


def blink_counts(rig_FR: FloatTrack) -> NDArray[np.float64]:
    """What one clip adds: counts of how long blinks are (by frames) and how far apart (by quarters of a second)."""
    blinks = blink_times(rig_FR)
    lengths = np.array([end - start for start, end in blinks], dtype=np.int64).clip(max=_LONGEST_BLINK - 1)
    gaps = np.diff(np.array([start for start, _ in blinks], dtype=np.int64)).clip(max=_LONGEST_GAP - 1) // _GAP_BIN
    counts = (np.bincount(lengths, minlength=_LONGEST_BLINK), np.bincount(gaps, minlength=_LONGEST_GAP // _GAP_BIN))
    return np.concatenate(counts).astype(np.float64)


def kolmogorov_smirnov(sums_EX: Values) -> Values:
    """Largest distance between two distributions of counts that lie side by side; 1 where only one has any."""
    ours_EB, theirs_EB = np.split(sums_EX, 2, axis=1)
    shares = [
        np.cumsum(counts_EB, axis=1) / np.maximum(counts_EB.sum(axis=1, keepdims=True), 1.0)
        for counts_EB in (ours_EB, theirs_EB)
    ]
    apart_E = np.abs(shares[0] - shares[1]).max(axis=1)
    both_empty_E = (ours_EB.sum(axis=1) == 0) & (theirs_EB.sum(axis=1) == 0)
    return np.where(both_empty_E, np.nan, apart_E)


def eye_rows(
    records: Sequence[PerformanceRecord], truth: Sequence[ClipReading], generated: Sequence[ClipReading]
) -> list[Row]:
    """``gaze_error_deg`` against the true gaze, and ``blink_ks`` against how the truth is seen to blink."""
    true = [_rig(record) for record in records]
    seen = [reading.rig_FR for reading in truth]
    made = [reading.rig_FR for reading in generated]
    other = [seen[index] for index in controls.another_clip(len(seen))]
    camera = [_into_camera(rig_FR) for rig_FR in true]
    gaze = {"": made, "/truth": seen, "/other_clip": other, "/camera": camera}
    rows = [
        Row.of(f"gaze_error_deg{suffix}", statistics.ratio_of_sums(*_gaze_terms(shown, true)), unit="deg")
        for suffix, shown in gaze.items()
    ]
    frozen = [reading.rig_FR for reading in controls.frozen(generated)]
    for kind, columns in (("duration", slice(None, _LONGEST_BLINK)), ("interval", slice(_LONGEST_BLINK, None))):
        for suffix, shown, beside in (("", made, seen), ("/truth", seen, true), ("/frozen", frozen, seen)):
            terms_NX = np.concatenate([_blink_terms(shown)[:, columns], _blink_terms(beside)[:, columns]], axis=1)
            rows.append(Row.of(f"blink_ks/{kind}{suffix}", statistics.of_sums(terms_NX, kolmogorov_smirnov)))
    return rows


def _gaze_terms(shown: Sequence[FloatTrack], true: Sequence[FloatTrack]) -> tuple[Values, Values]:
    errors = [gaze_error(read_FR, true_FR) for read_FR, true_FR in zip(shown, true, strict=True)]
    return np.array([total for total, _ in errors]), np.array([frames for _, frames in errors], dtype=np.float64)


def _blink_terms(shown: Sequence[FloatTrack]) -> Values:
    return np.stack([blink_counts(rig_FR) for rig_FR in shown])


def _into_camera(rig_FR: FloatTrack) -> NDArray[np.float64]:
    """The same performance, but the eyes never leave the camera."""
    changed_FR = rig_FR.astype(np.float64)
    changed_FR[:, [Rig.GAZE_X, Rig.GAZE_Y]] -= gaze_in_room(rig_FR)
    return changed_FR


def _rig(record: PerformanceRecord) -> NDArray[np.float32]:
    assert record.truth is not None
    return record.truth.rig_FR
