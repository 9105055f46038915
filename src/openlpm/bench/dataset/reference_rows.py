"""How right references are: what they show, whose they are, and when they were taken."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from openlpm.bench.dataset.acted import ActedFilm, moment_at, moment_of
from openlpm.bench.result import Bar, Row
from openlpm.bench.statistics import mean
from openlpm.core.record import Truth
from openlpm.core.rig import Rig, RigTrack
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.pairing.part import Unit
from openlpm.data.parts import Span
from openlpm.data.records import Record
from openlpm.data.references.part import Reference, References
from openlpm.dit.condition import ReferenceKind

_TURNED, _NODDED, _AHEAD = 0.15, 0.09, 0.3
"""Radians of the true rig from which on a view is one, and up to which somebody looks ahead."""
_SMILE, _OPEN, _SHUT, _WIDE, _SAD = 0.35, 0.35, 0.7, 0.3, 0.25


def reference_rows(films: Sequence[ActedFilm], units: Sequence[Record]) -> list[Row]:
    """The rows of units that went through the stage ``references``."""
    right: list[float] = []
    same: list[float] = []
    inside: list[float] = []
    whole: list[float] = []
    for record in units:
        references, moment = record.part(References).references, moment_of(films, record)
        whole.append(float(any(each.kind is ReferenceKind.GLOBAL for each in references)))
        inside += [float(is_inside(record, each)) for each in references]
        for each in references:
            found = moment_at(films, record, each.span, each.frame, 1)
            if found is None or moment is None:
                continue
            assert found.shot.truth is not None
            right.append(float(is_so(found.shot.truth, found.first_frame, each)))
            same.append(float(found.shot.identity == moment.shot.identity))
    return [
        Row.of("reference_label_accuracy", mean(np.array(right)), bar=Bar(at_least=0.9)),
        Row.of("reference_same_person", mean(np.array(same))),
        Row.of("references_from_clip", mean(np.array(inside)), bar=Bar(at_most=0.0)),
        Row.of("references_with_global", mean(np.array(whole))),
    ]


def is_inside(record: Record, reference: Reference) -> bool:
    """Whether a reference is a frame of the unit that has it."""
    unit = record.part(Unit)
    start_s = record.part(Span).start_s + Fraction(unit.first_frame, FRAME_RATE_HZ)
    return start_s <= reference.at_s < start_s + Fraction(unit.num_frames, FRAME_RATE_HZ)


def is_so(truth: Truth, frame: int, reference: Reference) -> bool:
    """Whether the performer really did what the name of the reference says."""
    rig_R: RigTrack = truth.rig_FR[frame]
    yaw, pitch = float(rig_R[Rig.YAW]), float(rig_R[Rig.PITCH])
    ahead = abs(yaw) < _AHEAD and abs(pitch) < _AHEAD
    shut = float(rig_R[Rig.BLINK_LEFT] + rig_R[Rig.BLINK_RIGHT]) / 2
    brows = float(rig_R[Rig.BROW_LEFT] + rig_R[Rig.BROW_RIGHT]) / 2
    smile, jaw = float(rig_R[Rig.SMILE]), float(rig_R[Rig.JAW])
    holds = {
        "frontal": abs(yaw) < 2 * _TURNED and abs(pitch) < 2 * _NODDED and shut < 0.6,
        "left": yaw < -_TURNED,
        "right": yaw > _TURNED,
        "up": pitch > _NODDED,
        "down": pitch < -_NODDED,
        "smile": ahead and smile > _SMILE,
        "open mouth": ahead and jaw > _OPEN,
        "eyes closed": ahead and shut > _SHUT,
        "surprise": ahead and (float(rig_R[Rig.WIDEN]) + brows) / 2 > _WIDE,
        "sad": ahead and (-smile - float(rig_R[Rig.FURROW])) / 2 > _SAD,
    }
    return holds[reference.subtype]
