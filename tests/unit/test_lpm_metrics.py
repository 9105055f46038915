"""Metrics of LPM-Bench on tracks that are known to be right or wrong."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from openlpm.bench.lpm import streaming
from openlpm.bench.lpm.case import Case
from openlpm.bench.lpm.controls import MAKERS, Other
from openlpm.bench.lpm.lips import moved
from openlpm.bench.lpm.measures import Control, Dimension
from openlpm.bench.lpm.metrics import MEASURES, measure_of, values_of
from openlpm.bench.lpm.movement import loop_score
from openlpm.bench.lpm.pairing import lag_profile, paired_distance
from openlpm.bench.lpm.picture import look_at
from openlpm.bench.lpm.quality import kernel_distance
from openlpm.bench.lpm.streaming import Moment, read_moments, write_moments
from openlpm.bench.lpm.task import Task
from openlpm.bench.lpm.view import EVERY_FRAMES, EXCERPT_FRAMES, View, only_seen, seen_frames
from openlpm.bench.lpm.watching import BrokenVideoError, lateness_s
from openlpm.bench.lpm.yardstick import Yardstick
from openlpm.core.errors import InputError
from openlpm.core.record import PerformanceRecord, Truth
from openlpm.core.rig import MOUTH_CHANNELS, NUM_RIG, Rig, State
from support.lpm import plain_yardstick, view_of

pytestmark = pytest.mark.unit

FRAMES = 192


def wander(seed: int, frames: int = FRAMES) -> np.ndarray:
    """A rig that moves as somebody does, more or less."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(scale=0.05, size=(frames + 12, NUM_RIG))
    kernel = np.ones(12) / 12
    slow = np.stack(
        [np.convolve(column, kernel, mode="valid")[:frames] for column in np.cumsum(steps, axis=0).T], axis=1
    )
    rig_FR = slow - slow.mean(axis=0)
    times = np.arange(frames) / 24
    rig_FR[:, Rig.JAW] = 0.4 * np.abs(np.sin(2 * np.pi * (2.3 + 0.2 * np.sin(times + seed)) * times + seed))
    return rig_FR


def speaking_task(truth: View, own_FX: np.ndarray, strangers: list[np.ndarray]) -> Task:
    case = Case(
        id="V-1", track="V", sub="human_voice", domain="soft", dur=FRAMES / 24, lang="en", frame="portrait",
        layer="human", char="c900001", script="V-1", seed_base=0, refs=(), ref_kinds=(),
    )  # fmt: skip
    embedding = np.zeros(8, np.float32)
    embedding[0] = 1.0
    return Task(
        case=case, yardstick=plain_yardstick(), embedding_D=embedding, record=None, truth=truth, mouth_FX=own_FX,
        strangers=strangers,
    )  # fmt: skip


@pytest.fixture
def task() -> Task:
    own, others = wander(0), [wander(k) for k in range(1, 4)]
    mouths = [each[:, list(MOUTH_CHANNELS)].astype(np.float32) for each in (own, *others)]
    return speaking_task(view_of(own), mouths[0], mouths[1:])


def test_every_dimension_has_one_primary_and_every_metric_a_control_that_it_must_show() -> None:
    for dimension in Dimension:
        assert sum(one.primary for one in MEASURES if one.dimension is dimension) == 1
    assert all(one.reacts for one in MEASURES)
    assert len({one.name for one in MEASURES}) == len(MEASURES)


def test_truth_is_as_good_as_can_be(task: Task) -> None:
    assert task.truth is not None
    found = values_of(task, task.truth)
    assert found["sync_win_rate"] == 1.0
    assert found["av_offset_ms"] == 0.0
    assert found["identity_tar"] == 1.0
    assert found["motion_error"] == found["tremor_error"] == found["picture_distance"] == 0.0


@pytest.mark.parametrize(
    ("control", "metric"),
    [
        (Control.FREEZE, "sync_win_rate"), (Control.SHIFTED_8, "sync_win_rate"), (Control.SHIFTED_25, "sync_win_rate"),
        (Control.FREEZE, "motion_error"), (Control.FREEZE, "frozen_share"), (Control.LOOP, "loop_score"),
        (Control.SHIFTED_8, "av_offset_ms"),
    ],
)  # fmt: skip
def test_a_control_that_must_fail_does_fail(task: Task, control: Control, metric: str) -> None:
    assert task.truth is not None
    broken = MAKERS[control](task, task.truth, ())
    assert broken is not None
    good, bad = (values_of(task, view)[metric] for view in (task.truth, broken))
    assert bad < good if measure_of(metric).higher_is_better else bad > good


def test_a_late_sound_is_not_excused_by_where_it_lies_in_the_file(task: Task) -> None:
    assert task.truth is not None
    # Sound eight frames late in the file, and a mouth that is just as late, are together again.
    late_FR = moved(task.truth.reading.rig_FR, 8)
    together = replace(view_of(late_FR), sound_late_s=8 / 24)
    apart = replace(task.truth, sound_late_s=8 / 24)
    assert values_of(task, together)["sync_win_rate"] == 1.0
    assert values_of(task, apart)["sync_win_rate"] < 0.5


def test_what_is_no_number_scores_worst(task: Task) -> None:
    rig_FR = np.full((FRAMES, NUM_RIG), np.nan)
    found = values_of(task, view_of(rig_FR))
    assert found["motion_error"] == measure_of("motion_error").worst
    assert found["sync_win_rate"] <= 0.15


def test_a_repeated_head_is_a_loop_and_a_wandering_one_is_not() -> None:
    rig_FR = wander(5)
    assert loop_score(rig_FR[np.arange(FRAMES) % 64]) > 0.98
    assert loop_score(rig_FR) < 0.95


def test_equal_pictures_are_at_no_distance_and_blurred_ones_are() -> None:
    torch.manual_seed(0)
    sharp = torch.rand(33, 3, 64, 64)
    soft = torch.nn.functional.avg_pool2d(sharp, 3, stride=1, padding=1)
    looks = [look_at(each).looks_WX for each in (sharp, soft)]
    assert kernel_distance(looks[0], looks[0]) == 0.0
    assert kernel_distance(looks[0], looks[1]) > 0.01
    assert np.isnan(kernel_distance(looks[0] * np.nan, looks[1]))


def test_a_long_clip_is_seen_in_excerpts_and_a_short_one_whole() -> None:
    assert seen_frames(480).tolist() == list(range(480))
    long = seen_frames(7200)
    assert long.size == 7200 // EVERY_FRAMES * EXCERPT_FRAMES
    view = replace(view_of(np.zeros((long.size, NUM_RIG))), frame_F=long)
    assert len(view.excerpts) == 20
    assert all(span.stop - span.start == EXCERPT_FRAMES for span in view.excerpts)


def test_a_view_and_a_yardstick_survive_their_files(tmp_path: Path) -> None:
    view = view_of(wander(1))
    view.save(tmp_path / "view.npz")
    kept = View.load(tmp_path / "view.npz")
    assert np.array_equal(kept.reading.rig_FR, view.reading.rig_FR)
    assert np.array_equal(kept.pictures.looks_WX, view.pictures.looks_WX)
    stick = plain_yardstick()
    stick.save(tmp_path / "stick.npz")
    again = Yardstick.load(tmp_path / "stick.npz")
    assert again.actions.levels == stick.actions.levels
    assert np.array_equal(again.visemes.read(wander(2)), stick.visemes.read(wander(2)))
    (tmp_path / "stick.npz").write_bytes(b"no")
    with pytest.raises(InputError, match="damaged"):
        Yardstick.load(tmp_path / "stick.npz")


def test_a_stream_that_stalls_misses_what_a_good_one_keeps(tmp_path: Path) -> None:
    good = [Moment(i=i, t_in_audio=i / 24, t_ready=i / 24 + 0.2, t_present=i / 24 + 0.25) for i in range(48)]
    late = [replace(one, t_ready=one.t_ready + 0.2, dropped=one.i == 7) for one in good]
    assert streaming.score(good, 48)["deadline_miss"] == 0.0
    assert streaming.score(late, 48)["deadline_miss"] == 1.0
    assert streaming.score(good[:24], 48)["deadline_miss"] == 0.5
    assert streaming.score([], 48)["deadline_miss"] == 1.0
    assert streaming.score(late, 48)["latency_p95_ms"] == pytest.approx(400)
    listens = [replace(one, t_in_audio=None) for one in good]
    assert streaming.score(listens, 48).keys() == streaming.score(good, 48).keys() - {"latency_p95_ms"}
    entered = [Moment(i=streaming.ENTERS, t_in_audio=-2.0, t_ready=-1.4, t_present=-1.4), *good]
    assert streaming.score(entered, 48) == streaming.score(good, 48) | {"first_frame_ms": pytest.approx(600)}
    write_moments(tmp_path / "s.jsonl", late)
    assert read_moments(tmp_path / "s.jsonl") == late
    (tmp_path / "s.jsonl").write_text('{"i": 0}\n')
    with pytest.raises(InputError, match="no moment"):
        read_moments(tmp_path / "s.jsonl")


def test_a_listener_is_paired_with_the_voice_that_is_heard() -> None:
    rng = np.random.default_rng(3)
    heard_F = np.log(1e-3 + np.convolve(rng.random(FRAMES + 23), np.ones(24) / 24, mode="valid"))
    answers_FX = np.stack([np.roll(heard_F, lag) for lag in (6, 9, 12)], axis=1) + 0.02 * rng.normal(size=(FRAMES, 3))
    assert paired_distance(answers_FX, answers_FX, heard_F) == pytest.approx(0.0, abs=1e-9)
    assert lag_profile(answers_FX, heard_F).shape == (49, 3)
    own, back, still = (
        (paired_distance(each_FX, answers_FX, heard_F), lag_profile(each_FX, heard_F))
        for each_FX in (answers_FX + 0.01 * rng.normal(size=(FRAMES, 3)), answers_FX[::-1], 0 * answers_FX)
    )
    for distance, profile in (back, still):
        assert distance > 3 * own[0]
        assert np.abs(profile - own[1]).mean() > 0.05
    assert np.all(still[1] == 0.0)


def test_a_voice_is_found_beside_a_louder_partner_and_another_voice_is_not() -> None:
    rng, rate = np.random.default_rng(5), 16_000

    def speech(seconds: float, first: float, last: float) -> np.ndarray:
        times = np.arange(round(seconds * rate)) / rate
        loud = np.interp(times, np.arange(0, seconds, 0.08), rng.random(round(seconds / 0.08)) ** 2)
        return (loud * (times > first) * (times < last) * rng.normal(size=times.size)).astype(np.float32)

    own, partner, other = speech(16, 2, 5), speech(16, 6, 15), speech(16, 2, 5)
    heard = 0.2 * np.roll(own, 1600) + 0.6 * partner
    assert lateness_s(heard, own) == pytest.approx(0.1, abs=0.006)
    with pytest.raises(BrokenVideoError, match="wrong sound"):
        lateness_s(other + partner, own)


def test_who_only_hums_is_not_taken_for_chatter(task: Task) -> None:
    assert task.truth is not None
    listens = replace(task, case=replace(task.case, track="L"))
    shut, says = np.zeros((FRAMES, NUM_RIG)), wander(4)
    speaks_F = np.full(FRAMES, int(State.SPEAK), np.int8)

    def other(rig_FR: np.ndarray) -> Other:
        truth = Truth(seed=1, rig_FR=rig_FR.astype(np.float32), viseme_F=np.zeros(FRAMES, np.int8), events=())
        silence_A = np.zeros(FRAMES * 16_000 // 24, np.float32)
        record = PerformanceRecord(
            clip_id="x", identity="seed:1", num_frames=FRAMES, speak_A=silence_A, listen_A=silence_A, state_F=speaks_F,
            caption="", truth=truth,
        )  # fmt: skip
        return Other(task=replace(task, record=record), view=view_of(rig_FR))

    for others in ((other(shut), other(says)), (other(shut),), ()):
        broken = MAKERS[Control.CHATTER](listens, view_of(shut), others)
        assert broken is not None
        assert np.ptp(broken.reading.rig_FR[:, Rig.JAW]) > 0.3


def test_of_blocks_only_what_is_looked_at_is_kept_in_order() -> None:
    blocks = [torch.arange(first, first + 50).view(1, 50, 1, 1, 1).float() for first in range(0, 200, 50)]
    frame_F = np.array([0, 1, 48, 49, 50, 51, 160, 161])
    kept = list(only_seen(blocks, frame_F))
    assert torch.cat(kept, dim=1).flatten().tolist() == frame_F.tolist()
    assert [block.shape[1] for block in kept] == [4, 2, 2]
