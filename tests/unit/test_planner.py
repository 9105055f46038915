"""The planner follows the conversation, never leaves its ranges, and does not care how time is cut."""

import numpy as np
import pytest

from openlpm.core.errors import ConfigError
from openlpm.core.motion import MOTION_CHANNELS, MOTION_HIGH_M, MOTION_LOW_M, NUM_MOTION, NUM_POSE
from openlpm.core.rig import Rig, State
from openlpm.core.units import samples_at_frame
from openlpm.synth.act.feelings import Feeling
from openlpm.synth.act.persona import PERSONAS
from openlpm.synth.act.planner import Planner, frame_loudness

pytestmark = pytest.mark.unit

YAW, PITCH, GAZE_X, GAZE_Y, BLINK, BROW = (
    MOTION_CHANNELS.index(channel)
    for channel in (Rig.YAW, Rig.PITCH, Rig.GAZE_X, Rig.GAZE_Y, Rig.BLINK_LEFT, Rig.BROW_LEFT)
)
Tracks = tuple[np.ndarray, np.ndarray, np.ndarray]


def syllables(num_frames: int, seed: int) -> np.ndarray:
    """Phrases of two seconds with syllables four times a second, and pauses of 0.6 s."""
    time_F = np.arange(num_frames) / 24
    loud_F = 0.02 + 0.1 * np.clip(np.sin(2 * np.pi * 3.7 * time_F + seed), 0, 1)
    return np.where(time_F % 2.6 < 2.0, loud_F, 0.0).astype(np.float32)


def talk(num_frames: int, state: State) -> Tracks:
    quiet_F = np.zeros(num_frames, np.float32)
    state_F = np.full(num_frames, int(state), np.int8)
    heard_F = syllables(num_frames, 1)
    return state_F, heard_F if state == State.SPEAK else quiet_F, heard_F if state == State.LISTEN else quiet_F


def conversation(num_frames: int) -> Tracks:
    """Turns of eight seconds each: listen, speak, idle."""
    turn_F = np.arange(num_frames) // 192 % 3
    voice_F = syllables(num_frames, 2)
    state_F = np.choose(turn_F, [int(State.LISTEN), int(State.SPEAK), int(State.IDLE)]).astype(np.int8)
    zero = np.float32(0)
    return state_F, np.where(turn_F == 1, voice_F, zero), np.where(turn_F == 0, voice_F, zero)


def looks_at_camera(track_FM: np.ndarray) -> float:
    gaze_F2 = track_FM[:, [GAZE_X, GAZE_Y]] + 0.9 * track_FM[:, [YAW, PITCH]]
    return float(np.mean(np.abs(gaze_F2).max(axis=1) < 0.15))


@pytest.mark.parametrize("pieces", [(1,), (7, 24), (240,)])
def test_pieces_give_what_the_whole_gives(pieces: tuple[int, ...]) -> None:
    tracks = conversation(960)
    whole_FM = Planner(seed=3).plan(*tracks)
    planner, at, parts = Planner(seed=3), 0, []
    while at < 960:
        size = pieces[len(parts) % len(pieces)]
        parts.append(planner.plan(*(track[at : at + size] for track in tracks)))
        at += size
    np.testing.assert_array_equal(np.concatenate(parts), whole_FM)


def test_an_hour_stays_in_range_and_ends_as_it_began() -> None:
    planner = Planner(seed=1)
    tracks = conversation(3600 * 24)
    track_FM = planner.plan(*tracks)
    assert track_FM.shape == (3600 * 24, NUM_MOTION)
    assert np.all(track_FM >= MOTION_LOW_M)
    assert np.all(track_FM <= MOTION_HIGH_M)
    first_FM, last_FM = track_FM[: 600 * 24], track_FM[-600 * 24 :]
    np.testing.assert_allclose(last_FM.std(axis=0), first_FM.std(axis=0), rtol=0.2)
    np.testing.assert_allclose(last_FM.mean(axis=0), first_FM.mean(axis=0), atol=0.06)
    moved_MT = np.abs(np.diff(track_FM[:, :NUM_POSE].reshape(60, -1, NUM_POSE), axis=1)).mean(axis=1)
    assert moved_MT.min() > 0.0005
    assert len(planner._pulses) < 20


def test_the_head_moves_as_far_as_a_human_one_and_without_jumps() -> None:
    track_FM = Planner(seed=2).plan(*conversation(24 * 240))
    assert 0.06 < track_FM[:, YAW].std() < 0.18
    assert np.abs(np.diff(track_FM[:, YAW])).max() < 0.12
    blink_F = track_FM[:, BLINK] > 0.9
    starts = int(np.sum(blink_F[1:] & ~blink_F[:-1]))
    assert 10 <= starts / 4 <= 40


def test_a_listener_nods_after_phrases_and_looks_at_the_camera_more_than_a_speaker() -> None:
    num_frames = 24 * 260
    listening_FM = Planner(seed=4).plan(*talk(num_frames, State.LISTEN))
    dip_K = []
    for end in np.arange(48, num_frames - 48, 62.4):
        after = listening_FM[int(end) + 8 : int(end) + 32, PITCH]
        dip_K.append(listening_FM[int(end), PITCH] - after.min())
    silent_FM = Planner(seed=4).plan(*talk(num_frames, State.IDLE))
    still_K = [
        silent_FM[int(end), PITCH] - silent_FM[int(end) + 8 : int(end) + 32, PITCH].min()
        for end in np.arange(48, num_frames - 48, 62.4)
    ]
    assert np.mean(np.array(dip_K) > 0.08) > np.mean(np.array(still_K) > 0.08) + 0.3
    speaking_FM = Planner(seed=4).plan(*talk(num_frames, State.SPEAK))
    assert looks_at_camera(listening_FM) > looks_at_camera(speaking_FM) + 0.05
    assert looks_at_camera(speaking_FM) > looks_at_camera(silent_FM) + 0.15


def test_a_persona_shows() -> None:
    tracks = talk(24 * 120, State.LISTEN)
    bored, attentive, still, lively = (
        Planner(PERSONAS[name], seed=5).plan(*tracks) for name in ("bored", "attentive", "still", "lively")
    )
    assert looks_at_camera(bored) < looks_at_camera(attentive) - 0.2
    assert np.abs(np.diff(still[:, YAW])).mean() < 0.6 * np.abs(np.diff(lively[:, YAW])).mean()


def test_a_mood_is_taken_on_smoothly() -> None:
    planner = Planner(seed=6)
    tracks = talk(120, State.IDLE)
    calm_FM = planner.plan(*tracks)
    planner.feel(Feeling(emotion="surprised", intensity=1.0))
    surprised_FM = planner.plan(*tracks)
    assert surprised_FM[60:, BROW].mean() > calm_FM[:, BROW].mean() + 0.5
    assert np.abs(np.diff(np.concatenate([calm_FM, surprised_FM])[:, BROW])).max() < 0.2
    planner.feel()
    assert planner.plan(*tracks)[90:, BROW].mean() < 0.15


def test_another_seed_moves_differently() -> None:
    tracks = conversation(240)
    assert not np.array_equal(Planner(seed=1).plan(*tracks), Planner(seed=2).plan(*tracks))


def test_tracks_of_unequal_length_and_impossible_energy_are_refused() -> None:
    state_F, own_F, partner_F = conversation(48)
    with pytest.raises(ConfigError, match="equal lengths"):
        Planner().plan(state_F, own_F[:-1], partner_F)
    with pytest.raises(ConfigError, match="energy"):
        Planner(energy=3.0)


def test_loudness_of_pieces_is_that_of_the_whole() -> None:
    samples_A = np.random.default_rng(0).normal(0, 0.1, samples_at_frame(31)).astype(np.float32)
    whole_F = frame_loudness(samples_A)
    assert whole_F.shape == (31,)
    np.testing.assert_allclose(whole_F, 0.1, rtol=0.2)
    piece_F = frame_loudness(samples_A[samples_at_frame(7) :], first_frame=7)
    np.testing.assert_allclose(piece_F, whole_F[7:], rtol=1e-6)
    assert frame_loudness(samples_A[:10]).shape == (0,)
