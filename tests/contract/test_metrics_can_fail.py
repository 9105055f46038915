"""Every metric of the benchmark is proved able to fail: each control makes its own metric drop, and only that."""

import numpy as np
import pytest

from openlpm.bench import metrics, sync
from openlpm.core.rig import MOUTH_CHANNELS, NUM_RIG, Rig, State

pytestmark = pytest.mark.contract

FRAMES = 144


def performance(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A clip that listens for three seconds and then speaks: rig_FR and state_F."""
    rng = np.random.default_rng(seed)
    rig_FR = np.zeros((FRAMES, NUM_RIG), np.float32)
    state_F = np.full(FRAMES, State.LISTEN, np.int8)
    state_F[72:] = State.SPEAK
    syllables = np.convolve(rng.uniform(size=FRAMES), np.ones(3) / 3, mode="same")
    for channel in MOUTH_CHANNELS:
        rig_FR[:, channel] = np.convolve(rng.uniform(size=FRAMES), np.ones(3) / 3, mode="same")
    rig_FR[:, Rig.JAW] = syllables
    rig_FR[:72, list(MOUTH_CHANNELS)] = 0
    for channel in (Rig.YAW, Rig.PITCH, Rig.ROLL, Rig.SHIFT_X, Rig.SHIFT_Y):
        rig_FR[:, channel] = 0.1 * np.sin(np.arange(FRAMES) / rng.uniform(8, 14) + rng.uniform(0, 6))
    for start in (30, 90, 130):
        rig_FR[start : start + 3, [Rig.BLINK_LEFT, Rig.BLINK_RIGHT]] = np.array([[0.6], [1.0], [0.4]])
    return rig_FR, state_F


def read(rig_FR: np.ndarray, seed: int = 0) -> np.ndarray:
    """What a good critic reads: the truth with a little error."""
    noise = np.random.default_rng(1000 + seed).normal(scale=0.01, size=rig_FR.shape)
    return (rig_FR + noise).astype(np.float32)


CLIPS = [performance(seed) for seed in range(12)]
FROZEN = [np.repeat(read(rig_FR)[:1], FRAMES, axis=0) for rig_FR, _ in CLIPS]


def mean_jaw(readings: list[np.ndarray], shift_frames: int = 0) -> float:
    scores = [
        metrics.jaw_correlation(
            reading[:, Rig.JAW], truth[:, Rig.JAW], metrics.speaking(state), shift_frames=shift_frames
        )
        for reading, (truth, state) in zip(readings, CLIPS, strict=True)
    ]
    assert all(score is not None for score in scores)
    return float(np.mean([score for score in scores if score is not None]))


def test_a_clip_in_which_no_step_is_asked_for_is_not_one_of_those_that_were_measured() -> None:
    made, true = [(0.2, 50), (0.0, 0), (0.0, 0)], [(1.0, 50), (0.0, 0), (0.0, 0)]
    found = metrics.energy_ratio(made, true)
    assert (found.value, found.low, found.n) == (0.2, None, 1)
    assert np.isnan(metrics.energy_ratio(made[1:], true[1:]).value)


def test_truth_reaches_the_top_of_jaw_correlation() -> None:
    assert mean_jaw([read(rig, seed) for seed, (rig, _) in enumerate(CLIPS)]) > 0.97


def test_half_a_second_of_delay_loses_the_jaw_correlation() -> None:
    readings = [read(rig, seed) for seed, (rig, _) in enumerate(CLIPS)]
    assert abs(mean_jaw(readings, shift_frames=metrics.SHIFT_FRAMES)) < 0.3
    late = [np.roll(reading, 3, axis=0) for reading in readings]
    assert mean_jaw(late) < 0.5  # 125 ms late is already bad: no lag is searched for


def test_another_clips_mouth_loses_the_jaw_correlation() -> None:
    assert abs(mean_jaw([read(CLIPS[i - 1][0]) for i in range(len(CLIPS))])) < 0.3


def test_a_frozen_mouth_scores_zero_and_is_not_dropped() -> None:
    assert mean_jaw(FROZEN) == 0.0
    broken = [np.full((FRAMES, NUM_RIG), np.nan, np.float32) for _ in CLIPS]
    assert mean_jaw(broken) == 0.0


def test_a_clip_with_too_little_speech_says_so() -> None:
    rig, _ = CLIPS[0]
    assert metrics.jaw_correlation(rig[:, 0], rig[:, 0], np.zeros(FRAMES, bool)) is None


def false_rate(readings: list[np.ndarray]) -> float:
    quiet = [metrics.quiet(state) for _, state in CLIPS]
    truth = [(read(rig, seed), mask) for seed, ((rig, _), mask) in enumerate(zip(CLIPS, quiet, strict=True))]
    mouth = metrics.QuietMouth.calibrate(truth)
    false = sum(int(mouth.false_frames(reading, mask).sum()) for reading, mask in zip(readings, quiet, strict=True))
    return false / sum(int(mask.sum()) for mask in quiet)


def test_truth_itself_is_hardly_ever_a_false_mouth() -> None:
    assert false_rate([read(rig, seed) for seed, (rig, _) in enumerate(CLIPS)]) <= 0.005


def test_chatter_while_listening_is_a_false_mouth() -> None:
    chatter = [read(np.roll(rig, 72, axis=0)) for rig, _ in CLIPS]
    assert false_rate(chatter) > 0.8


def test_a_mouth_that_moves_without_opening_is_a_false_mouth() -> None:
    wobble = []
    for rig, _ in CLIPS:
        moved = read(rig)
        moved[:, Rig.WIDTH] += 0.3 * np.sin(np.arange(FRAMES))
        wobble.append(moved)
    assert false_rate(wobble) > 0.5


def test_an_unreadable_mouth_is_a_false_mouth() -> None:
    assert false_rate([np.full((FRAMES, NUM_RIG), np.nan, np.float32) for _ in CLIPS]) == 1.0


def motion(readings: list[np.ndarray], mask: bool = False) -> float:
    masks = [metrics.quiet(state) if mask else None for _, state in CLIPS]
    generated = [metrics.head_energy(reading, quiet) for reading, quiet in zip(readings, masks, strict=True)]
    truth = [
        metrics.head_energy(read(rig, seed), quiet)
        for seed, ((rig, _), quiet) in enumerate(zip(CLIPS, masks, strict=True))
    ]
    return metrics.energy_ratio(generated, truth).value


def test_truth_moves_as_truth_and_a_frozen_head_does_not_move() -> None:
    assert motion([read(rig, 50) for rig, _ in CLIPS]) == pytest.approx(1.0, abs=0.05)
    assert motion(FROZEN) == 0.0
    assert motion(FROZEN, mask=True) == 0.0


def test_jitter_is_too_much_motion() -> None:
    rng = np.random.default_rng(3)
    jitter = [read(rig) + rng.normal(scale=0.06, size=rig.shape).astype(np.float32) for rig, _ in CLIPS]
    assert motion(jitter) > 1.3


def test_doubled_motion_is_too_much_motion() -> None:
    assert motion([2 * read(rig) for rig, _ in CLIPS]) > 1.3


def test_blinks_are_counted_once_each_and_flutter_is_not_counted() -> None:
    rig, _ = CLIPS[0]
    assert metrics.blinks(read(rig)) == 3
    assert metrics.blinks(FROZEN[0]) == 0
    flutter = read(rig)
    flutter[40:60, Rig.BLINK_LEFT] = flutter[40:60, Rig.BLINK_RIGHT] = np.tile([0.55, 0.65], 10)
    assert metrics.blinks(flutter) == 4
    wink = read(rig)
    wink[40:43, Rig.BLINK_LEFT] = 1.0
    assert metrics.blinks(wink) == 3


def people(count: int, frames: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    centre_ND = rng.normal(size=(count, 1, 64))
    frames_NFD = centre_ND + spread * rng.normal(size=(count, frames, 64))
    return centre_ND[:, 0] / np.linalg.norm(centre_ND[:, 0], axis=1, keepdims=True), frames_NFD / np.linalg.norm(
        frames_NFD, axis=2, keepdims=True
    )


def test_another_identity_and_a_slow_morph_lose_acceptance() -> None:
    reference_ND, frames_NFD = people(16, 20, 0.5)
    impostors = np.concatenate([frames_NFD[j] @ reference_ND[i] for i in range(16) for j in range(16) if i != j])
    threshold = metrics.impostor_threshold(impostors)
    own = sum(metrics.accepted(frames_NFD[i], reference_ND[i], threshold) for i in range(16)) / (16 * 20)
    other = sum(metrics.accepted(frames_NFD[i - 1], reference_ND[i], threshold) for i in range(16)) / (16 * 20)
    weight_F1 = np.linspace(0, 1, 20)[:, None]
    morph_NFD = [(1 - weight_F1) * frames_NFD[i] + weight_F1 * frames_NFD[i - 1] for i in range(16)]
    morph_NFD = [m / np.linalg.norm(m, axis=1, keepdims=True) for m in morph_NFD]
    morphed = sum(metrics.accepted(morph_NFD[i], reference_ND[i], threshold) for i in range(16)) / (16 * 20)
    assert own > 0.95
    assert other < 0.05
    assert morphed < 0.9 * own
    assert metrics.accepted(np.full((4, 64), np.nan), reference_ND[0], threshold) == 0


def test_sync_finds_the_own_voice_and_only_chance_remains_for_the_controls() -> None:
    mouths = [performance(seed)[0][72:, list(MOUTH_CHANNELS)] for seed in range(40, 50)]

    def rate(seen: list[np.ndarray]) -> float:
        shares = []
        for i, mouth in enumerate(seen):
            others = [mouths[j] for j in range(len(mouths)) if j != i]
            shares.append(sync.win_share(mouth, mouths[i], others).mean())
        return float(np.mean(shares))

    noisy = [mouth + np.random.default_rng(9).normal(scale=0.1, size=mouth.shape) for mouth in mouths]
    assert rate(noisy) > 0.95
    assert rate([np.roll(mouth, 12, axis=0) for mouth in mouths]) < 0.5
    assert rate([mouths[i - 1] for i in range(10)]) == 0.0
    assert rate([np.repeat(mouth[:1], len(mouth), axis=0) for mouth in mouths]) == pytest.approx(0.1)
