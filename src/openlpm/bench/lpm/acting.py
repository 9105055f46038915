"""D8: is what the text asks for done, in its order, and when it is asked for?"""

from collections.abc import Sequence

import numpy as np

from openlpm.bench.action_match import ActionMatcher
from openlpm.bench.actions import actions_of
from openlpm.bench.lpm.measures import Control, Dimension, Measure
from openlpm.bench.lpm.strata import Track
from openlpm.bench.lpm.task import Task, Values
from openlpm.bench.lpm.view import View
from openlpm.bench.rehearsal import in_room
from openlpm.bench.signals import FloatTrack
from openlpm.core.units import FRAME_RATE_HZ

_C = Control
MEASURES = (
    Measure(
        name="action_success", dimension=Dimension.TEXT, primary=True, best=1.0, worst=0.0,
        reacts=(_C.FREEZE, _C.NOISE), still=(_C.SCRAMBLE, _C.PERSON, _C.REENCODE),
    ),
    Measure(
        name="order_success", dimension=Dimension.TEXT, primary=False, best=1.0, worst=0.0,
        reacts=(_C.FREEZE, _C.SCRAMBLE), still=(_C.PERSON, _C.REENCODE),
    ),
    Measure(
        name="action_lag_s", dimension=Dimension.TEXT, primary=False, best=0.0, worst=5.0,
        reacts=(_C.FREEZE, _C.SCRAMBLE), still=(_C.PERSON, _C.REENCODE), unit="s",
    ),
)  # fmt: skip

_FARTHEST_S = 5.0


def score(task: Task, view: View) -> Values:
    """Of the texts that ask for actions which the critic can tell (``ActionMatcher.levels``); others do not count."""
    if task.record is None or task.case.track != Track.TEXT:
        return {}
    matcher, seen_FR = task.yardstick.actions, in_room(view.reading.rig_FR)
    asked = [name for name in actions_of(task.record) if name in matcher.levels]
    if not asked:
        return {}
    found: Values = {
        "action_success": float(np.mean([matcher.best(seen_FR, name) >= matcher.levels[name] for name in asked])),
        "action_lag_s": _lag_s(task, matcher, seen_FR, asked),
    }
    if len(asked) > 1:
        found["order_success"] = float(matcher.done(seen_FR, asked))
    return found


def _lag_s(task: Task, matcher: ActionMatcher, seen_FR: FloatTrack, asked: Sequence[str]) -> float:
    """Mean seconds from when each action begins in truth to where it is best matched; the most if it is not done."""
    assert task.record is not None
    assert task.record.truth is not None
    begins = {event.kind.removeprefix("action:"): event.start_frame for event in task.record.truth.events}
    lags: list[float] = []
    for name in asked:
        match_F = matcher.match(seen_FR, name)
        done = match_F.max() >= matcher.levels[name]
        lag_s = abs(int(match_F.argmax()) - begins[name]) / FRAME_RATE_HZ
        lags.append(min(lag_s, _FARTHEST_S) if done else _FARTHEST_S)
    return float(np.mean(lags))
