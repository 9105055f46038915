"""Which trials are drawn, whose votes count, and what stands in the files."""

import json
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from openlpm.bench.arena.board import boards
from openlpm.bench.arena.case import Case, read_cases
from openlpm.bench.arena.choosing import Chooser
from openlpm.bench.arena.entry import Entry, read_entry, require_distinct
from openlpm.bench.arena.export import as_json, outcome, write
from openlpm.bench.arena.question import Choice, Mode, Question, Track
from openlpm.bench.arena.study import RaterRecord, RaterRule, Study
from openlpm.bench.arena.trial import CONTROLS, TRUTH, Kind, Side, Trial, Vote
from openlpm.core.errors import ConfigError, InputError
from support.arena import write_bench

pytestmark = pytest.mark.unit

NAMES = ("base", "online", "refined")
RATER = "r" * 24


def case_of(track: Track, number: int) -> Case:
    own = None if track is Track.LISTENING else Path("speak.wav")
    return Case(
        id=f"{track}-{number}",
        track=track,
        duration_s=4.0,
        speak=own,
        listen=Path("listen.wav") if track in (Track.LISTENING, Track.CONVERSATION) else None,
        partner=None,
        references=(Path("ref.png"),),
        instruction="",
        character=f"c{number % 3}",
    )


CASES = {
    case.id: case
    for track in (Track.SPEAKING, Track.LISTENING, Track.CONVERSATION, Track.TEXT)
    for case in (case_of(track, number) for number in range(12))
}
ENTRIES = [Entry(name=name, videos={case: Path(f"{name}.mp4") for case in CASES}) for name in NAMES]
BEST = Entry(name=TRUTH, videos=ENTRIES[0].videos)


def vote(trial: Trial, choice: Choice, question: Question | None = None) -> Vote:
    return Vote(trial=trial, question=question or trial.questions[0], choice=choice, replays=0, ms=1, at="now")


def pair_trial(number: int, left: str, right: str, *, rater: str = RATER, case: str = "S-0") -> Trial:
    return Trial(
        id=f"t{number}",
        rater=rater,
        kind=Kind.PAIR,
        case=case,
        track=Track.SPEAKING,
        questions=(Question.LIP,),
        left=Side(system=left, sound_of=case),
        right=Side(system=right, sound_of=case),
        cut=0.0,
    )


def draw_many(study: Study, count: int, raters: int = 4, *, truth: Entry | None = BEST) -> list[Vote]:
    """Raters in turn answer whatever is drawn for them, and the first system of the alphabet always wins."""
    chooser = Chooser(CASES, ENTRIES, study, truth=truth, rng=np.random.default_rng(5))
    votes: list[Vote] = []
    for number in range(count):
        trial = chooser.draw(f"rater{number % raters}", votes)
        if trial is None:
            continue
        choice = Choice.LEFT if trial.left.system <= trial.right.system else Choice.RIGHT
        votes += [vote(trial, choice, question) for question in trial.questions]
    return votes


def test_kinds_of_trials_come_in_their_shares() -> None:
    votes = draw_many(Study(), 300, raters=20)
    count = Counter(each.trial.kind for each in votes)
    controls = sum(count[kind] for kind in CONTROLS)
    # Binomial: 300 trials, three deviations.
    assert controls == pytest.approx(30, abs=16)
    assert count[Kind.MISMATCH] == pytest.approx(45, abs=19)
    assert min(count[kind] for kind in CONTROLS) > 0


def test_every_pair_is_seen_in_every_track_and_sides_are_drawn_by_chance() -> None:
    votes = [each for each in draw_many(Study(), 120) if each.trial.kind is Kind.PAIR]
    met = {(each.trial.track, *sorted((each.trial.left.system, each.trial.right.system))) for each in votes}
    assert len(met) == 4 * 3
    lefts = sum(each.trial.left.system < each.trial.right.system for each in votes)
    assert 0.3 < lefts / len(votes) < 0.7


def test_nobody_sees_the_same_pair_on_the_same_case_twice_and_a_unit_has_its_votes() -> None:
    votes = [each for each in draw_many(Study(votes_a_unit=2), 200) if each.trial.kind is Kind.PAIR]
    seen = Counter(
        (each.trial.rater, each.trial.case, *sorted((each.trial.left.system, each.trial.right.system)))
        for each in votes
    )
    assert max(seen.values()) == 1
    units = Counter(
        (each.question, each.trial.case, *sorted((each.trial.left.system, each.trial.right.system))) for each in votes
    )
    assert max(units.values()) == 2
    # Units are finished before new ones begin, so that agreement can be measured.
    assert Counter(units.values())[2] > 0.9 * len(units)


def test_a_rater_who_has_seen_everything_is_told_so() -> None:
    few = {key: CASES[key] for key in ("S-0", "L-0")}
    entries = [Entry(name=name, videos={case: Path("x") for case in few}) for name in NAMES[:2]]
    chooser = Chooser(few, entries, Study(mismatch_share=0.0, control_share=0.0), rng=np.random.default_rng(0))
    votes: list[Vote] = []
    while (trial := chooser.draw(RATER, votes)) is not None:
        votes.append(vote(trial, Choice.SAME))
        assert len(votes) < 10
    assert len(votes) == 2


def test_the_pair_of_the_widest_interval_is_chosen() -> None:
    only = {key: case for key, case in CASES.items() if case.track is Track.TEXT}
    entries = [Entry(name=name, videos=dict.fromkeys(only, Path("x"))) for name in NAMES]
    study = Study(mismatch_share=0.0, control_share=0.0, votes_a_unit=1)
    votes: list[Vote] = []
    for question in only["T-0"].questions:
        for number in range(8):
            trial = replace(
                pair_trial(number, "base", "online", case=f"T-{number}"), track=Track.TEXT, rater=f"x{number}"
            )
            votes.append(vote(replace(trial, questions=(question,)), Choice.SAME))
        for name in ("base", "online"):
            met = replace(
                pair_trial(99, name, "refined", case="T-11"), track=Track.TEXT, rater="y", questions=(question,)
            )
            votes.append(vote(met, Choice.SAME))
    chosen = [Chooser(only, entries, study, rng=np.random.default_rng(seed)).draw(RATER, votes) for seed in range(12)]
    assert all(trial is not None and "refined" in (trial.left.system, trial.right.system) for trial in chosen)


def test_a_crowd_is_asked_for_its_overall_impression_and_one_thing_more() -> None:
    votes = draw_many(Study(mode=Mode.CROWD), 60)
    by_trial: dict[str, list[Question]] = {}
    for each in votes:
        by_trial.setdefault(each.trial.id, []).append(each.question)
    assert all(asked[0] is Question.OVERALL and len(asked) <= 2 for asked in by_trial.values())
    assert len({question for asked in by_trial.values() for question in asked}) > 3


def test_mismatches_keep_the_system_and_change_the_sound_to_one_of_the_same_kind() -> None:
    trials = [each.trial for each in draw_many(Study(), 300, raters=20) if each.trial.kind is Kind.MISMATCH]
    for trial in trials:
        assert trial.left.system == trial.right.system
        wrong = trial.left if trial.left.sound_of != trial.case else trial.right
        assert CASES[wrong.sound_of].track is trial.track
        assert wrong.label(trial.case).endswith(":other-sound")
        assert trial.questions[0] in (Question.LIP, Question.REACTION)


def test_controls_know_their_answer() -> None:
    for each in draw_many(Study(control_share=0.8, mismatch_share=0.0), 120, raters=20):
        trial = each.trial
        if trial.kind is Kind.SAME:
            assert trial.left == trial.right
            assert trial.expected(each.question) is Choice.SAME
        elif trial.kind in CONTROLS:
            right = trial.expected(each.question)
            wrong = trial.right if right is Choice.LEFT else trial.left
            assert wrong.frozen or wrong.sound_of != trial.case
            assert {trial.left.system, trial.right.system} == {TRUTH}


def test_without_truth_every_control_is_a_clip_against_itself() -> None:
    votes = draw_many(Study(control_share=0.5), 60, raters=20, truth=None)
    assert {each.trial.kind for each in votes} & set(CONTROLS) == {Kind.SAME}


@pytest.mark.parametrize(
    ("record", "kept"),
    [
        (RaterRecord(), True),
        (RaterRecord(obvious=4, right=0), True),
        (RaterRecord(obvious=5, right=4), True),
        (RaterRecord(obvious=5, right=3), False),
        (RaterRecord(same=10, extremes=3), True),
        (RaterRecord(same=10, extremes=4), False),
    ],
)
def test_raters_are_dropped_by_the_rule_and_not_by_few_answers(record: RaterRecord, kept: bool) -> None:
    assert record.kept(RaterRule()) is kept


def test_dropped_votes_stay_in_the_file_and_out_of_the_ranking(tmp_path: Path) -> None:
    votes: list[Vote] = []
    for number in range(40):
        for rater in ("careful", "other", "careless"):
            trial = pair_trial(number, "base", "online", rater=rater, case=f"S-{number}")
            good = Choice.LEFT if number % 4 else Choice.RIGHT
            votes.append(vote(trial, Choice.RIGHT if rater == "careless" else good))
    frozen = Side(system=TRUTH, sound_of="S-0", frozen=True)
    for number in range(6):
        trial = replace(pair_trial(100 + number, TRUTH, TRUTH, rater="careless"), kind=Kind.FREEZE, right=frozen)
        votes.append(vote(trial, Choice.RIGHT))
    found = outcome(Study(), votes, resamples=100)
    write(found, tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "votes.jsonl").read_text().splitlines()]
    told = json.loads((tmp_path / "arena.json").read_text())
    assert len(lines) == len(votes)
    assert Counter(line["kept"] for line in lines) == {True: 80, False: 46}
    assert lines[-1]["is_control"]
    assert lines[-1]["expected"] == "L"
    assert lines[-1]["right"] == "control:truth:frozen"
    assert (told["raters"], told["raters_dropped"], told["votes_kept"]) == (3, 1, 80)
    row = next(row for row in told["rows"] if row["track"] == "all" and row["system"] == "base")
    assert {"track", "system", "elo", "lo", "hi", "n_votes", "nu_tie", "alpha"} <= row.keys()
    assert row["lo"] < row["elo"] < row["hi"]
    assert row["elo"] > 0
    assert row["ranked"]
    assert (row["rank_lo"], row["rank_hi"]) == (1, 1)
    (count,) = [count for count in told["counts"] if count["track"] == "all"]
    assert (count["good"], count["same"], count["bad"]) == (60, 0, 20)


def test_raters_who_agree_too_little_are_shown_and_not_ranked() -> None:
    rng = np.random.default_rng(0)
    votes = [
        vote(pair_trial(number, "base", "online", rater=f"r{rater}", case=f"S-{number}"), rng.choice(list(Choice)[:3]))
        for number in range(40)
        for rater in range(3)
    ]
    board = boards(votes, resamples=100)[0]
    assert abs(board.alpha_nominal) < 0.2
    assert not board.ranked
    row = as_json(outcome(Study(), votes, resamples=100))["rows"][0]
    assert row["elo"] is not None
    assert row["rank_lo"] is None


def test_the_alignment_score_counts_right_sounds_less_wrong_ones() -> None:
    other = Side(system="base", sound_of="S-1")
    trials = [
        replace(pair_trial(n, "base", "base", case=f"S-{n}"), kind=Kind.MISMATCH, right=other) for n in range(2, 12)
    ]
    said = [Choice.LEFT] * 6 + [Choice.SAME] * 2 + [Choice.RIGHT] + [Choice.CANNOT_TELL]
    (score,) = outcome(Study(), [vote(t, c) for t, c in zip(trials, said, strict=True)]).alignments
    assert score.votes == 9
    assert score.score.value == pytest.approx(5 / 9)
    assert not math.isnan(score.score.low or math.nan)


def test_a_study_with_impossible_shares_is_refused() -> None:
    with pytest.raises(ConfigError, match="leave no comparison"):
        Study(mismatch_share=0.6, control_share=0.4)
    assert Study.from_text(Study(mode=Mode.CROWD).as_text()) == Study(mode=Mode.CROWD)


def test_cases_are_read_as_the_benchmark_writes_them(tmp_path: Path) -> None:
    write_bench(tmp_path, ("S", "L", "T"))
    cases = read_cases(tmp_path)
    assert Question.LIP in cases["S-0000"].questions
    assert Question.LIP not in cases["L-0001"].questions
    assert Question.REACTION in cases["L-0001"].questions
    assert cases["T-0002"].instruction == "wave left at 1 s"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"track": "Z"}, "track='Z'"),
        ({"dur": -1}, "dur=-1"),
        ({"speak": "../x.wav"}, "speak='../x.wav'"),
        ({"id": ""}, "id=''"),
        ({"refs": ["no.png"]}, "refs=no.png"),
        ({"refs": "a"}, "refs='a'"),
    ],
)
def test_a_broken_case_is_named(tmp_path: Path, fields: dict[str, object], named: str) -> None:
    write_bench(tmp_path, ("S",), **fields)
    with pytest.raises(InputError, match=r"line 1") as told:
        read_cases(tmp_path)
    assert named in str(told.value)


def test_the_lowest_seed_is_shown_and_foreign_files_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "video").mkdir()
    for name in ("S-0.s2.mp4", "S-0.s1.mp4", "notes.txt", "S-9.s0.mp4"):
        (tmp_path / "video" / name).touch()
    entry = read_entry(tmp_path, {"S-0": None})
    assert {case: path.name for case, path in entry.videos.items()} == {"S-0": "S-0.s1.mp4"}
    assert entry.name == tmp_path.name
    with pytest.raises(InputError, match="holds no video"):
        read_entry(tmp_path, {"L-0": None})


def test_submissions_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least two"):
        require_distinct(ENTRIES[:1])
    with pytest.raises(ConfigError, match="are called base"):
        require_distinct([ENTRIES[0], ENTRIES[0]])
    with pytest.raises(InputError, match="no case in common"):
        require_distinct([ENTRIES[0], Entry(name="other", videos={"X": Path("x")})])
