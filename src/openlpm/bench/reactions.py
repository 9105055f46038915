"""Does a listener answer what is heard? Reactions that fit a cue, in time, and to this partner rather than another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.bench import controls, statistics
from openlpm.bench.metrics import quiet
from openlpm.bench.reaction_detector import CLASS_OF, CLOSE_FRAMES, Detection, ReactionDetector, peaks
from openlpm.bench.rehearsal import in_room
from openlpm.bench.result import Bar, Row
from openlpm.bench.scoring import Scored, mean_of, ratio, scored_rows, unasked, withheld
from openlpm.bench.signals import FloatTrack, Mask
from openlpm.bench.statistics import Values
from openlpm.core.record import PerformanceRecord
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.synth.act.reactions import ANSWERS, WINDOW_S

F1, AUC = "reaction_event_f1", "reaction_contrast_auc"
F1_S_BAR, AUC_BAR = Bar(at_least=0.8), Bar(at_least=0.85)
ESSENTIAL = ("nod", "smile", "brow_raise")
"""Most of what listeners do: where one of these cannot be detected, nothing is said about reactions."""
_SLACK_FRAMES = 4  # a detector finds onsets to within a few frames
_EXCUSED_FRAMES = 12
_FEWEST_CUES = 2  # of a clip, to tell partners apart by when they pause
_FAINT = 0.4  # evidence that counts at all, where 1 is a detection
_OTHER_REASONS = ("action:", "voice:", "backchannel", "turn_yield", "turn_start")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """A cue in a clip, and the classes of reaction that fit it."""

    first: int
    end: int
    """Frames in which an answer may begin."""
    fitting: frozenset[str]

    def answered_by(self, seen: Detection) -> bool:
        """Whether the reaction is an answer to this cue."""
        return seen.reaction in self.fitting and self.first <= seen.frame < self.end


def cues_of(record: PerformanceRecord, names: Sequence[str]) -> list[Heard]:
    """All cues of a clip that reactions among ``names`` may answer."""
    assert record.truth is not None
    first, last = (round(seconds * FRAME_RATE_HZ) for seconds in WINDOW_S)
    return [
        Heard(
            first=event.start_frame + first - _SLACK_FRAMES,
            end=event.start_frame + last + _SLACK_FRAMES + 1,
            fitting=fitting,
        )
        for event in record.truth.events
        if event.kind in ANSWERS and (fitting := frozenset(CLASS_OF[kind] for kind in ANSWERS[event.kind]) & set(names))
    ]


def within(cues: Sequence[Heard], asked_F: Mask) -> list[Heard]:
    """The cues after which most of the time for an answer is asked for."""
    return [cue for cue in cues if asked_F[max(cue.first, 0) : cue.end].sum() > (cue.end - cue.first) / 2]


def asked_frames(record: PerformanceRecord) -> Mask:
    """Frames in which a movement of the listener can only be a reaction: quiet, and nothing else moves face or head."""
    assert record.truth is not None
    asked_F = quiet(record.state_F)
    for event in record.truth.events:
        if event.kind.startswith(_OTHER_REASONS):
            asked_F[max(event.start_frame - _EXCUSED_FRAMES, 0) : event.end_frame + _EXCUSED_FRAMES] = False
    return asked_F


def true_reactions(record: PerformanceRecord, detector: ReactionDetector) -> tuple[list[Detection], list[Detection]]:
    """The reactions that the truth names, and those of them that its rig shows where a reaction is asked for.

    A smile of somebody who beams anyway changes no picture: nobody can see it, and nobody is asked for it.
    """
    assert record.truth is not None
    named = [
        Detection(reaction=CLASS_OF[event.kind], frame=event.start_frame)
        for event in record.truth.events
        if CLASS_OF.get(event.kind) in detector.names
    ]
    shown = detector.detect(in_room(record.truth.rig_FR), asked_frames(record))
    seen = [
        one
        for one in named
        if any(one.reaction == other.reaction and abs(one.frame - other.frame) <= CLOSE_FRAMES for other in shown)
    ]
    return named, seen


def answer_counts(record: PerformanceRecord, read_FR: FloatTrack, detector: ReactionDetector) -> NDArray[np.float64]:
    """What a clip adds to the F1: twice the cues that were answered as in the truth, and that plus all errors.

    The truth says which cues are answered; with which of the fitting reactions is free. An error is such a cue without
    an answer, or a reaction that answers none.
    """
    asked_F = asked_frames(record)
    named, shown = true_reactions(record, detector)
    cues = cues_of(record, detector.names)
    answered = [cue for cue in cues if any(cue.answered_by(one) for one in named)]
    wanted = within([cue for cue in cues if any(cue.answered_by(one) for one in shown)], asked_F)
    seen = detector.detect(read_FR, asked_F)
    hits = sum(any(cue.answered_by(one) for one in seen) for cue in wanted)
    wrong = sum(not any(cue.answered_by(one) for cue in answered) for one in seen)
    return np.array([2.0 * hits, 2.0 * hits + wrong + len(wanted) - hits])


def fit_to_cues(evidence_FK: FloatTrack, names: Sequence[str], cues: Sequence[Heard]) -> float:
    """How far cues and reactions explain one another: more than cues and reactions at any other time would.

    The evidence of an answer after each cue, less what any other time has, and the share of reactions that are
    answers, less the share of time in which they would be.
    """
    bounded_FK = np.clip(evidence_FK, 0.0, 1.0)
    answer_F = np.zeros_like(bounded_FK, dtype=np.bool_)
    gains: list[float] = []
    for cue in cues:
        fitting = [index for index, name in enumerate(names) if name in cue.fitting]
        best_F, length = bounded_FK[:, fitting].max(axis=1), cue.end - cue.first
        everywhere = np.lib.stride_tricks.sliding_window_view(np.pad(best_F, (0, length - 1)), length).max(axis=1)
        window = slice(max(cue.first, 0), cue.end)
        answer_F[window, fitting] = True
        gains.append(float(best_F[window].max(initial=0.0) - everywhere.mean()))
    covered = total = 0.0
    for index in range(len(names)):
        weight_F = bounded_FK[:, index]
        for frame in peaks(weight_F, _FAINT):
            total += weight_F[frame]
            covered += weight_F[frame] * (float(answer_F[frame, index]) - float(answer_F[:, index].mean()))
    return float(np.mean(gains)) + covered / max(total, 1.0)


def contrast(
    evidence_FK: FloatTrack, names: Sequence[str], own: Sequence[Heard], others: Sequence[list[Heard]]
) -> float:
    """Share of other partners whose cues fit the reactions less than the own partner's do; ties count half.

    Chance (0.5) where there is no other partner.
    """
    if not others:
        return 0.5
    mine = fit_to_cues(evidence_FK, names, own)
    theirs = np.array([fit_to_cues(evidence_FK, names, cues) for cues in others])
    return float(np.mean((mine > theirs + 1e-9) + 0.5 * (np.abs(mine - theirs) <= 1e-9)))


def no_reaction_rows() -> list[Row]:
    """The rows of both metrics where no listener was asked."""
    return [*unasked(F1, s_bar=F1_S_BAR), *unasked(AUC, bar=AUC_BAR)]


def reaction_rows(
    records: Sequence[PerformanceRecord],
    truth: Sequence[FloatTrack],
    generated: Sequence[FloatTrack],
    detector: ReactionDetector,
) -> list[Row]:
    """Both metrics with truth, control (the listener of another clip) and s; tracks are rigs as they were read."""
    shown = {"truth": [in_room(rig_FR) for rig_FR in truth], "generated": [in_room(rig_FR) for rig_FR in generated]}
    shown["control"] = [shown["truth"][index] for index in controls.another_clip(len(records))]

    def counts(name: str) -> Values:
        return np.stack([answer_counts(r, x, detector) for r, x in zip(records, shown[name], strict=True)])

    heard = [cues_of(record, detector.names) for record in records]
    masks = [asked_frames(record) for record in records]
    own = [within(cues, asked_F) for cues, asked_F in zip(heard, masks, strict=True)]
    cued = [index for index, cues in enumerate(own) if len(cues) >= _FEWEST_CUES]

    def contrasts(name: str) -> Values:
        found: list[float] = []
        for index in cued:
            evidence_FK = np.where(masks[index][:, None], detector.evidence(shown[name][index]), 0.0)
            others = [within(heard[other], masks[index]) for other in cued if other != index]
            found.append(contrast(evidence_FK, detector.names, own[index], [cues for cues in others if cues]))
        return mean_of(np.array(found))

    def scored(terms: dict[str, Values]) -> Scored:
        return Scored(
            generated_NX=terms["generated"], truth_NX=terms["truth"], control_NX=terms["control"], value=ratio
        )

    reactions = [true_reactions(record, detector) for record in records]
    visible = np.array([[len(shown), len(named)] for named, shown in reactions], dtype=np.float64)
    rows = [
        *scored_rows(F1, scored({name: counts(name) for name in shown}), s_bar=F1_S_BAR),
        Row.of(f"{F1}/visible", statistics.of_sums(visible, ratio)),
        *scored_rows(AUC, scored({name: contrasts(name) for name in shown}), bar=AUC_BAR),
    ]
    judged = (F1, f"{F1}/s", AUC, f"{AUC}/s")
    if set(ESSENTIAL) <= set(detector.names):
        return rows
    return [withheld(row) if row.name in judged else row for row in rows]
