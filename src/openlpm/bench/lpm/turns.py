"""D2 and D4: a mouth that is shut while it should be, somebody alive meanwhile, and turns that are taken in time."""

import numpy as np
from numpy.typing import NDArray

from openlpm.bench import metrics, signals
from openlpm.bench.lpm.lips import moved
from openlpm.bench.lpm.measures import Control, Dimension, Measure
from openlpm.bench.lpm.state_reader import STATES, state_labels
from openlpm.bench.lpm.strata import Track
from openlpm.bench.lpm.task import Task, Values
from openlpm.bench.lpm.view import View
from openlpm.bench.rehearsal import in_room
from openlpm.bench.signals import FloatTrack, Mask
from openlpm.bench.visemes import class_counts, macro_f1
from openlpm.core.rig import Rig
from openlpm.core.units import FRAME_RATE_HZ

_C = Control
MEASURES = (
    Measure(
        name="false_mouth_rate", dimension=Dimension.QUIET, primary=True, best=0.0, worst=1.0,
        reacts=(_C.CHATTER,), still=(_C.REENCODE, _C.MORPH),
    ),
    Measure(
        name="vitality", dimension=Dimension.QUIET, primary=False, best=1.0, worst=0.0,
        reacts=(_C.FREEZE,), still=(_C.CHATTER, _C.REENCODE, _C.NODS),
    ),
    Measure(
        name="state_f1", dimension=Dimension.TURNS, primary=True, best=1.0, worst=0.0,
        reacts=(_C.PARTNER, _C.FREEZE), still=(_C.REENCODE, _C.PERSON),
    ),
    Measure(
        name="turn_lag_ms", dimension=Dimension.TURNS, primary=False, best=0.0, worst=1000.0,
        reacts=(_C.PARTNER, _C.FREEZE), still=(_C.REENCODE, _C.PERSON), unit="ms",
    ),
    Measure(
        name="turn_jerk", dimension=Dimension.TURNS, primary=False, best=0.0, worst=6.0,
        reacts=(_C.NOISE, _C.FREEZE), still=(_C.REENCODE, _C.PERSON, _C.MORPH),
    ),
)  # fmt: skip

_FEWEST_QUIET = 2 * FRAME_RATE_HZ
_TRACKS = (Track.LISTENING, Track.CONVERSATION)
_FAR_FRAMES = FRAME_RATE_HZ
_JOINED_FRAMES = 10
"""A mouth that rests no longer than this within speech has not stopped."""
_SHORTEST_TURN = 12
_NEAR_FRAMES, _JERK_WINDOW, _LEAST_JERK = 12, 3, 1e-9
_JERKY = (Rig.YAW, Rig.PITCH, Rig.ROLL, Rig.JAW)


def score(task: Task, view: View) -> Values:
    """Of listening and conversation."""
    if task.record is None or task.case.track not in _TRACKS:
        return {}
    found = _quiet(task, view)
    if task.case.track == Track.CONVERSATION:
        found |= _turns(task, view)
    return found


def _quiet(task: Task, view: View) -> Values:
    assert task.record is not None
    quiet_F = metrics.quiet(task.record.state_F)
    if int(quiet_F.sum()) < _FEWEST_QUIET:
        return {}
    rig_FR = view.reading.rig_FR
    false = int(task.yardstick.quiet.false_frames(rig_FR, quiet_F).sum())
    found: Values = {"false_mouth_rate": false / int(quiet_F.sum())}
    if task.truth is not None:
        made, _ = metrics.head_energy(rig_FR, quiet_F)
        true, steps = metrics.head_energy(task.truth.reading.rig_FR, quiet_F)
        if steps and true > 0:
            found["vitality"] = min(made / true, 1.0) if np.isfinite(made) else 0.0
    return found


def _turns(task: Task, view: View) -> Values:
    assert task.record is not None
    late = round(view.sound_late_s * FRAME_RATE_HZ)
    label_F = state_labels(moved(task.record.state_F, late))
    read_F = task.yardstick.states.read(in_room(view.reading.rig_FR))
    counts = class_counts(read_F, label_F, np.ones_like(label_F, np.bool_), len(STATES))
    found: Values = {"state_f1": float(macro_f1(counts[None])[0])}
    lags = _lags(moved(metrics.speaking(task.record.state_F), late), _speaks(task, view))
    if lags.size:
        found["turn_lag_ms"] = float(np.quantile(lags, 0.95)) * 1000 / FRAME_RATE_HZ
    near_F = _near_turns(metrics.speaking(task.record.state_F))
    if task.truth is not None and near_F.any():
        made, true = (_jerk(each.reading.rig_FR, near_F) for each in (view, task.truth))
        found["turn_jerk"] = abs(float(np.log(made + _LEAST_JERK) - np.log(true + _LEAST_JERK)))
    return found


def _near_turns(speaks_F: Mask) -> Mask:
    """Half a second before and after every beginning and end of own speech."""
    near_F = np.zeros_like(speaks_F)
    for frame in np.flatnonzero(np.diff(speaks_F.astype(np.int8))) + 1:
        near_F[max(frame - _NEAR_FRAMES, 0) : frame + _NEAR_FRAMES] = True
    return near_F


def _jerk(rig_FR: FloatTrack, near_F: Mask) -> float:
    """Mean square of the third difference of head and mouth in some frames, after smoothing."""
    smooth_FX = signals.smooth(rig_FR[:, list(_JERKY)].astype(np.float64), _JERK_WINDOW)
    jerk_F = np.square(np.diff(smooth_FX, n=3, axis=0)).sum(axis=1)
    first = (near_F.size - jerk_F.size) // 2
    return float(jerk_F[near_F[first : first + jerk_F.size]].mean())


def _speaks(task: Task, view: View) -> Mask:
    """Frames in which the mouth is seen to speak: it moves, and its rests are short."""
    moves_F = task.yardstick.quiet.false_frames(view.reading.rig_FR, np.ones(view.frame_F.size, np.bool_))
    for first, end in signals.runs(~moves_F):
        if end - first <= _JOINED_FRAMES and first > 0 and end < moves_F.size:
            moves_F[first:end] = True
    for first, end in signals.runs(moves_F):
        if end - first < _SHORTEST_TURN // 2:
            moves_F[first:end] = False
    return moves_F


def _lags(true_F: Mask, seen_F: Mask) -> NDArray[np.float64]:
    """Frames between each true beginning and end of own speech within the clip and the nearest seen one."""
    lags: list[float] = []
    turns = [run for run in signals.runs(true_F) if run[1] - run[0] >= _SHORTEST_TURN]
    seen = signals.runs(seen_F)
    for side in (0, 1):
        marks = np.array([run[side] for run in seen], dtype=np.float64)
        for run in turns:
            if 0 < run[side] < true_F.size:
                near = np.abs(marks - run[side]).min() if marks.size else float(_FAR_FRAMES)
                lags.append(min(float(near), float(_FAR_FRAMES)))
    return np.array(lags)
