"""Which trial comes next: where a vote narrows the widest interval, and nobody sees the same twice."""

import secrets
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Final, TypeVar, final

import numpy as np

from openlpm.bench.arena.board import ballots_of
from openlpm.bench.arena.case import Case
from openlpm.bench.arena.entry import Entry
from openlpm.bench.arena.question import Mode, Question, Track
from openlpm.bench.arena.special import Stage, control, mismatch
from openlpm.bench.arena.strength import chances, fit
from openlpm.bench.arena.study import Study
from openlpm.bench.arena.trial import Kind, Side, Trial, Vote

_PRIOR = 1.0
"""Precision of strengths while choosing: a system that was hardly seen has the widest interval, and a finite one."""
Pair = tuple[str, str]
_Thing = TypeVar("_Thing")
_EXPERT_ROTATION: Final = tuple(Question)


@final
class Chooser:
    """Draws trials; ``rng`` decides what is left to chance."""

    def __init__(
        self,
        cases: Mapping[str, Case],
        entries: Sequence[Entry],
        study: Study,
        *,
        truth: Entry | None = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        self._rng = np.random.default_rng() if rng is None else rng
        self._study, self._cases = study, cases
        self._entries = {entry.name: entry for entry in entries}
        self._pairs: list[Pair] = list(combinations(sorted(self._entries), 2))
        self._stage = Stage(cases=cases, entries=tuple(entries), truth=truth, mode=study.mode, rng=self._rng)
        self._by_track: dict[Track, list[Case]] = defaultdict(list)
        for case in cases.values():
            self._by_track[case.track].append(case)

    def draw(self, rater: str, votes: Sequence[Vote], waiting: Sequence[Trial] = ()) -> Trial | None:
        """The next trial of a rater, given all votes so far; None: this rater has seen all there is to see.

        ``waiting`` are trials that the rater has not answered yet.
        """
        mine = [*(vote.trial for vote in votes if vote.trial.rater == rater), *waiting]
        chance = float(self._rng.random())
        special: Trial | None = None
        if chance < self._study.control_share:
            special = control(self._stage, rater, mine)
        elif chance < self._study.control_share + self._study.mismatch_share:
            special = mismatch(self._stage, rater, mine)
        return special or self._pair(rater, votes, mine)

    def _pair(self, rater: str, votes: Sequence[Vote], mine: Sequence[Trial]) -> Trial | None:
        pairs = [vote for vote in votes if vote.trial.kind is Kind.PAIR]
        seen = {
            (trial.case, *sorted((trial.left.system, trial.right.system))) for trial in mine if trial.kind is Kind.PAIR
        }
        begun = self._begun(pairs, seen)
        if begun is not None:
            return self._trial(rater, *begun)
        for track in self._tracks(pairs):
            here = [vote for vote in pairs if vote.trial.track is track]
            for question in self._questions(track, here):
                asked = [vote for vote in here if vote.question is question]
                for pair in self._ordered_pairs(here, asked):
                    case = self._case(track, question, pair, asked, seen)
                    if case is not None:
                        return self._trial(rater, case, question, pair)
        return None

    def _begun(self, votes: Iterable[Vote], seen: set[tuple[str, ...]]) -> tuple[Case, Question, Pair] | None:
        """A question about a pair and case that others have answered and that still lacks raters.

        Finished first, so that how far raters agree is known from the beginning; only as many are open as there are
        raters at work, so it costs the choice of pairs little.
        """
        given = Counter((vote.trial.case, vote.question, _pair_of(vote.trial)) for vote in votes)
        for (name, question, pair), count in self._shuffled(given.items()):
            known = all(system in self._entries and name in self._entries[system].videos for system in pair)
            if known and count < self._study.votes_a_unit and (name, *pair) not in seen and self._leads(question):
                return self._cases[name], question, pair
        return None

    def _leads(self, question: Question) -> bool:
        """Whether a trial can be drawn for a question: to a crowd all others come beside the overall impression."""
        return self._study.mode is Mode.EXPERT or question is Question.OVERALL

    def _tracks(self, votes: Sequence[Vote]) -> list[Track]:
        """Those with the fewest votes for their cases first; one that lacks a pair before any other."""
        met = {(vote.trial.track, _pair_of(vote.trial)) for vote in votes}
        count = Counter(vote.trial.track for vote in votes)

        def need(track: Track) -> tuple[bool, float]:
            whole = all((track, pair) in met for pair in self._possible(track))
            return whole, count[track] / len(self._by_track[track])

        return sorted(self._shuffled(self._by_track), key=need)

    def _possible(self, track: Track) -> Iterator[Pair]:
        for pair in self._pairs:
            first, second = (self._entries[name].videos for name in pair)
            if any(case.id in first and case.id in second for case in self._by_track[track]):
                yield pair

    def _questions(self, track: Track, votes: Iterable[Vote]) -> list[Question]:
        """Those with the fewest votes first; a crowd is asked for its overall impression anyway."""
        if self._study.mode is Mode.CROWD:
            return [Question.OVERALL]
        count = Counter(vote.question for vote in votes)
        asked = {question for case in self._by_track[track] for question in case.questions}
        return sorted(self._shuffled(q for q in _EXPERT_ROTATION if q in asked), key=lambda question: count[question])

    def _ordered_pairs(self, here: Sequence[Vote], asked: Sequence[Vote]) -> list[Pair]:
        """Those that this track has not seen, then those whose vote most narrows the widest interval."""
        met = {_pair_of(vote.trial) for vote in here}
        systems = sorted(self._entries)
        place = {name: index for index, name in enumerate(systems)}
        known = [vote for vote in asked if vote.trial.left.system in place and vote.trial.right.system in place]
        found = fit(ballots_of(known, systems), prior=_PRIOR)
        spread_KK = found.covariance_KK
        widest = int(np.argmax(np.diag(spread_KK)))

        def narrows(pair: Pair) -> float:
            first, second = place[pair[0]], place[pair[1]]
            gap = found.strength_K[first] - found.strength_K[second]
            left, same, right = chances(np.array([gap]), float(np.log(found.nu)))[0]
            told = (1 - same - (left - right) ** 2) / 4
            shared = spread_KK[widest, first] - spread_KK[widest, second]
            between = spread_KK[first, first] + spread_KK[second, second] - 2 * spread_KK[first, second]
            return float(told * shared**2 / (1 + told * between))

        return sorted(self._shuffled(self._pairs), key=lambda pair: (pair in met, -narrows(pair)))

    def _case(
        self, track: Track, question: Question, pair: Pair, asked: Iterable[Vote], seen: set[tuple[str, ...]]
    ) -> Case | None:
        """One on which nobody has compared the pair so; of those the one that was asked about least."""
        given = Counter(vote.trial.case for vote in asked if _pair_of(vote.trial) == pair)
        overall = Counter(vote.trial.case for vote in asked)
        first, second = (self._entries[name].videos for name in pair)
        open_cases = [
            case
            for case in self._by_track[track]
            if question in case.questions
            and case.id in first
            and case.id in second
            and (case.id, *pair) not in seen
            and given[case.id] == 0
        ]
        return min(self._shuffled(open_cases), key=lambda case: overall[case.id], default=None)

    def _trial(self, rater: str, case: Case, question: Question, pair: Pair) -> Trial:
        left, right = self._shuffled(pair)
        return Trial(
            id=secrets.token_hex(12),
            rater=rater,
            kind=Kind.PAIR,
            case=case.id,
            track=case.track,
            questions=self._stage.with_others(case, question),
            left=Side(system=left, sound_of=case.id),
            right=Side(system=right, sound_of=case.id),
            cut=float(self._rng.random()),
        )

    def _shuffled(self, things: Iterable[_Thing]) -> list[_Thing]:
        listed = list(things)
        return [listed[index] for index in self._rng.permutation(len(listed))]


def _pair_of(trial: Trial) -> Pair:
    left, right = trial.left.system, trial.right.system
    return (left, right) if left < right else (right, left)
