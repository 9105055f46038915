"""D7: do pictures look like those of the truth? A kernel distance between what few numbers say of either."""

import numpy as np
from numpy.typing import NDArray

from openlpm.bench.lpm.measures import Control, Dimension, Measure
from openlpm.bench.lpm.task import Task, Values
from openlpm.bench.lpm.view import View

_C = Control
MEASURES = (
    Measure(
        name="picture_distance", dimension=Dimension.PICTURE, primary=True, best=0.0, worst=2.0,
        reacts=(_C.CODEC, _C.BLUR, _C.NOISE), still=(_C.SHUFFLED, _C.SHIFTED_8, _C.REVERSED, _C.LOOP, _C.REENCODE),
    ),
    Measure(
        name="sharpness_error", dimension=Dimension.PICTURE, primary=False, best=0.0, worst=3.0,
        reacts=(_C.CODEC, _C.BLUR), still=(_C.SHUFFLED, _C.SHIFTED_8, _C.REVERSED, _C.LOOP, _C.REENCODE),
    ),
)  # fmt: skip

_LEAST_SHARP = 1e-4


def score(task: Task, view: View) -> Values:
    """Of all cases with a truth; both clips are described in the same number of windows, at the same places."""
    if task.truth is None:
        return {}
    made_WX, true_WX = (_scaled(each.pictures.looks_WX, task) for each in (view, task.truth))
    sharp, true = (float(each.pictures.sharp_F.mean()) + _LEAST_SHARP for each in (view, task.truth))
    return {
        "picture_distance": kernel_distance(made_WX, true_WX),
        "sharpness_error": abs(float(np.log(sharp / true))),
    }


def _scaled(looks_WX: NDArray[np.float64], task: Task) -> NDArray[np.float64]:
    return (looks_WX - task.yardstick.looks_mean_X) / task.yardstick.looks_spread_X


def kernel_distance(a_WX: NDArray[np.float64], b_WX: NDArray[np.float64]) -> float:
    """Maximum mean discrepancy; 0 for the same pictures, 2 at most.

    The kernel is bounded (rational quadratic), as Binkowski et al. (2018) also propose: with the cubic one the worst
    control was a hundred times as far as a poor entry, and everybody looked perfect beside it.

    The estimate that keeps the diagonal: it is biased, but equally for all of equally many windows, and exact for
    clips that are the same.
    """
    if not np.isfinite(a_WX).all():
        return float("nan")

    def kernel(x_WX: NDArray[np.float64], y_WX: NDArray[np.float64]) -> float:
        apart_WW = np.square(x_WX[:, None] - y_WX[None]).mean(axis=-1)
        return float((1.0 / (1.0 + apart_WW / 2)).mean())

    return max(kernel(a_WX, a_WX) + kernel(b_WX, b_WX) - 2 * kernel(a_WX, b_WX), 0.0)
