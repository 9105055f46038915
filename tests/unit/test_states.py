"""The rule of states, who speaks among several, what contradicts itself, and sound that is out of step."""

import numpy as np
import pytest

from openlpm.core.errors import ConfigError
from openlpm.core.rig import State
from openlpm.data.people.faces import NUM_POINTS, POINT
from openlpm.data.states.motion import NUM_MOTION, motion_features
from openlpm.data.states.network import MOST_OFFSET, NUM_OFFSETS
from openlpm.data.states.ranking import RankingConfig, rank
from openlpm.data.states.rule import DISCARD, StateConfig, runs_of, states_of
from openlpm.data.states.scorer import Scores
from openlpm.data.states.sync import check_sync
from openlpm.data.states.verification import ConsistencyCheck, Evidence

pytestmark = pytest.mark.unit

FRAMES = 240


def mask(*stretches: tuple[int, int], frames: int = FRAMES) -> np.ndarray:
    found = np.zeros(frames, np.bool_)
    for first, end in stretches:
        found[first:end] = True
    return found


def rule(speech: np.ndarray, speaks: np.ndarray, moves: np.ndarray | None = None) -> np.ndarray:
    return states_of(
        speech.astype(np.float32), speaks, speaks if moves is None else moves, np.ones(FRAMES, np.bool_), StateConfig()
    )


def test_speech_with_its_mouth_is_speaking_with_a_still_one_listening_and_silence_idle() -> None:
    states = rule(mask((48, 96), (144, 192)), mask((48, 96)))
    assert (states[48:96] == State.SPEAK).all()
    assert (states[144:192] == State.LISTEN).all()
    assert (states[:44] == State.IDLE).all()
    assert (states[102:140] == State.IDLE).all()  # one does not listen to one's own echo


def test_a_mouth_that_moves_without_its_voice_is_discarded_whether_others_speak_or_not() -> None:
    nothing = mask()
    assert (rule(nothing, nothing, mask((50, 100)))[50:100] == DISCARD).all()
    assert (rule(mask((0, FRAMES)), nothing, mask((50, 100)))[50:100] == DISCARD).all()
    assert (rule(nothing, nothing, mask((50, 54)))[50:54] == State.IDLE).all()  # a twitch


def test_a_mouth_in_step_with_a_sound_that_is_no_speech_is_discarded() -> None:
    assert (rule(mask(), mask((50, 100)))[50:100] == DISCARD).all()


def test_short_pauses_belong_to_speech_and_a_listener_listens_on() -> None:
    paused = mask((48, 80), (90, 120))
    assert (rule(paused, paused)[48:120] == State.SPEAK).all()
    listens = rule(mask((48, 96)), mask())
    assert (listens[96 : 96 + 28] == State.LISTEN).all()
    assert (listens[96 + 30 :] == State.IDLE).all()


def test_nobody_who_is_not_seen_has_a_state() -> None:
    seen = mask((0, 100))
    speech = mask((50, 150))
    states = states_of(speech.astype(np.float32), speech, speech, seen)
    assert (states[100:] == DISCARD).all()
    assert (states[50:100] == State.SPEAK).all()


def test_of_two_who_seem_to_speak_the_surer_one_does_and_nobody_flickers() -> None:
    rng = np.random.default_rng(0)
    speech = np.ones(FRAMES, np.float32)
    surer = (1.2 + rng.normal(0, 1.0, FRAMES)).astype(np.float32)
    other = (-0.2 + rng.normal(0, 1.0, FRAMES)).astype(np.float32)
    everywhere = np.ones(FRAMES, np.bool_)
    found = rank([surer, other], [everywhere, everywhere], speech)
    assert found[0].all()
    assert not found[1].any()


def test_a_change_of_speaker_is_found_where_it_is_and_both_speak_only_if_both_are_sure() -> None:
    one = np.where(mask((0, 120)), 4.0, -4.0).astype(np.float32)
    everywhere = np.ones(FRAMES, np.bool_)
    found = rank([one, -one], [everywhere, everywhere], np.ones(FRAMES, np.float32))
    np.testing.assert_array_equal(found[0], mask((0, 120)))
    np.testing.assert_array_equal(found[1], ~mask((0, 120)))
    both = rank([np.abs(one), np.abs(one)], [everywhere, everywhere], np.ones(FRAMES, np.float32))
    assert both.all()


def test_who_is_not_in_the_picture_is_not_named_and_silence_has_no_speaker() -> None:
    unsure = np.full(FRAMES, 0.8, np.float32)
    assert not rank([unsure], [np.ones(FRAMES, np.bool_)], np.zeros(FRAMES, np.float32)).any()
    seen = mask((0, 100))
    found = rank([unsure * 5], [seen], np.ones(FRAMES, np.float32))
    np.testing.assert_array_equal(found[0], seen)


def test_tracks_of_different_lengths_are_refused() -> None:
    with pytest.raises(ConfigError, match="one length"):
        rank([np.zeros(5, np.float32)], [np.ones(4, np.bool_)], np.zeros(5, np.float32))
    with pytest.raises(ConfigError, match="trust"):
        RankingConfig(trust=0)


def scores(late: int = 0, *, moves: np.ndarray | None = None) -> Scores:
    agreement = np.zeros((FRAMES, NUM_OFFSETS), np.float32)
    agreement[:, MOST_OFFSET + late] = 5.0
    moving = np.ones(FRAMES, np.bool_) if moves is None else moves
    odds = np.where(moving, 4.0, -4.0).astype(np.float32)
    return Scores(speaks_F=odds, articulates_F=odds, agreement_FK=agreement)


@pytest.mark.parametrize(("late", "kept"), [(0, True), (2, True), (-2, True), (8, False), (-12, False)])
def test_a_clip_whose_sound_fits_its_mouths_elsewhere_is_discarded(late: int, kept: bool) -> None:
    verdict = check_sync([scores(late)], np.ones(FRAMES, np.float32))
    assert (verdict.kept, verdict.late_frames) == (kept, late)


def test_a_clip_in_which_nobody_speaks_is_in_step() -> None:
    verdict = check_sync([scores(8, moves=mask())], np.ones(FRAMES, np.float32))
    assert verdict.kept
    assert verdict.late_frames is None


def kept_share(state: State, found: Scores, speech: float) -> float:
    evidence = Evidence(
        state_F=np.full(FRAMES, int(state), np.int8), scores=found, speech_F=np.full(FRAMES, speech, np.float32)
    )
    return float(ConsistencyCheck().keeps(evidence).mean())


def test_states_that_contradict_sound_or_mouth_are_not_kept() -> None:
    assert kept_share(State.SPEAK, scores(), 1.0) == 1
    assert kept_share(State.SPEAK, scores(10), 1.0) == 0
    assert kept_share(State.SPEAK, scores(), 0.0) == 0
    assert kept_share(State.LISTEN, scores(moves=mask()), 1.0) == 1
    assert kept_share(State.LISTEN, scores(), 1.0) == 0


def test_runs_are_first_and_end() -> None:
    assert runs_of(mask((0, 3), (5, 6), frames=6)) == [(0, 3), (5, 6)]
    assert runs_of(mask(frames=4)) == []


def moving_face(opening_F: np.ndarray, *, size: float = 1.0, at: tuple[float, float] = (100, 100)) -> np.ndarray:
    points = np.zeros((opening_F.shape[0], NUM_POINTS, 2), np.float32)
    for name, x, y in (
        ("eye_left_outer", -50, 0), ("eye_left_inner", -20, 0), ("eye_right_inner", 20, 0), ("eye_right_outer", 50, 0),
        ("mouth_left", -30, 60), ("mouth_right", 30, 60), ("gap_top", 0, 60), ("gap_bottom", 0, 60), ("lip_top", 0, 52),
        ("lip_bottom", 0, 68), ("nose_tip", 0, 30), ("chin", 0, 100),
    ):  # fmt: skip
        points[:, POINT[name]] = (x, y)
    for name in ("gap_bottom", "lip_bottom", "chin"):
        points[:, POINT[name], 1] += opening_F
    return points * np.float32(size) + np.float32(at)


def test_motion_is_the_same_for_a_near_and_a_far_face_and_gaps_are_bridged() -> None:
    opening = 10 + 10 * np.sin(np.arange(FRAMES) / 3)
    turns = np.zeros((FRAMES, 3), np.float32)
    near, far = motion_features(moving_face(opening), turns), motion_features(moving_face(opening, size=0.2), turns)
    assert near.shape == (FRAMES, NUM_MOTION)
    np.testing.assert_allclose(near, far, atol=2e-2)
    gone = moving_face(opening)
    gone[100:104] = np.nan
    bridged = motion_features(gone, turns)
    assert np.isfinite(bridged).all()
    assert bridged[102, -1] == 0
    assert bridged[99, -1] == 1


def test_a_face_that_is_never_seen_has_no_motion() -> None:
    assert not motion_features(
        np.full((9, NUM_POINTS, 2), np.nan, np.float32), np.full((9, 3), np.nan, np.float32)
    ).any()
