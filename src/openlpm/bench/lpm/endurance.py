"""D10: how long does a character live? Until it is somebody else, stands still, does the same again, or dissolves."""

import numpy as np
from numpy.typing import NDArray

from openlpm.bench import metrics
from openlpm.bench.lpm.measures import Control, Dimension, Measure
from openlpm.bench.lpm.strata import Track
from openlpm.bench.lpm.task import Task, Values
from openlpm.bench.lpm.view import View
from openlpm.core.rig import Rig
from openlpm.core.units import FRAME_RATE_HZ

_C = Control
MEASURES = (
    Measure(
        name="survival", dimension=Dimension.ENDURANCE, primary=True, best=1.0, worst=0.0,
        reacts=(_C.FREEZE, _C.LOOP, _C.PERSON), still=(_C.REENCODE,),
    ),
    Measure(
        name="identity_loss_per_min", dimension=Dimension.ENDURANCE, primary=False, best=0.0, worst=1.0,
        reacts=(_C.MORPH,), still=(_C.REENCODE,), unit="1/min",
    ),
    Measure(
        name="motion_loss_per_min", dimension=Dimension.ENDURANCE, primary=False, best=0.0, worst=1.0,
        reacts=(_C.FREEZE,), still=(_C.REENCODE,), unit="1/min",
    ),
)  # fmt: skip

_LEAST_IDENTITY = 0.5
"""Of the frames of an excerpt."""
_LIVELY = 0.05
"""Of the motion of the truth, over three excerpts."""
_SHARP = (0.6, 1.7)
_SAME = 0.004
"""Radians: two excerpts whose heads are nearer than this in every frame are one."""
_TOGETHER = 3


def score(task: Task, view: View) -> Values:
    """Of long cases, by their excerpts; a clip dies in the first excerpt that fails."""
    truth = task.truth
    if truth is None or task.case.track != Track.LONG:
        return {}
    spans = view.excerpts
    energy_E, true_E = (_energy(each) for each in (view, truth))
    minutes_E = np.array([view.frame_F[span.start] for span in spans]) / (60.0 * FRAME_RATE_HZ)
    likeness_E = _likeness(task, view)
    dead_E = _strangers(task, view) | _still(energy_E, true_E) | _dissolved(view, truth) | _again(view)
    lived = float(minutes_E[int(dead_E.argmax())]) if dead_E.any() else view.num_frames / (60.0 * FRAME_RATE_HZ)
    whole = view.num_frames / (60.0 * FRAME_RATE_HZ)
    share_E = np.minimum(energy_E / np.maximum(true_E, 1e-9), 1.0)
    return {
        "survival": lived / whole,
        "identity_loss_per_min": max(-_slope(minutes_E, likeness_E - _likeness(task, truth)), 0.0),
        "motion_loss_per_min": max(_missing(minutes_E, 1.0 - share_E), 0.0),
    }


def _energy(view: View) -> NDArray[np.float64]:
    return np.array([metrics.head_energy(view.reading.rig_FR[span])[0] for span in view.excerpts])


def _likeness(task: Task, view: View) -> NDArray[np.float64]:
    like_F = np.nan_to_num(view.reading.identity_FD @ task.embedding_D, nan=-1.0)
    return np.array([float(np.median(like_F[span])) for span in view.excerpts])


def _strangers(task: Task, view: View) -> NDArray[np.bool_]:
    known_F = view.reading.identity_FD @ task.embedding_D > task.yardstick.identity
    return np.array([known_F[span].mean() < _LEAST_IDENTITY for span in view.excerpts])


def _still(energy_E: NDArray[np.float64], true_E: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Three excerpts together, as anybody may sit still for two seconds."""
    last = np.ones(_TOGETHER)
    made_E = np.convolve(np.nan_to_num(energy_E), last)[_TOGETHER - 1 : energy_E.size]
    asked_E = np.convolve(true_E, last)[_TOGETHER - 1 : true_E.size]
    return np.pad(made_E < _LIVELY * asked_E, (0, _TOGETHER - 1))[: energy_E.size]


def _dissolved(view: View, truth: View) -> NDArray[np.bool_]:
    ratio_E = np.array(
        [
            float(view.pictures.sharp_F[span].mean()) / max(float(truth.pictures.sharp_F[span].mean()), 1e-6)
            for span in view.excerpts
        ]
    )
    return ~((ratio_E >= _SHARP[0]) & (ratio_E <= _SHARP[1]))


def _again(view: View) -> NDArray[np.bool_]:
    """Excerpts that are, frame by frame, an earlier one."""
    spans = view.excerpts
    heads = [view.reading.rig_FR[span][:, [Rig.YAW, Rig.PITCH, Rig.ROLL]] for span in spans]
    again_E = np.zeros(len(spans), np.bool_)
    for late in range(1, len(spans)):
        for early in range(late):
            same = heads[late].shape == heads[early].shape
            if same and float(np.abs(heads[late] - heads[early]).mean()) < _SAME:
                again_E[late] = True
    return again_E


def _missing(minutes_E: NDArray[np.float64], lost_E: NDArray[np.float64]) -> float:
    """Slope of what is lost, from nothing lost at the beginning: who never moves has lost it all."""
    return float(minutes_E @ lost_E / max(float(minutes_E @ minutes_E), 1e-9))


def _slope(minutes_E: NDArray[np.float64], values_E: NDArray[np.float64]) -> float:
    return float(np.polyfit(minutes_E, values_E, 1)[0]) if minutes_E.size > 1 else 0.0
