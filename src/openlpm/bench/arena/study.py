"""What is fixed before the first vote: how trials are mixed, and when a rater's votes do not count."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import final

import cattrs

from openlpm.bench.arena.question import Choice, Mode
from openlpm.bench.arena.trial import Kind, Vote
from openlpm.core.errors import ConfigError


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class RaterRule:
    """Whose votes count. Those of others stay in the file, marked as not kept."""

    obvious_at_least: float = 0.8
    """Share of right answers where truth stands against a still picture or against the wrong sound."""
    extremes_at_most: float = 0.3
    """Share of answers other than "same" and "can't tell" where a clip stands against itself."""
    fewest: int = 5
    """Either share counts from so many answers on: below, chance would decide."""

    def __post_init__(self) -> None:
        for name in ("obvious_at_least", "extremes_at_most"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name}={getattr(self, name)}: give a share, 0 to 1")
        if self.fewest < 1:
            raise ConfigError(f"fewest={self.fewest}: give 1 or more answers")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Study:
    """Kept with the votes: a file of votes goes on with the study that it was begun with."""

    mode: Mode = Mode.EXPERT
    mismatch_share: float = 0.15
    control_share: float = 0.10
    votes_a_unit: int = 3
    """Raters who answer one question about one pair and case."""
    native: bool = False
    """Every clip at its own height; else both at that of the smaller."""
    rule: RaterRule = field(default_factory=RaterRule)

    def __post_init__(self) -> None:
        for name in ("mismatch_share", "control_share"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name}={getattr(self, name)}: give a share of 0 or more")
        if self.mismatch_share + self.control_share >= 1:
            raise ConfigError(
                f"mismatch_share={self.mismatch_share} and control_share={self.control_share} leave no comparison: "
                "let them be less than 1 together"
            )
        if self.votes_a_unit < 1:
            raise ConfigError(f"votes_a_unit={self.votes_a_unit}: ask at least one rater")

    def as_text(self) -> str:
        """JSON, always the same for the same study."""
        return json.dumps(asdict(self), sort_keys=True)

    @staticmethod
    def from_text(text: str) -> "Study":
        """The inverse of ``as_text``."""
        return cattrs.structure(json.loads(text), Study)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class RaterRecord:
    """How a rater did in the controls."""

    obvious: int = 0
    right: int = 0
    same: int = 0
    extremes: int = 0

    def kept(self, rule: RaterRule) -> bool:
        """Whether the rater's votes count."""
        careless = self.obvious >= rule.fewest and self.right < rule.obvious_at_least * self.obvious
        imagining = self.same >= rule.fewest and self.extremes > rule.extremes_at_most * self.same
        return not careless and not imagining


def rater_records(votes: Iterable[Vote]) -> dict[str, RaterRecord]:
    """How every rater did, by hash."""
    counts: dict[str, list[int]] = {}
    for vote in votes:
        count = counts.setdefault(vote.trial.rater, [0, 0, 0, 0])
        expected = vote.trial.expected(vote.question)
        if vote.trial.kind is Kind.SAME:
            count[2] += 1
            count[3] += vote.choice in (Choice.LEFT, Choice.RIGHT)
        elif expected is not None:
            count[0] += 1
            count[1] += vote.choice is expected
    return {
        rater: RaterRecord(obvious=obvious, right=right, same=same, extremes=extremes)
        for rater, (obvious, right, same, extremes) in counts.items()
    }
