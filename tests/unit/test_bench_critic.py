"""The critic, what it is trained on, and how."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from openlpm.bench.audio_mouth import MouthPredictor, predict_mouth
from openlpm.bench.critic import Critic, Reading, cut_out, face_square
from openlpm.bench.critic_augment import disturb
from openlpm.bench.critic_data import NO_VISEME, FrameBatch, FrameConfig, FramePool, FrameSource
from openlpm.bench.critic_loss import reading_loss, supervised_contrast
from openlpm.bench.critic_report import GROUPS, r_squared
from openlpm.bench.mouth_data import VoicePool, VoiceSource
from openlpm.bench.reading import load_judges, read_frames
from openlpm.bench.visible import ASKED, shown
from openlpm.core.audio import ArraySource
from openlpm.core.errors import ConfigError
from openlpm.core.record import PerformanceRecord, Truth
from openlpm.core.rig import NUM_RIG, RIG_HIGH_R, RIG_LOW_R, Rig, State
from openlpm.core.units import samples_at_frame
from openlpm.parallel.world import joined
from openlpm.recipes.critic import CriticObjective, MouthObjective, save_judges, tiny_critic_recipe
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.render import Cast, render_frames
from openlpm.training.trainer import Trainer

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def critic() -> Critic:
    torch.manual_seed(0)
    return Critic().eval()


def truth(rig_NR: Tensor, viseme_N: Tensor, who_N: Tensor) -> FrameBatch:
    """Labels without pictures, every face where a critic believes it (``face_N3`` of zeros)."""
    nowhere_N3 = torch.zeros(len(rig_NR), 3)
    return FrameBatch(torch.empty(len(rig_NR), 0), rig_NR, viseme_N, who_N, nowhere_N3, nowhere_N3)


def record(num_frames: int = 72) -> PerformanceRecord:
    """Somebody who says one loud thing from frame 24 to frame 60, with the jaw open just then."""
    rng = np.random.default_rng(0)
    loud_F = np.zeros(num_frames, bool)
    loud_F[24:60] = True
    speak_A = 0.001 * rng.normal(size=samples_at_frame(num_frames)).astype(np.float32)
    speak_A[samples_at_frame(24) : samples_at_frame(60)] *= 200
    rig_FR = np.zeros((num_frames, NUM_RIG), np.float32)
    rig_FR[:, Rig.JAW] = loud_F
    return PerformanceRecord(
        clip_id="loud",
        identity="seed:1",
        num_frames=num_frames,
        speak_A=speak_A,
        listen_A=np.zeros_like(speak_A),
        state_F=np.where(loud_F, State.SPEAK, State.IDLE).astype(np.int8),
        caption="",
        truth=Truth(seed=1, rig_FR=rig_FR, viseme_F=np.full(num_frames, 10, np.int8), events=()),
    )


def test_the_judges_are_small() -> None:
    assert sum(p.numel() for p in Critic().parameters()) <= 2_600_000
    assert sum(p.numel() for p in MouthPredictor().parameters()) <= 300_000


def test_a_reading_has_every_channel_and_a_unit_face(critic: Critic) -> None:
    frames_NCHW = torch.rand(3, 3, 256, 256)
    clip = read_frames(critic, frames_NCHW)
    assert clip.rig_FR.shape == (3, NUM_RIG)
    assert clip.viseme_F.shape == (3,)
    assert np.linalg.norm(clip.identity_FD, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert np.allclose(read_frames(critic, frames_NCHW[1:2]).rig_FR, clip.rig_FR[1:2], atol=1e-5)


def test_other_sizes_of_picture_are_refused(critic: Critic) -> None:
    with pytest.raises(ConfigError, match="reads pictures"):
        read_frames(critic, torch.rand(1, 3, 128, 128))


def test_a_face_is_cut_out_of_its_box_always_equally_large() -> None:
    frames_NCHW = torch.zeros(2, 3, 256, 256)
    boxes_N4 = torch.tensor([[40.0, 60.0, 120.0, 160.0], [100.0, 20.0, 240.0, 120.0]])
    for frame_CHW, (x0, y0, x1, y1) in zip(frames_NCHW, boxes_N4.int().tolist(), strict=True):
        frame_CHW[:, y0:y1, x0:x1] = 1.0
    faces_NHW = cut_out(frames_NCHW, face_square(boxes_N4), 130)[:, 0]
    rows_NH, columns_NW = faces_NHW.amax(2) > 0.5, faces_NHW.amax(1) > 0.5
    assert rows_NH.sum(1).tolist() == pytest.approx([100, 100 * 100 / 140], abs=1)
    assert columns_NW.sum(1).tolist() == pytest.approx([80, 100], abs=1)
    assert torch.equal(rows_NH, rows_NH.flip(1))
    assert torch.equal(columns_NW, columns_NW.flip(1))


def test_a_critic_looks_where_it_is_told_or_where_it_believes_the_face(critic: Critic) -> None:
    frames_NCHW = torch.rand(2, 3, 256, 256)
    with torch.no_grad():
        alone = critic(frames_NCHW)
        told = critic(frames_NCHW, alone.face_N3)
        elsewhere = critic(frames_NCHW, alone.face_N3 + 0.3)
    assert torch.equal(alone.rig_NR, told.rig_NR)
    assert not torch.allclose(alone.rig_NR, elsewhere.rig_NR)
    assert torch.equal(alone.face_N3, elsewhere.face_N3)


def test_the_critic_is_one_graph(critic: Critic) -> None:
    compiled = torch.compile(critic, backend="eager", fullgraph=True)
    with torch.no_grad():
        assert torch.allclose(compiled(torch.zeros(1, 3, 256, 256)).rig_NR, critic(torch.zeros(1, 3, 256, 256)).rig_NR)


def test_a_perfect_reading_has_no_rig_loss_and_a_wrong_jaw_costs_most() -> None:
    rig_NR = torch.rand(4, NUM_RIG)
    rig_NR[:, [Rig.BLINK_LEFT, Rig.BLINK_RIGHT]] = 0
    viseme_N = torch.tensor([1, NO_VISEME, 2, NO_VISEME])
    who_N = torch.tensor([0, 0, 1, 1])

    def rig_loss(channel: Rig | None) -> float:
        read_NR = rig_NR.clone()
        if channel is not None:
            read_NR[:, channel] += 0.3
        reading = Reading(
            read_NR, torch.zeros(4, 15), nn.functional.normalize(torch.rand(4, 8), dim=1), torch.zeros(4, 3)
        )
        return float(reading_loss(reading, truth(rig_NR, viseme_N, who_N)).metrics["rig"])

    assert rig_loss(None) == 0.0
    assert rig_loss(Rig.JAW) > 2 * rig_loss(Rig.BROW_LEFT) > 0


def test_frames_without_a_viseme_do_not_teach_one() -> None:
    faces_ND = nn.functional.normalize(torch.rand(2, 8), dim=1)
    reading = Reading(torch.zeros(2, NUM_RIG), torch.randn(2, 15), faces_ND, torch.zeros(2, 3))
    none_N, who_N = torch.full((2,), NO_VISEME), torch.zeros(2).long()
    losses = reading_loss(reading, truth(torch.zeros(2, NUM_RIG), none_N, who_N))
    assert float(losses.metrics["viseme"]) == 0.0
    assert math.isfinite(float(losses.loss))


def test_contrast_wants_people_together_and_strangers_apart() -> None:
    who_N = torch.tensor([0, 0, 1, 1])
    good_ND = torch.eye(2)[who_N]
    bad_ND = torch.eye(2)[torch.tensor([0, 1, 0, 1])]
    assert supervised_contrast(good_ND, who_N) < 0.01 < supervised_contrast(bad_ND, who_N)


def test_disturbed_pictures_stay_pictures_and_follow_their_seed() -> None:
    frames_NCHW = torch.rand(6, 3, 32, 32).round(decimals=1)
    first, again = (disturb(frames_NCHW, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert first.min() >= 0
    assert first.max() <= 1
    assert not torch.equal(first, frames_NCHW)


def fake_render(parameters_NV: Tensor, rig_NR: Tensor) -> Tensor:
    return (parameters_NV[:, :1, None, None] + 0 * rig_NR[:, :1, None, None]).expand(-1, 3, 8, 8)


def test_a_batch_is_a_function_of_seed_step_and_rank_and_repeats_its_people() -> None:
    cast = Cast([Identity.from_seed(seed) for seed in range(10)])
    pool = FramePool.of(cast.parameters_BV, [record()])
    source = FrameSource(pool, FrameConfig(identities=3, frames_each=40, augmented=False), fake_render, seed=1)
    batch, again, other = source.batch(5, 0), source.batch(5, 0), source.batch(5, 1)
    assert torch.equal(batch.rig_NR, again.rig_NR)
    assert not torch.equal(batch.rig_NR, other.rig_NR)
    assert batch.identity_index_N.unique(return_counts=True)[1].tolist() == [40, 40, 40]
    assert torch.equal(batch.frames_NCHW[:, 0, 0, 0], pool.parameters_IV[batch.identity_index_N, 0])
    assert (batch.rig_NR >= torch.from_numpy(RIG_LOW_R)).all()
    assert (batch.rig_NR <= torch.from_numpy(RIG_HIGH_R)).all()
    labelled = batch.viseme_N != NO_VISEME
    assert 0.5 < labelled.float().mean() < 0.95
    assert ((batch.rig_NR[labelled, Rig.JAW] == 0) | (batch.rig_NR[labelled, Rig.JAW] == 1)).all()
    missed_N3 = (batch.look_N3 - batch.face_N3).abs()
    assert 0 < missed_N3[:, 2].mean() < missed_N3[:, 2].max() <= 0.1
    assert (missed_N3[:, :2] <= 0.12 * batch.face_N3[:, 2:].exp()).all()
    # Eyes and mouth of a face that looks straight at us are inside the square in which it is read.
    regions = Cast.from_parameters(pool.parameters_IV).regions(torch.zeros(10, 1, NUM_RIG))
    square_N3 = face_square(regions.face_BF4[:, 0])
    half_N1 = square_N3[:, 2:].exp() * 128
    for box_N4 in (regions.mouth_BF4[:, 0], regions.eyes_BF4[:, 0]):
        assert (box_N4[:, :2] >= (square_N3[:, :2] + 1) * 128 - half_N1).all()
        assert (box_N4[:, 2:] <= (square_N3[:, :2] + 1) * 128 + half_N1).all()


def test_windows_of_voices_stay_with_their_mouths() -> None:
    pool = VoicePool.of([record()], torch.device("cpu"))
    batch = VoiceSource(pool, batch_size=16, window_frames=30, seed=2).batch(0)
    loudness_BF = batch.mel_BML.mean(dim=1).unflatten(1, (30, 4)).mean(dim=2)
    open_BF = batch.mouth_BFX[..., 0]
    assert torch.equal(open_BF.bool(), batch.speaking_BF)
    assert float(torch.corrcoef(torch.stack([loudness_BF.flatten(), open_BF.flatten()]))[0, 1]) > 0.95


def test_the_expected_mouth_does_not_depend_on_the_level_of_a_recording() -> None:
    torch.manual_seed(0)
    predictor = MouthPredictor().eval()
    voice_A = 0.1 * np.random.default_rng(0).normal(size=32_000).astype(np.float32)
    quiet_FX, loud_FX = (predict_mouth(predictor, ArraySource(gain * voice_A), 48) for gain in (0.5, 2.0))
    assert quiet_FX.shape == (48, 6)
    assert np.abs(quiet_FX - loud_FX).max() < 0.02 * np.abs(loud_FX).max() + 1e-3


def test_a_mouth_predictor_learns_when_somebody_opens_the_mouth(tmp_path: Path) -> None:
    pool = VoicePool.of([record()], torch.device("cpu"))
    torch.manual_seed(0)
    objective = MouthObjective(MouthPredictor(), VoiceSource(pool, batch_size=4, window_frames=48))
    config = replace(tiny_critic_recipe().mouth_trainer, steps=40, log_every=5)
    losses: list[float] = []
    with joined("cpu") as world:
        Trainer(objective, config, world, tmp_path).run(lambda entry: losses.append(entry.scalars["loss"]))
    assert losses[-1] < 0.5 * losses[0]


def test_a_critic_is_taught_what_its_pictures_show(tmp_path: Path) -> None:
    recipe = tiny_critic_recipe()
    cast = Cast([Identity.from_seed(seed) for seed in (1, 2, 3)])
    source = FrameSource(FramePool.of(cast.parameters_BV, [record()]), recipe.frames, render_frames, seed=0)
    objective = CriticObjective(Critic(), source)
    loss, scalars = objective.loss(objective.batch(0, 0))
    loss.backward()
    assert set(scalars) == {"rig", "viseme", "identity", "face", "jaw_error", "viseme_accuracy"}
    assert all(p.grad is not None for p in objective.module.parameters())
    batch = objective.batch(0, 0)
    other = replace(batch, rig_NR=batch.rig_NR + 1)
    assert float(objective.loss(other)[0].detach()) > float(loss.detach())


def test_judges_are_what_was_saved_but_for_bf16(critic: Critic, tmp_path: Path) -> None:
    save_judges(tmp_path, critic, MouthPredictor())
    judges = load_judges(torch.device("cpu"), tmp_path)
    assert set(judges.hashes) == {"critic", "critic-mouth"}
    frame_NCHW = torch.rand(1, 3, 256, 256)
    expected_ND = read_frames(critic, frame_NCHW).identity_FD
    # An untrained critic, rounded to bf16.
    assert (read_frames(judges.critic, frame_NCHW).identity_FD @ expected_ND.T).item() > 0.95


def test_what_is_hidden_is_not_asked() -> None:
    rig_NR = torch.zeros(5, NUM_RIG)
    rig_NR[:, Rig.JAW] = 0.5
    rig_NR[1, [Rig.BLINK_LEFT, Rig.BLINK_RIGHT]] = 1.0
    rig_NR[2, Rig.BLINK_LEFT] = 1.0
    rig_NR[3, Rig.PRESS] = 1.0
    rig_NR[4, Rig.ARM_RIGHT] = 0.9
    asked = {channel: (shown(rig_NR)[:, channel] >= ASKED).tolist() for channel in Rig}
    assert asked[Rig.GAZE_X] == [True, False, True, True, True]
    assert asked[Rig.WIDEN] == [True, False, False, True, True]
    assert asked[Rig.JAW] == asked[Rig.TONGUE] == asked[Rig.TEETH] == [True, True, True, False, True]
    assert asked[Rig.HAND_RIGHT] == [False, False, False, False, True]
    assert not any(asked[Rig.HAND_LEFT] + asked[Rig.TIME])
    assert all(asked[Rig.SMILE] + asked[Rig.ARM_LEFT])
    closed_NR = rig_NR * 0
    assert (shown(closed_NR)[:, Rig.JAW] == 1).all()  # a closed jaw is seen, pressed lips or not
    assert (shown(closed_NR)[:, Rig.TONGUE] == 0).all()


def test_hidden_channels_cost_nothing_and_shown_ones_do() -> None:
    rig_NR = torch.zeros(4, NUM_RIG)
    who_N, none_N = torch.tensor([0, 0, 1, 1]), torch.full((4,), NO_VISEME)

    def rig_loss(channel: Rig) -> float:
        read_NR = rig_NR.clone()
        read_NR[:, channel] += 0.3
        reading = Reading(
            read_NR, torch.zeros(4, 15), nn.functional.normalize(torch.rand(4, 8), dim=1), torch.zeros(4, 3)
        )
        return float(reading_loss(reading, truth(rig_NR, none_N, who_N)).metrics["rig"])

    assert rig_loss(Rig.HAND_LEFT) == rig_loss(Rig.TONGUE) == rig_loss(Rig.TIME) == 0.0
    rig_NR[:, [Rig.ARM_LEFT, Rig.JAW]] = 0.8
    assert min(rig_loss(Rig.HAND_LEFT), rig_loss(Rig.TONGUE)) > 0.0
    rig_NR[:, [Rig.BLINK_LEFT, Rig.BLINK_RIGHT]] = 1.0
    assert rig_loss(Rig.GAZE_X) == 0.0


def test_the_share_that_is_read_counts_only_what_is_shown() -> None:
    rng = np.random.default_rng(0)
    truth_FX = rng.normal(size=(400, 2))
    asked_FX = np.ones((400, 2), bool)
    asked_FX[200:, 0] = False
    read_FX = truth_FX.copy()
    read_FX[200:, 0] = 5.0  # wrong, but hidden
    assert r_squared(read_FX, truth_FX, asked_FX) == 1.0
    assert r_squared(read_FX, truth_FX, ~asked_FX) < -1.0
    assert math.isnan(r_squared(read_FX, truth_FX, np.zeros_like(asked_FX)))


def test_every_channel_but_the_clock_is_reported_once() -> None:
    reported = [channel for channels in GROUPS.values() for channel in channels]
    assert sorted(reported) == [channel for channel in Rig if channel is not Rig.TIME]
