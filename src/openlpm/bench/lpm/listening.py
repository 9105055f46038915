"""D3: does a listener answer what is heard, in time, and this partner rather than another?"""

import numpy as np

from openlpm.bench.lpm.measures import Control, Dimension, Measure
from openlpm.bench.lpm.strata import Track
from openlpm.bench.lpm.task import Task, Values
from openlpm.bench.lpm.view import View
from openlpm.bench.reactions import answer_counts, asked_frames, contrast, cues_of, true_reactions, within
from openlpm.bench.rehearsal import in_room

_C = Control
MEASURES = (
    Measure(
        name="reaction_f1", dimension=Dimension.REACTION, primary=True, best=1.0, worst=0.0,
        reacts=(_C.NOISE, _C.FREEZE, _C.PARTNER, _C.REVERSED, _C.NODS), still=(_C.PERSON, _C.REENCODE),
    ),
    Measure(
        name="reaction_contrast", dimension=Dimension.REACTION, primary=False, best=1.0, worst=0.0,
        reacts=(_C.NOISE, _C.FREEZE, _C.PARTNER, _C.REVERSED), still=(_C.PERSON, _C.REENCODE),
    ),
)  # fmt: skip

_FEWEST_CUES, _FEWEST_WANTED = 2, 2


def score(task: Task, view: View) -> Values:
    """Of listening cases in which two reactions or more can be seen."""
    if task.record is None or task.case.track != Track.LISTENING:
        return {}
    detector, seen_FR = task.yardstick.reactions, in_room(view.reading.rig_FR)
    found: Values = {}
    _, shown = true_reactions(task.record, detector)
    if len(shown) >= _FEWEST_WANTED:
        twice_hits, total = answer_counts(task.record, seen_FR, detector)
        found["reaction_f1"] = float(twice_hits / total) if total else 0.0
    asked_F = asked_frames(task.record)
    own = within(cues_of(task.record, detector.names), asked_F)
    others = [within(cues_of(partner, detector.names), asked_F) for partner in task.partners]
    others = [cues for cues in others if cues]
    if len(own) >= _FEWEST_CUES and others:
        evidence_FK = np.where(asked_F[:, None], detector.evidence(seen_FR), 0.0)
        found["reaction_contrast"] = contrast(evidence_FK, detector.names, own, others)
    return found
