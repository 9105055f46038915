"""Votes on disk: once, whole, and still there after a kill; raters without names."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from openlpm.bench.arena.question import Choice, Question, Track
from openlpm.bench.arena.rater import Anonymiser, usual_salt_file
from openlpm.bench.arena.study import Study
from openlpm.bench.arena.trial import Kind, Side, Trial
from openlpm.bench.arena.votes import AnswerRefused, VoteStore
from openlpm.core.errors import ConfigError, InputError

pytestmark = pytest.mark.contract

# Stores votes as fast as it can and says so after each; the parent kills it in the middle.
WRITER = """
import sys
from pathlib import Path
from openlpm.bench.arena.question import Choice
from openlpm.bench.arena.votes import VoteStore
from tests_trial import trial
store = VoteStore(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), 100_000):
    store.add(trial(number))
    store.answer(f"t{number}", dict.fromkeys(trial(number).questions, Choice.LEFT), replays=0, ms=number)
    print(number, flush=True)
"""
TRIAL = """
from openlpm.bench.arena.question import Question, Track
from openlpm.bench.arena.trial import Kind, Side, Trial
def trial(number):
    side = Side(system="base", sound_of="S-0")
    return Trial(id=f"t{number}", rater="r", kind=Kind.PAIR, case="S-0", track=Track.SPEAKING,
                 questions=(Question.OVERALL, Question.LIP), left=side, right=side, cut=0.0)
"""


def trial(key: str, *questions: Question, rater: str = "r") -> Trial:
    left, right = Side(system="base", sound_of="S-0"), Side(system="online", sound_of="S-1", frozen=True)
    return Trial(
        id=key,
        rater=rater,
        kind=Kind.PAIR,
        case="S-0",
        track=Track.SPEAKING,
        questions=questions or (Question.LIP,),
        left=left,
        right=right,
        cut=0.25,
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[VoteStore]:
    with contextlib.closing(VoteStore(tmp_path / "votes.sqlite", Study())) as opened:
        yield opened


def test_a_trial_comes_back_as_it_was_kept(store: VoteStore) -> None:
    kept = trial("a", Question.OVERALL, Question.MOTION)
    store.add(kept)
    assert store.trial("a") == kept
    assert store.trial("b") is None
    assert store.unanswered("r") == [kept]
    assert store.unanswered("other") == []


def test_an_answer_that_is_sent_twice_is_one_vote(store: VoteStore) -> None:
    store.add(trial("a"))
    assert store.answer("a", {Question.LIP: Choice.SAME}, replays=1, ms=2_000)
    assert not store.answer("a", {Question.LIP: Choice.SAME}, replays=1, ms=2_000)
    (vote,) = store.votes()
    assert (vote.choice, vote.replays, vote.ms) == (Choice.SAME, 1, 2_000)
    assert store.unanswered("r") == []
    assert store.num_answered("r") == 1


@pytest.mark.parametrize(
    ("key", "answers", "why"),
    [
        ("nobody", {Question.LIP: Choice.LEFT}, "no trial"),
        ("a", {Question.MOTION: Choice.LEFT}, "asks lip"),
        ("a", {}, "asks lip"),
        ("a", {Question.LIP: Choice.LEFT, Question.MOTION: Choice.LEFT}, "asks lip"),
        ("done", {Question.LIP: Choice.RIGHT}, "otherwise"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused(
    store: VoteStore, key: str, answers: dict[Question, Choice], why: str
) -> None:
    for each in ("a", "done"):
        store.add(trial(each))
    store.answer("done", {Question.LIP: Choice.LEFT}, replays=0, ms=0)
    with pytest.raises(AnswerRefused, match=why):
        store.answer(key, answers, replays=0, ms=0)
    assert len(store.votes()) == 1


def test_a_vote_is_synced_before_it_is_acknowledged(store: VoteStore, tmp_path: Path) -> None:
    reader = sqlite3.connect(tmp_path / "votes.sqlite")
    assert reader.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    store.add(trial("a"))
    store.answer("a", {Question.LIP: Choice.LEFT}, replays=0, ms=0)
    assert reader.execute("SELECT COUNT(*) FROM votes").fetchone() == (1,)
    reader.close()


def test_a_process_that_is_killed_loses_no_acknowledged_vote_and_leaves_none_in_halves(tmp_path: Path) -> None:
    (tmp_path / "tests_trial.py").write_text(TRIAL)
    path = tmp_path / "votes.sqlite"
    VoteStore(path, Study()).close()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    acknowledged: list[int] = []
    for patience in (40, 7, 23):
        first = str(acknowledged[-1] + 2 if acknowledged else 0)
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), first], stdout=subprocess.PIPE, text=True, env=environment
        )
        assert writer.stdout is not None
        acknowledged += [int(writer.stdout.readline()) for _ in range(patience)]
        writer.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in writer.stdout if line.endswith("\n")]
        writer.wait()
        writer.stdout.close()
    with contextlib.closing(VoteStore(path)) as store:
        found = [(vote.trial.id, vote.question) for vote in store.votes()]
    assert len(found) == len(set(found))
    assert {
        (f"t{number}", question) for number in acknowledged for question in (Question.OVERALL, Question.LIP)
    } <= set(found)
    # Both answers of a trial or neither, the one that was under way when the kill came, too.
    assert len(found) == 2 * len({key for key, _question in found})


def test_a_study_goes_on_with_its_own_rules_alone(tmp_path: Path) -> None:
    path = tmp_path / "votes.sqlite"
    VoteStore(path, Study(votes_a_unit=2)).close()
    with pytest.raises(ConfigError, match="fixed before its first vote"):
        VoteStore(path, Study(votes_a_unit=3))
    with contextlib.closing(VoteStore(path)) as store:
        assert store.study == Study(votes_a_unit=2)


def test_files_that_hold_no_votes_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not there"):
        VoteStore(tmp_path / "none.sqlite")
    (tmp_path / "text").write_text("no database, but long enough to be looked at as one. " * 40)
    with pytest.raises(InputError, match="cannot be used"):
        VoteStore(tmp_path / "text", Study())


def test_raters_are_hashed_with_a_salt_that_lies_elsewhere(tmp_path: Path) -> None:
    salt = tmp_path / "state" / "salt"
    here, again = Anonymiser(salt), Anonymiser(salt)
    assert here.hash("0123456789abcdef") == again.hash("0123456789abcdef")
    assert here.hash("0123456789abcdef") != here.hash("0123456789abcdeg")
    assert here.hash("0123456789abcdef") != Anonymiser(tmp_path / "other").hash("0123456789abcdef")
    assert (salt.stat().st_mode & 0o777) == 0o600
    assert here.hash("short") is None
    assert here.hash("<script>alert(1)</script>") is None
    assert usual_salt_file({"XDG_STATE_HOME": "state"}) == Path("state/openlpm/arena-salt")
    salt.write_text("abc")
    with pytest.raises(InputError, match="salt"):
        Anonymiser(salt)
