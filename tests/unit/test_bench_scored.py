"""Scores beside truth and control, and the metrics of visemes, eyes, footage and groups that use them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from openlpm.bench import eyes, footage, statistics, viseme_reader, visemes
from openlpm.bench.actions import sequence_style, single_style
from openlpm.bench.cases import MIX, mixed_style
from openlpm.bench.groups import Group, GroupSizes, case_config, trap_style
from openlpm.bench.performer import Part, shown_references
from openlpm.bench.reading import ClipReading
from openlpm.bench.rehearsal import Eyesight, Rehearsed
from openlpm.bench.result import Bar, Row
from openlpm.bench.scoring import NOT_MEASURABLE, Scored, mean_of, ratio, scored_rows
from openlpm.core.audio import SILENCE
from openlpm.core.errors import ConfigError, InputError
from openlpm.core.record import PerformanceRecord, Truth
from openlpm.core.rig import NUM_RIG, Rig, State
from openlpm.core.seeds import Split
from openlpm.core.units import samples_at_frame
from openlpm.synth.act.actions import ACTION_NAMES, ACTIONS
from openlpm.synth.act.dialogue import ClipKind
from openlpm.synth.look.references import reference_rigs

pytestmark = pytest.mark.unit

FRAMES = 96


def rows_of(made: float, truth: float, control: float, *, less: bool = False) -> dict[str, Row]:
    spread_N = np.linspace(-0.02, 0.02, 12)
    terms = [mean_of(value + spread_N) for value in (made, truth, control)]
    scored = Scored(
        generated_NX=terms[0], truth_NX=terms[1], control_NX=terms[2], value=ratio, less_is_better=less
    )  # fmt: skip
    return {row.name: row for row in scored_rows("x", scored, bar=Bar(at_least=0.5), s_bar=Bar(at_least=0.8))}


def test_s_is_one_for_the_truth_and_nothing_for_the_control() -> None:
    assert rows_of(0.95, 0.95, 0.1)["x/s"].value == pytest.approx(1.0)
    assert rows_of(0.1, 0.95, 0.1)["x/s"].value == pytest.approx(0.0)
    half = rows_of(0.55, 1.0, 0.1)["x/s"]
    assert half.value == pytest.approx(0.5)
    assert half.met is False
    assert rows_of(0.02, 0.0, 0.8, less=True)["x/s"].value == pytest.approx(0.975)


def test_what_is_not_read_in_the_truth_is_withheld_with_its_bars() -> None:
    rows = rows_of(0.85, 0.89, 0.1)
    for name in ("x", "x/s"):
        assert (rows[name].value, rows[name].unit, rows[name].met) == (None, NOT_MEASURABLE, False)
    assert rows["x/raw"].value == pytest.approx(0.85)
    assert rows["x/truth"].value == pytest.approx(0.89)
    assert "x/raw" not in rows_of(0.85, 0.91, 0.1)
    assert rows_of(0.2, 0.15, 0.8, less=True)["x"].value is None


def test_a_control_as_good_as_the_truth_leaves_no_s() -> None:
    assert rows_of(0.95, 0.95, 0.95)["x/s"].value is None


@pytest.mark.parametrize("clips", [5, 40])
def test_functions_of_sums_have_the_interval_of_ratios(clips: int) -> None:
    terms_NX = np.random.default_rng(0).uniform(0.5, 1.5, size=(clips, 2))
    ours = statistics.of_sums(terms_NX, ratio)
    theirs = statistics.ratio_of_sums(terms_NX[:, 0], terms_NX[:, 1])
    assert ours.value == pytest.approx(theirs.value)
    assert ours.low == pytest.approx(theirs.low, rel=0.15)
    assert ours.high == pytest.approx(theirs.high, rel=0.15)


def test_nothing_has_no_value_and_one_clip_no_interval() -> None:
    assert np.isnan(statistics.of_sums(np.zeros((0, 2)), ratio).value)
    assert statistics.of_sums(np.ones((1, 2)), ratio).low is None


def test_clips_that_cannot_be_left_out_leave_no_interval() -> None:
    only_one_asked = np.array([[0.3, 1.0], [0.0, 0.0], [0.0, 0.0]])
    found = statistics.of_sums(only_one_asked, ratio)
    assert (found.value, found.low, found.high) == (0.3, None, None)


def record(rig_FR: np.ndarray, viseme_F: np.ndarray) -> PerformanceRecord:
    silence_A = np.zeros(samples_at_frame(FRAMES), np.float32)
    return PerformanceRecord(
        clip_id="a", identity="seed:1", num_frames=FRAMES, speak_A=silence_A, listen_A=silence_A,
        state_F=np.full(FRAMES, State.SPEAK, np.int8), caption="",
        truth=Truth(seed=1, rig_FR=rig_FR, viseme_F=viseme_F.astype(np.int8), events=()),
    )  # fmt: skip


def reading(rig_FR: np.ndarray, viseme_F: np.ndarray) -> ClipReading:
    return ClipReading(rig_FR=rig_FR, viseme_F=viseme_F, identity_FD=np.ones((FRAMES, 2), np.float32))


def test_visemes_are_all_alike_important_and_another_sentence_has_others() -> None:
    rng = np.random.default_rng(0)
    said = [np.where(rng.random(FRAMES) < 0.9, 10, rng.integers(0, 15, FRAMES)) for _ in range(8)]
    mouths = [np.repeat(viseme_F[:, None], NUM_RIG, axis=1).astype(np.float32) for viseme_F in said]
    records = [record(rig_FR, viseme_F) for rig_FR, viseme_F in zip(mouths, said, strict=True)]
    truth = [reading(rig_FR, np.zeros(FRAMES)) for rig_FR in mouths]
    lazy = [reading(np.full_like(rig_FR, 10), np.zeros(FRAMES)) for rig_FR in mouths]
    other = [7, *range(7)]

    def heard(rig_FR: np.ndarray) -> np.ndarray:
        return rig_FR[:, Rig.JAW].astype(int)

    good = {row.name: row for row in visemes.viseme_rows(records, truth, truth, other, heard)}
    bad = {row.name: row for row in visemes.viseme_rows(records, truth, lazy, other, heard)}
    assert good["viseme_f1"].value == 1.0
    assert good["viseme_f1/s"].met is True
    assert good["viseme_f1/control"].value < 0.15
    assert bad["viseme_f1"].value < 0.1  # nine frames of ten are right
    assert bad["viseme_f1/s"].met is False


def looking(gaze: float, yaw: float = 0.0) -> np.ndarray:
    rig_FR = np.zeros((FRAMES, NUM_RIG), np.float32)
    rig_FR[:, Rig.GAZE_X], rig_FR[:, Rig.YAW] = gaze, yaw
    return rig_FR


def test_a_gaze_is_where_head_and_eyes_look_together() -> None:
    assert eyes.gaze_error(looking(-0.45, 0.5), looking(0.0))[0] == pytest.approx(0.0, abs=1e-3)
    total, frames = eyes.gaze_error(looking(0.1), looking(0.0))
    assert total / frames == pytest.approx(3.82, abs=0.01)
    shut_FR = looking(0.0)
    shut_FR[:90, [Rig.BLINK_LEFT, Rig.BLINK_RIGHT]] = 1.0
    assert eyes.gaze_error(looking(0.5), shut_FR)[1] == 6
    assert eyes.gaze_error(looking(np.nan), looking(0.0))[0] == 180.0 * FRAMES


def blinking(starts: range, length: int) -> np.ndarray:
    rig_FR = np.zeros((FRAMES, NUM_RIG), np.float32)
    for start in starts:
        rig_FR[start : start + length, [Rig.BLINK_LEFT, Rig.BLINK_RIGHT]] = 1.0
    return rig_FR


def test_blinks_that_are_longer_or_nearer_are_told_apart() -> None:
    still = np.zeros(FRAMES, np.int64)
    usual, slow, often = blinking(range(5, 90, 40), 4), blinking(range(5, 90, 40), 12), blinking(range(5, 90, 15), 4)

    def ks(rig_FR: np.ndarray, kind: str) -> float | None:
        made = [reading(rig_FR, still)] * 4
        rows = eyes.eye_rows([record(usual, still)] * 4, [reading(usual, still)] * 4, made)
        return next(row.value for row in rows if row.name == f"blink_ks/{kind}")

    assert (ks(usual, "duration"), ks(usual, "interval")) == (0.0, 0.0)
    assert (ks(slow, "duration"), ks(slow, "interval")) == (1.0, 0.0)
    assert (ks(often, "duration"), ks(often, "interval")) == (0.0, 1.0)


def test_eyesight_knows_what_is_read_and_what_is_not() -> None:
    rng = np.random.default_rng(0)
    clips: list[tuple[np.ndarray, np.ndarray]] = []
    for _ in range(30):
        true_FR = rng.normal(size=(FRAMES, NUM_RIG))
        read_FR = true_FR + 0.2 * rng.normal(size=(1, NUM_RIG)) + 0.1 * rng.normal(size=true_FR.shape)
        read_FR[:, Rig.ARM_LEFT] = 0.3
        read_FR[:, Rig.YAW] = 0.5 * true_FR[:, Rig.YAW]
        clips.append((read_FR, true_FR))
    eyesight = Eyesight.of(clips)
    assert eyesight.slope_R[Rig.ARM_LEFT] == pytest.approx(0.0, abs=0.02)
    assert eyesight.slope_R[Rig.YAW] == pytest.approx(0.5, abs=0.02)
    assert eyesight.slope_R[Rig.SMILE] == pytest.approx(1.0, abs=0.05)
    assert eyesight.bias_R[Rig.SMILE] == pytest.approx(0.2, rel=0.4)
    assert eyesight.noise_R[Rig.SMILE] == pytest.approx(0.1, rel=0.1)


def follower(monkeypatch: pytest.MonkeyPatch) -> None:
    """A predictor whose jaw is the loudness of each frame."""

    def predict(_: object, voice: object, num_frames: int) -> np.ndarray:
        samples_A = voice.read(0, samples_at_frame(num_frames))  # type: ignore[attr-defined]
        loud = [float(np.abs(frame).mean()) for frame in np.array_split(samples_A, num_frames)]
        return np.repeat(np.array(loud)[:, None], 6, axis=1)

    monkeypatch.setattr(footage, "predict_mouth", predict)


def filmed(count: int = 12) -> footage.Footage:
    lips_KF = np.random.default_rng(0).uniform(size=(count, footage.FRAMES)).astype(np.float32)
    frame_A = np.arange(samples_at_frame(footage.FRAMES)) * footage.FRAMES // samples_at_frame(footage.FRAMES)
    voices_KA = lips_KF[:, frame_A]
    return footage.Footage(names=tuple("abcdefghijkl"[:count]), lips_KF=lips_KF, voices_KA=voices_KA)


def test_synchrony_counts_only_if_real_lips_vouch_for_its_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    follower(monkeypatch)
    human = [Row(name="other", value=1.0, n=1), Row(name="sync_win_rate_human", value=0.97, n=9)]
    predictor = nn.Identity()
    good = {row.name: row for row in footage.with_footage(human, predictor, filmed())}  # type: ignore[arg-type]
    assert good["sync_win_rate_real"].value == 1.0
    assert good["sync_win_rate_real/shifted"].value < 0.4
    assert good["sync_win_rate_human"].met is True
    liar = filmed()
    liar = footage.Footage(names=liar.names, lips_KF=np.roll(liar.lips_KF, 1, axis=0), voices_KA=liar.voices_KA)
    for shown in (liar, filmed(8), None):
        rows = {row.name: row for row in footage.with_footage(human, predictor, shown)}  # type: ignore[arg-type]
        assert rows["sync_win_rate_human"].met is False
        assert rows["sync_win_rate_human"].value == 0.97


def test_footage_survives_its_archive_and_another_archive_is_named(tmp_path: Path) -> None:
    filmed().save(tmp_path / "lips.npz")
    read = footage.load_footage(tmp_path / "lips.npz")
    assert read.names == filmed().names
    assert np.allclose(read.voices_KA, filmed().voices_KA, atol=1e-4)
    np.savez(tmp_path / "other.npz", x=np.zeros(1))
    with pytest.raises(InputError, match="no archive of footage"):
        footage.load_footage(tmp_path / "other.npz")


def test_groups_ask_for_what_they_measure() -> None:
    assert {trap_style(index, index).kind for index in range(6)} == {ClipKind.TRAP, ClipKind.LISTEN}
    asked = {single_style(index, index).actions[0].action for index in range(len(ACTION_NAMES))}
    assert asked == set(ACTION_NAMES)
    for index in range(8):
        names = [cue.action for cue in sequence_style(index, index).actions]
        assert len(set(names)) == 3
        assert index % 2 or not any(ACTIONS[name].uses_arms for name in names)
    assert len({case_config(group, 2, Split.TEST).seed for group in Group}) == len(Group)
    with pytest.raises(ConfigError, match="traps=1"):
        GroupSizes(traps=1)


def test_mixed_cases_take_their_people_as_drawn_but_never_act_with_a_speaking_mouth() -> None:
    styles = [mixed_style(index, 9000 + index) for index in range(200)]
    assert [style.kind for style in styles[: len(MIX)]] == list(MIX)
    assert len({style.course for style in styles}) == 4
    assert sum(bool(style.actions) for style in styles) > 20
    for style in styles:
        if style.kind != ClipKind.IDLE:
            assert not any(ACTIONS[cue.action].uses_mouth for cue in style.actions)


def test_a_performer_sees_only_the_kinds_of_pictures_that_it_may() -> None:
    part = Part(
        references_JCHW=torch.rand(len(reference_rigs()), 3, 8, 8), speak=SILENCE, listen=SILENCE, num_frames=48,
        caption="", seed=0,
    )  # fmt: skip
    assert len(shown_references(part)) == len(reference_rigs())
    assert [one.kind for one in shown_references(replace(part, kinds=("global",)))] == ["global"]
    assert {one.kind for one in shown_references(replace(part, kinds=("global", "view")))} == {"global", "view"}


def opening_and_closing(seed: int) -> Rehearsed:
    """A jaw that goes up and down: what is said is whether it opens or closes, which no single frame tells."""
    jaw_F = np.abs(((np.arange(FRAMES) + seed) % 24) / 12 - 1)
    rig_FR = np.zeros((FRAMES, NUM_RIG), np.float32)
    rig_FR[:, Rig.JAW] = jaw_F
    opens_F = (np.arange(FRAMES) + seed) % 24 >= 12
    return Rehearsed(record=record(rig_FR, np.where(opens_F, 10, 1)), read_FR=rig_FR.astype(np.float64))


def test_what_a_mouth_says_is_read_from_how_it_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viseme_reader, "_STEPS", 200)
    heard, unheard = [opening_and_closing(seed) for seed in range(20)], opening_and_closing(77)
    reader = viseme_reader.fitted(heard)
    assert unheard.record.truth is not None
    true_F = unheard.record.truth.viseme_F
    assert (reader.read(unheard.read_FR) == true_F).mean() > 0.85
    assert (viseme_reader.fitted(heard).read(unheard.read_FR) == reader.read(unheard.read_FR)).all()
    held_FR = np.repeat(unheard.read_FR[:1], FRAMES, axis=0)
    assert (reader.read(held_FR) == true_F).mean() == pytest.approx(0.5, abs=0.05)
    assert reader.read(np.full((FRAMES, NUM_RIG), np.nan)).shape == (FRAMES,)
