"""``votes.jsonl`` and ``arena.json``: all votes, kept or not, and what the kept ones say."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, final

from openlpm.bench.arena.alignment import Alignment, alignments
from openlpm.bench.arena.board import LEAST_ALPHA, Board, boards
from openlpm.bench.arena.intervals import RESAMPLES
from openlpm.bench.arena.study import RaterRecord, Study, rater_records
from openlpm.bench.arena.trial import Vote
from openlpm.core.errors import InputError

VOTES, ARENA = "votes.jsonl", "arena.json"
_ALL: Final = "all"
_DIGITS = 4


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """A whole study."""

    study: Study
    votes: tuple[Vote, ...]
    raters: Mapping[str, RaterRecord]
    boards: tuple[Board, ...]
    alignments: tuple[Alignment, ...]

    def keeps(self, vote: Vote) -> bool:
        """Whether a vote counts."""
        return self.raters[vote.trial.rater].kept(self.study.rule)

    @property
    def dropped(self) -> int:
        """Raters whose votes do not count."""
        return sum(not record.kept(self.study.rule) for record in self.raters.values())


def outcome(study: Study, votes: Sequence[Vote], *, resamples: int = RESAMPLES) -> Outcome:
    """What a study found."""
    raters = rater_records(votes)
    kept = [vote for vote in votes if raters[vote.trial.rater].kept(study.rule)]
    return Outcome(
        study=study,
        votes=tuple(votes),
        raters=raters,
        boards=tuple(boards(kept, resamples=resamples)),
        alignments=tuple(alignments(kept)),
    )


def write(found: Outcome, folder: Path) -> None:
    """Write both files, each whole or not at all.

    Raises:
        InputError: the folder cannot be written.
    """
    lines = "".join(json.dumps(vote.line(kept=found.keeps(vote))) + "\n" for vote in found.votes)
    told = json.dumps(as_json(found), indent=1, allow_nan=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in ((VOTES, lines), (ARENA, told)):
            draft = folder / f".{name}.part"
            draft.write_text(text, encoding="utf-8")
            draft.replace(folder / name)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror or error}") from error


def as_json(found: Outcome) -> dict[str, Any]:
    """The content of ``arena.json``: ``rows`` are the leaderboard's, the rest is what they stand on."""
    return {
        "study": json.loads(found.study.as_text()),
        "votes": len(found.votes),
        "votes_kept": sum(found.keeps(vote) for vote in found.votes),
        "raters": len(found.raters),
        "raters_dropped": found.dropped,
        "least_alpha": LEAST_ALPHA,
        "rows": [row for board in found.boards for row in _rows(board)],
        "counts": [
            {"track": board.track or _ALL, "question": board.question, **asdict(tally)}
            for board in found.boards
            for tally in board.tallies
        ],
        "alignment": [
            {
                "system": each.system,
                "question": each.question,
                "score": _number(each.score.value),
                "lo": _number(each.score.low),
                "hi": _number(each.score.high),
                "n_votes": each.votes,
            }
            for each in found.alignments
        ],
    }


def _rows(board: Board) -> list[dict[str, Any]]:
    return [
        {
            "track": board.track or _ALL,
            "question": board.question,
            "system": system,
            "elo": _number(standing.elo),
            "lo": _number(standing.low),
            "hi": _number(standing.high),
            "n_votes": votes,
            "nu_tie": _number(board.nu),
            "left_advantage": _number(board.side),
            "alpha": _number(board.alpha_nominal),
            "alpha_ordinal": _number(board.alpha_ordinal),
            "ranked": board.ranked,
            "rank_lo": standing.rank_low if board.ranked else None,
            "rank_hi": standing.rank_high if board.ranked else None,
        }
        for system, standing, votes in zip(board.systems, board.standings, board.votes, strict=True)
    ]


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, _DIGITS)
