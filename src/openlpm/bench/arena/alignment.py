"""The alignment score: whether raters find a system's picture to belong to its own sound, free of how good it looks."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

import numpy as np

from openlpm.bench.arena.question import Choice, Question
from openlpm.bench.arena.trial import Kind, Vote
from openlpm.bench.statistics import Estimate, ratio_of_sums


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Alignment:
    """Votes for the right sound less votes for the wrong one, over all: 1 always right, 0 chance."""

    system: str
    question: Question
    score: Estimate
    """With its interval over cases."""
    votes: int


def alignments(votes: Iterable[Vote]) -> list[Alignment]:
    """Of every system and question of the mismatch trials among kept votes."""
    nets: dict[tuple[str, Question], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for vote in votes:
        trial = vote.trial
        if trial.kind is Kind.MISMATCH and vote.choice is not Choice.CANNOT_TELL:
            net = 0 if vote.choice is Choice.SAME else 1 if vote.choice is trial.true_side else -1
            nets[trial.left.system, vote.question][trial.case].append(net)
    return [
        Alignment(
            system=system,
            question=question,
            score=ratio_of_sums(
                np.array([sum(each) for each in by_case.values()], np.float64),
                np.array([len(each) for each in by_case.values()], np.float64),
            ),
            votes=sum(len(each) for each in by_case.values()),
        )
        for (system, question), by_case in sorted(nets.items())
    ]
