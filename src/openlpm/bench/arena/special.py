"""Trials that are no comparison of systems: mismatches and controls."""

import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, final

import numpy as np

from openlpm.bench.arena.case import Case
from openlpm.bench.arena.entry import Entry
from openlpm.bench.arena.question import Mode, Question, Track
from openlpm.bench.arena.trial import CONTROLS, Kind, Side, Trial

_Thing = TypeVar("_Thing")
_LONG_ENOUGH = 0.8
"""Another sound lasts at least this share of the clip: nobody should tell by the silence at its end."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """What trials are made from."""

    cases: Mapping[str, Case]
    entries: tuple[Entry, ...]
    truth: Entry | None
    """Who answers as well as can be; without it every control is a clip against itself."""
    mode: Mode
    rng: np.random.Generator

    def shuffled(self, things: Iterable[_Thing]) -> list[_Thing]:
        """In an order of chance."""
        listed = list(things)
        return [listed[index] for index in self.rng.permutation(len(listed))]

    def with_others(self, case: Case, question: Question) -> tuple[Question, ...]:
        """The question; for a crowd the overall impression and it, or one by chance where it is that."""
        if self.mode is Mode.EXPERT:
            return (question,)
        others = [other for other in case.questions if other is not Question.OVERALL]
        if question is Question.OVERALL and others:
            question = self.shuffled(others)[0]
        return (Question.OVERALL,) if question is Question.OVERALL else (Question.OVERALL, question)

    def videos(self) -> list[tuple[Case, Entry]]:
        """Everything that a submission shows, in an order of chance."""
        return self.shuffled(
            (self.cases[name], entry) for entry in self.entries for name in entry.videos if name in self.cases
        )

    def other_sound(self, case: Case) -> Case | None:
        """Another case of the track whose sound can stand for this one's; of the same character where there is one."""
        fitting = [
            other
            for other in self.cases.values()
            if other.id != case.id
            and other.track is case.track
            and other.duration_s >= _LONG_ENOUGH * case.duration_s
            and (other.speak is None) == (case.speak is None)
            and (other.listen is None) == (case.listen is None)
        ]
        return min(self.shuffled(fitting), key=lambda other: other.character != case.character, default=None)


def mismatch(stage: Stage, rater: str, mine: Sequence[Trial]) -> Trial | None:
    """One system twice, once with the sound of another case; the system that this rater saw so least."""
    seen = Counter(trial.left.system for trial in mine if trial.kind is Kind.MISMATCH)
    shown = {(trial.left.system, trial.case) for trial in mine if trial.kind is Kind.MISMATCH}
    for case, entry in sorted(stage.videos(), key=lambda video: seen[video[1].name]):
        question = _alignment_question(case)
        other = stage.other_sound(case)
        if question is None or other is None or (entry.name, case.id) in shown:
            continue
        sides = Side(system=entry.name, sound_of=case.id), Side(system=entry.name, sound_of=other.id)
        return _trial(stage, rater, Kind.MISMATCH, case, (question, sides))
    return None


def control(stage: Stage, rater: str, mine: Sequence[Trial]) -> Trial | None:
    """One whose answer is known; the kind that this rater met least, on a case not yet met so."""
    count = Counter(trial.kind for trial in mine)
    shown = {(trial.kind, trial.case) for trial in mine}
    for kind in sorted(stage.shuffled(CONTROLS), key=lambda kind: count[kind]):
        for case, entry in stage.videos() if kind is Kind.SAME else _truths(stage):
            made = None if (kind, case.id) in shown else _control(stage, kind, case, entry.name)
            if made is not None:
                return _trial(stage, rater, kind, case, made)
    return None


def _truths(stage: Stage) -> list[tuple[Case, Entry]]:
    if stage.truth is None:
        return []
    truth = stage.truth
    return stage.shuffled((stage.cases[name], truth) for name in truth.videos if name in stage.cases)


def _control(stage: Stage, kind: Kind, case: Case, system: str) -> tuple[Question, tuple[Side, Side]] | None:
    plain = Side(system=system, sound_of=case.id)
    if kind is Kind.SAME:
        return stage.shuffled(case.questions)[0], (plain, plain)
    if kind is Kind.FREEZE:
        told = [q for q in case.questions if q in (Question.LIP, Question.MOTION, Question.OVERALL)]
        return stage.shuffled(told)[0], (plain, Side(system=system, sound_of=case.id, frozen=True))
    other = stage.other_sound(case)
    if other is None or Question.LIP not in case.questions:
        return None
    return Question.LIP, (plain, Side(system=system, sound_of=other.id))


def _alignment_question(case: Case) -> Question | None:
    if case.track is not Track.LISTENING and Question.LIP in case.questions:
        return Question.LIP
    return Question.REACTION if Question.REACTION in case.questions and case.listen is not None else None


def _trial(stage: Stage, rater: str, kind: Kind, case: Case, made: tuple[Question, tuple[Side, Side]]) -> Trial:
    question, sides = made
    left, right = stage.shuffled(sides)
    return Trial(
        id=secrets.token_hex(12),
        rater=rater,
        kind=kind,
        case=case.id,
        track=case.track,
        questions=stage.with_others(case, question),
        left=left,
        right=right,
        cut=float(stage.rng.random()),
    )
