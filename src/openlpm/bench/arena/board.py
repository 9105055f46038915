"""Boards: what the kept votes of one question say of all systems, in one track or in all."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from openlpm.bench.arena.agreement import Level, alpha
from openlpm.bench.arena.intervals import RESAMPLES, Standing, standings
from openlpm.bench.arena.question import Choice, Question, Track
from openlpm.bench.arena.strength import Ballots, fit
from openlpm.bench.arena.trial import Kind, Vote

LEAST_ALPHA: Final = 0.2
"""Below it raters agree too little: a question is shown and not ranked."""
_OUTCOMES: Final = {Choice.LEFT: 0, Choice.SAME: 1, Choice.RIGHT: 2}
_ORDER: Final = (-1, 0, 1)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """Good, same and bad, from the first system's point of view, and those who could not tell."""

    first: str
    second: str
    good: int
    same: int
    bad: int
    cannot_tell: int


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Board:
    """One question in one track; ``track`` is None for all tracks together."""

    question: Question
    track: Track | None
    systems: tuple[str, ...]
    standings: tuple[Standing, ...]
    votes: tuple[int, ...]
    """Of each system."""
    nu: float
    side: float
    """Log odds in favour of the left side."""
    alpha_nominal: float
    alpha_ordinal: float
    """NaN: no pair and case was judged twice, or all said the same."""
    tallies: tuple[Tally, ...]

    @property
    def ranked(self) -> bool:
        """Whether raters agree enough for an order; where nobody judged the same pair twice there is none."""
        return math.isfinite(self.alpha_nominal) and self.alpha_nominal >= LEAST_ALPHA


def boards(votes: Iterable[Vote], *, resamples: int = RESAMPLES) -> list[Board]:
    """All boards that kept votes about pairs of systems fill, question by question, all tracks first."""
    pairs = [vote for vote in votes if vote.trial.kind is Kind.PAIR]
    found: list[Board] = []
    for question in Question:
        asked = [vote for vote in pairs if vote.question is question]
        for track in (None, *Track):
            chosen = [vote for vote in asked if track is None or vote.trial.track is track]
            if chosen:
                found.append(_board(question, track, chosen, resamples))
    return found


def ballots_of(votes: Sequence[Vote], systems: Sequence[str]) -> Ballots:
    """Votes about pairs as numbers; who cannot tell says nothing of strengths."""
    told = [vote for vote in votes if vote.choice in _OUTCOMES]
    place = {name: index for index, name in enumerate(systems)}
    raters = {name: index for index, name in enumerate(dict.fromkeys(vote.trial.rater for vote in told))}
    cases = {name: index for index, name in enumerate(dict.fromkeys(vote.trial.case for vote in told))}

    def numbers(values: Iterable[int]) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        return np.array(list(values), dtype=np.intp)

    return Ballots(
        left_N=numbers(place[vote.trial.left.system] for vote in told),
        right_N=numbers(place[vote.trial.right.system] for vote in told),
        outcome_N=numbers(_OUTCOMES[vote.choice] for vote in told),
        rater_N=numbers(raters[vote.trial.rater] for vote in told),
        case_N=numbers(cases[vote.trial.case] for vote in told),
        num_systems=len(systems),
    )


def _board(question: Question, track: Track | None, votes: Sequence[Vote], resamples: int) -> Board:
    systems = tuple(sorted({side.system for vote in votes for side in (vote.trial.left, vote.trial.right)}))
    ballots = ballots_of(votes, systems)
    found = fit(ballots)
    units: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    counts: dict[tuple[str, str], dict[int | None, int]] = defaultdict(lambda: defaultdict(int))
    for vote in votes:
        first, second, leaning = _leaning(vote)
        counts[first, second][leaning] += 1
        if leaning is not None:
            units[vote.trial.case, first, second].append(leaning)
    taken = np.bincount(np.concatenate([ballots.left_N, ballots.right_N]), minlength=len(systems))
    return Board(
        question=question,
        track=track,
        systems=systems,
        standings=tuple(standings(ballots, found, resamples=resamples)),
        votes=tuple(int(each) for each in taken),
        nu=found.nu,
        side=found.side,
        alpha_nominal=alpha(units.values(), _ORDER, Level.NOMINAL),
        alpha_ordinal=alpha(units.values(), _ORDER, Level.ORDINAL),
        tallies=tuple(
            Tally(first=pair[0], second=pair[1], good=of[1], same=of[0], bad=of[-1], cannot_tell=of[None])
            for pair, of in sorted(counts.items())
        ),
    )


def _leaning(vote: Vote) -> tuple[str, str, int | None]:
    """Both systems by name, and 1 where the first is better, 0, -1; None: cannot tell."""
    left, right = vote.trial.left.system, vote.trial.right.system
    outcome = _OUTCOMES.get(vote.choice)
    if outcome is None:
        return min(left, right), max(left, right), None
    leaning = 1 - outcome
    return (left, right, leaning) if left < right else (right, left, -leaning)
