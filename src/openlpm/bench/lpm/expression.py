"""D9: the emotion that is asked for, eyes where they should look, and lids that blink as lids do."""

import numpy as np

from openlpm.bench import eyes, metrics
from openlpm.bench.emotions import labels_of
from openlpm.bench.lpm.measures import Control, Dimension, Measure
from openlpm.bench.lpm.strata import Track
from openlpm.bench.lpm.task import Task, Values
from openlpm.bench.lpm.view import View
from openlpm.bench.rehearsal import in_room
from openlpm.core.units import FRAME_RATE_HZ

_C = Control
MEASURES = (
    Measure(
        name="emotion_accuracy", dimension=Dimension.EXPRESSION, primary=True, best=1.0, worst=0.0,
        reacts=(_C.MOOD,), still=(_C.PERSON, _C.REENCODE),
    ),
    Measure(
        name="gaze_error_deg", dimension=Dimension.EXPRESSION, primary=False, best=0.0, worst=90.0,
        reacts=(_C.MOOD, _C.NOISE), still=(_C.PERSON, _C.REENCODE), unit="deg",
    ),
    Measure(
        name="blink_error", dimension=Dimension.EXPRESSION, primary=False, best=0.0, worst=2.0,
        reacts=(_C.FREEZE, _C.NOISE), still=(_C.PERSON, _C.REENCODE, _C.REVERSED),
    ),
    Measure(
        name="blink_ks", dimension=Dimension.EXPRESSION, primary=False, best=0.0, worst=1.0,
        reacts=(_C.FREEZE, _C.NOISE), still=(_C.PERSON, _C.REENCODE),
    ),
)  # fmt: skip

_LEAST_SECONDS = 3
_TRUE_BLINKS = 2


def score(task: Task, view: View) -> Values:
    """Of short cases: clear seconds, frames with open eyes, and the number of blinks beside the true one."""
    if task.record is None or task.case.track == Track.LONG:
        return {}
    found: Values = {}
    seen_FR, label_W = view.reading.rig_FR, labels_of(task.record)
    if task.case.sub in ("emotion", "change", "script", "feeling") and int((label_W >= 0).sum()) >= _LEAST_SECONDS:
        read_W = task.yardstick.emotions.read(in_room(seen_FR))
        found["emotion_accuracy"] = float((read_W == label_W)[label_W >= 0].mean())
    total, frames = eyes.gaze_error(seen_FR, task.true_rig)
    if frames > FRAME_RATE_HZ:
        found["gaze_error_deg"] = total / frames
    true = metrics.blinks(task.true_rig)
    if true >= _TRUE_BLINKS:
        found["blink_error"] = abs(metrics.blinks(seen_FR) - true) / true
    if task.truth is not None and len(eyes.blink_times(task.truth.reading.rig_FR)) >= _TRUE_BLINKS:
        both_1X = np.concatenate([eyes.blink_counts(each.reading.rig_FR) for each in (view, task.truth)])[None]
        found["blink_ks"] = float(eyes.kolmogorov_smirnov(both_1X)[0])
    return found
