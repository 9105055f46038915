"""Trials and votes on disk: SQLite in write-ahead mode, synced before a vote is acknowledged.

A trial has its id before it is shown, and an answer is the row of that id: sent twice it is one vote, and a process
that is killed leaves either the whole answer or nothing.
"""

import contextlib
import sqlite3
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, final

from openlpm.bench.arena.question import Choice, Question, Track
from openlpm.bench.arena.study import Study
from openlpm.bench.arena.trial import Kind, Trial, Vote, sides_as_text, sides_from_text
from openlpm.core.errors import ConfigError, InputError, OpenLPMError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS study (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), study TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS trials (
    id TEXT PRIMARY KEY, rater TEXT NOT NULL, kind TEXT NOT NULL, case_id TEXT NOT NULL, track TEXT NOT NULL,
    questions TEXT NOT NULL, sides TEXT NOT NULL, cut REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS trials_of_rater ON trials (rater);
CREATE TABLE IF NOT EXISTS votes (
    trial TEXT NOT NULL REFERENCES trials (id), question TEXT NOT NULL, choice TEXT NOT NULL, replays INTEGER NOT NULL,
    ms INTEGER NOT NULL, at TEXT NOT NULL, PRIMARY KEY (trial, question)
) STRICT;
"""
_TRIAL = (
    "trials.id, trials.rater, trials.kind, trials.case_id, trials.track, trials.questions, trials.sides, trials.cut"
)
_WAIT_S = 10.0


class AnswerRefused(OpenLPMError):  # noqa: N818 (the answer is no)
    """An answer that cannot be stored: an unknown trial, other questions, or a second, different answer."""


@final
class VoteStore:
    """One file of votes; may be used from any thread. ``close`` it.

    Raises:
        InputError: the file is none of votes, or cannot be written.
        ConfigError: it was begun with another study.
    """

    def __init__(self, path: Path, study: Study | None = None) -> None:
        """``study``: what a new file begins with, and what an old one has to agree with; None: only read."""
        if study is None and not path.is_file():
            raise InputError(f"{path} is not there; give the file that `openlpm bench arena --votes` names")
        self.path, self._lock = path, Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._connection.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as error:
            raise InputError(f"{path} cannot be used as a file of votes: {error}") from error
        self.study = self._agreed(study)

    def close(self) -> None:
        """Nothing is lost without it; with it the journal is folded into the file."""
        with self._lock:
            self._connection.close()

    def add(self, trial: Trial) -> None:
        """Keep a trial before it is shown."""
        questions = ",".join(trial.questions)
        row = (trial.id, trial.rater, trial.kind, trial.case, trial.track, questions, sides_as_text(trial), trial.cut)
        with self._changing() as connection:
            connection.execute("INSERT INTO trials VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def trial(self, key: str) -> Trial | None:
        """A trial by its id."""
        rows = self._read(f"SELECT {_TRIAL} FROM trials WHERE id = ?", (key,))
        return _trial(rows[0]) if rows else None

    def unanswered(self, rater: str) -> list[Trial]:
        """Trials that a rater was shown and has not answered, in their order."""
        where = "rater = ? AND NOT EXISTS (SELECT 1 FROM votes WHERE trial = trials.id)"
        return [
            _trial(row) for row in self._read(f"SELECT {_TRIAL} FROM trials WHERE {where} ORDER BY rowid", (rater,))
        ]

    def answer(self, key: str, answers: Mapping[Question, Choice], *, replays: int, ms: int) -> bool:
        """Keep the answers to a trial; on disk when this returns. False: they were there already.

        Raises:
            AnswerRefused: there is no such trial, it asks something else, or it was answered otherwise.
        """
        trial = self.trial(key)
        if trial is None:
            raise AnswerRefused(f"there is no trial {key}")
        if set(answers) != set(trial.questions):
            raise AnswerRefused(f"this trial asks {', '.join(trial.questions)}: answer all of it and nothing else")
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        with self._changing() as connection:
            stored = dict(connection.execute("SELECT question, choice FROM votes WHERE trial = ?", (key,)).fetchall())
            if stored:
                if stored != dict(answers):
                    raise AnswerRefused("this trial has been answered, and otherwise")
                return False
            rows = [(key, question, choice, replays, ms, now) for question, choice in answers.items()]
            connection.executemany("INSERT INTO votes VALUES (?, ?, ?, ?, ?, ?)", rows)
        return True

    def num_answered(self, rater: str) -> int:
        """Trials that a rater has answered."""
        query = "SELECT COUNT(DISTINCT trials.id) FROM trials JOIN votes ON votes.trial = trials.id WHERE rater = ?"
        return int(self._read(query, (rater,))[0][0])

    def votes(self) -> list[Vote]:
        """All votes in the order in which they came."""
        columns = "votes.question, votes.choice, votes.replays, votes.ms, votes.at"
        rows = self._read(
            f"SELECT {_TRIAL}, {columns} FROM votes JOIN trials ON trials.id = votes.trial ORDER BY votes.rowid", ()
        )
        return [_vote(row) for row in rows]

    def _agreed(self, study: Study | None) -> Study:
        with self._changing() as connection:
            if study is not None:
                connection.execute("INSERT OR IGNORE INTO study VALUES (1, ?)", (study.as_text(),))
            row = connection.execute("SELECT study FROM study").fetchone()
        if row is None:
            raise InputError(f"{self.path} holds no study; give the file that `openlpm bench arena --votes` names")
        begun = Study.from_text(row[0])
        if study is not None and study != begun:
            raise ConfigError(
                f"{self.path} was begun with {begun.as_text()}, not with {study.as_text()}: the rules of a study are "
                "fixed before its first vote; give the same options, or another --votes file"
            )
        return begun

    def _read(self, query: str, values: tuple[Any, ...]) -> list[Any]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    @contextlib.contextmanager
    def _changing(self) -> Generator[sqlite3.Connection, None, None]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")


def _trial(row: Any) -> Trial:
    key, rater, kind, case, track, questions, sides, cut = row[:8]
    left, right = sides_from_text(sides)
    return Trial(
        id=key,
        rater=rater,
        kind=Kind(kind),
        case=case,
        track=Track(track),
        questions=tuple(Question(each) for each in questions.split(",")),
        left=left,
        right=right,
        cut=cut,
    )


def _vote(row: Any) -> Vote:
    question, choice, replays, ms, at = row[8:]
    return Vote(trial=_trial(row), question=Question(question), choice=Choice(choice), replays=replays, ms=ms, at=at)
