"""D5: is it the person of the references, in every frame and to the end?"""

import numpy as np

from openlpm.bench.lpm.measures import Control, Dimension, Measure
from openlpm.bench.lpm.task import Task, Values
from openlpm.bench.lpm.view import View

_C = Control
_STAYS = (_C.FREEZE, _C.SHUFFLED, _C.SHIFTED_8, _C.REVERSED, _C.LOOP, _C.JITTER, _C.CHATTER, _C.REENCODE)
MEASURES = (
    Measure(
        name="identity_tar", dimension=Dimension.IDENTITY, primary=True, best=1.0, worst=0.0,
        reacts=(_C.PERSON,), still=_STAYS,
    ),
    Measure(
        name="identity_low", dimension=Dimension.IDENTITY, primary=False, best=1.0, worst=-1.0,
        reacts=(_C.PERSON,), still=_STAYS,
    ),
    Measure(
        name="identity_drift", dimension=Dimension.IDENTITY, primary=False, best=0.0, worst=2.0,
        reacts=(_C.MORPH,), still=(_C.SHUFFLED, _C.SHIFTED_8, _C.CHATTER, _C.REENCODE),
    ),
)  # fmt: skip

_LOW, _PARTS = 0.05, 4


def score(task: Task, view: View) -> Values:
    """Of all cases: share of frames above the threshold, the worst twentieth, and what the last quarter has lost."""
    likeness_F = np.nan_to_num(view.reading.identity_FD @ task.embedding_D, nan=-1.0)
    quarter = max(likeness_F.size // _PARTS, 1)
    lost = float(np.median(likeness_F[:quarter]) - np.median(likeness_F[-quarter:]))
    if task.truth is not None:  # a head that turns away in truth is no drift
        true_F = task.truth.reading.identity_FD @ task.embedding_D
        lost -= float(np.median(true_F[:quarter]) - np.median(true_F[-quarter:]))
    return {
        "identity_tar": float((likeness_F > task.yardstick.identity).mean()),
        "identity_low": float(np.quantile(likeness_F, _LOW)),
        "identity_drift": max(lost, 0.0),
    }
