"""D6: as much movement as in truth, no tremor, no standstill, no loop."""

import numpy as np
from numpy.typing import NDArray

from openlpm.bench import metrics
from openlpm.bench.lpm.measures import Control, Dimension, Measure
from openlpm.bench.lpm.strata import Track
from openlpm.bench.lpm.task import Task, Values
from openlpm.bench.lpm.view import View
from openlpm.bench.signals import smooth
from openlpm.core.rig import Rig
from openlpm.core.units import FRAME_RATE_HZ

_C = Control
_STAYS = (_C.SHUFFLED, _C.SHIFTED_8, _C.REENCODE)
MEASURES = (
    Measure(
        name="motion_error", dimension=Dimension.MOTION, primary=True, best=0.0, worst=4.0,
        reacts=(_C.NOISE, _C.FREEZE), still=(*_STAYS, _C.REVERSED),
    ),
    Measure(
        name="tremor_error", dimension=Dimension.MOTION, primary=False, best=0.0, worst=4.0,
        reacts=(_C.JITTER,), still=_STAYS,
    ),
    Measure(
        name="frozen_share", dimension=Dimension.MOTION, primary=False, best=0.0, worst=1.0,
        reacts=(_C.FREEZE,), still=(*_STAYS, _C.REVERSED),
    ),
    Measure(
        name="loop_score", dimension=Dimension.MOTION, primary=False, best=0.0, worst=1.0,
        reacts=(_C.LOOP,), still=(*_STAYS, _C.REVERSED),
    ),
)  # fmt: skip

_HEAD = (Rig.YAW, Rig.PITCH, Rig.ROLL)
_LEAST_ENERGY, _LEAST_CHANGE = 1e-9, 1e-4
_STILL = 0.2
"""A frame stands still if the picture changes by less than so much of what changes in truth at its stillest tenth."""
SHORTEST_LOOP, _LONGEST_LOOP = 2 * FRAME_RATE_HZ, 12 * FRAME_RATE_HZ
"""What returns sooner than that is how heads move."""


def score(task: Task, view: View) -> Values:
    """Of all short cases with a truth."""
    truth = task.truth
    if truth is None or task.case.track == Track.LONG:
        return {}
    made, true = (metrics.head_energy(each.reading.rig_FR)[0] for each in (view, truth))
    change_F, tremor_F = view.pictures.change_F[1:], view.pictures.tremor_F[1:-1]
    still = _STILL * float(np.quantile(truth.pictures.change_F[1:], 0.1)) + 1e-9
    return {
        "motion_error": _off(made, true, _LEAST_ENERGY),
        "tremor_error": _off(float(tremor_F.mean()), float(truth.pictures.tremor_F[1:-1].mean()), _LEAST_CHANGE),
        "frozen_share": float((change_F <= still).mean()),
        "loop_score": loop_score(view.reading.rig_FR),
    }


def loop_score(rig_FR: NDArray[np.float32]) -> float:
    """How nearly the head does again what it has done, at the best distance in time: 1 exactly, 0 not at all."""
    head_FC = smooth(rig_FR[:, list(_HEAD)].astype(np.float64), 5)
    best = 0.0
    for lag in range(SHORTEST_LOOP, min(_LONGEST_LOOP, head_FC.shape[0] // 2) + 1, 2):
        now_FC, before_FC = head_FC[lag:], head_FC[:-lag]
        apart = float(((now_FC - before_FC) ** 2).mean())
        spread = float(now_FC.var(axis=0).mean() + before_FC.var(axis=0).mean())
        best = max(best, 1.0 - apart / spread if spread > _LEAST_ENERGY else 1.0)
    return best


def _off(made: float, true: float, least: float) -> float:
    """How far off a size is, whichever way, as a logarithm."""
    return abs(float(np.log(made + least)) - float(np.log(true + least))) if np.isfinite(made) else float("nan")
