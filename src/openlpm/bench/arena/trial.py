"""A trial: two clips of one case, who shows what on which side, and what a careful rater would say if that is known."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, cast, final

from openlpm.bench.arena.question import Choice, Question, Track

TRUTH: Final = "control:truth"
"""Name of the entry that controls are made from."""
_FROZEN = ":frozen"
_OTHER_SOUND = ":other-sound"


class Kind(StrEnum):
    """Why a trial is shown."""

    PAIR = "pair"
    """Two systems: what the ranking is made from."""
    MISMATCH = "mismatch"
    """One system with its own sound and with another's: whether sound and picture belong together."""
    FREEZE = "freeze"
    """Control: truth against its first frame."""
    SHUFFLED = "shuffled"
    """Control: truth against truth with the sound of another clip."""
    SAME = "same"
    """Control: one clip against itself."""


CONTROLS: Final = (Kind.FREEZE, Kind.SHUFFLED, Kind.SAME)
_OBVIOUS: Final[dict[Kind, frozenset[Question]]] = {
    Kind.FREEZE: frozenset({Question.LIP, Question.MOTION, Question.OVERALL}),
    Kind.SHUFFLED: frozenset({Question.LIP}),
}


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """What one side shows."""

    system: str
    sound_of: str
    """The case whose sound is heard; the picture is always the trial's case."""
    frozen: bool = False

    def label(self, case: str) -> str:
        """The name that stands in a vote."""
        return self.system + _FROZEN * self.frozen + _OTHER_SOUND * (self.sound_of != case)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """As it is stored; ``id`` was drawn by chance and is the key of its votes."""

    id: str
    rater: str
    kind: Kind
    case: str
    track: Track
    questions: tuple[Question, ...]
    left: Side
    right: Side
    cut: float
    """Where an excerpt of a long clip begins, 0 to 1 of what can be left out."""

    def expected(self, question: Question) -> Choice | None:
        """What a careful rater says; None where that is not known."""
        if self.kind is Kind.SAME:
            return Choice.SAME
        if question not in _OBVIOUS.get(self.kind, ()):
            return None
        intact = not self.left.frozen and self.left.sound_of == self.case
        return Choice.LEFT if intact else Choice.RIGHT

    @property
    def true_side(self) -> Choice:
        """Of a mismatch trial, the side with its own sound."""
        return Choice.LEFT if self.left.sound_of == self.case else Choice.RIGHT


def sides_as_text(trial: Trial) -> str:
    """Both sides for a column of a table."""
    return json.dumps([[side.system, side.sound_of, side.frozen] for side in (trial.left, trial.right)])


def sides_from_text(text: str) -> tuple[Side, Side]:
    """The inverse of ``sides_as_text``."""
    left, right = (
        Side(system=str(told[0]), sound_of=str(told[1]), frozen=bool(told[2]))
        for told in cast("list[list[Any]]", json.loads(text))
    )
    return left, right


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Vote:
    """One answer to one question of one trial."""

    trial: Trial
    question: Question
    choice: Choice
    replays: int
    ms: int
    """From the first picture to the answer."""
    at: str
    """UTC, to the second."""

    def line(self, *, kept: bool) -> Mapping[str, object]:
        """The line of ``votes.jsonl``."""
        trial = self.trial
        return {
            "vote_id": f"{trial.id}.{self.question}",
            "ts": self.at,
            "case": trial.case,
            "track": trial.track,
            "kind": trial.kind,
            "question": self.question,
            "left": trial.left.label(trial.case),
            "right": trial.right.label(trial.case),
            "choice": self.choice,
            "expected": trial.expected(self.question),
            "rater_hash": trial.rater,
            "replays": self.replays,
            "ms": self.ms,
            "is_control": trial.kind in CONTROLS,
            "kept": kept,
        }
