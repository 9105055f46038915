"""Named actions are well formed, keep to their place, and leave the rest of the rig alone."""

import numpy as np
import pytest

from openlpm.core.errors import ConfigError
from openlpm.core.rig import NUM_RIG, RIG_HIGH_R, RIG_LOW_R, Rig
from openlpm.synth.act.acting import Act, ActionCue, along, overlay, place_acts
from openlpm.synth.act.actions import ACTION_NAMES, ACTIONS
from openlpm.synth.act.mouth_motion import frame_centres

pytestmark = pytest.mark.unit

QUIET = np.zeros(240, np.bool_)


def acted(*acts: Act, base: float = 0.0) -> np.ndarray:
    rig_FR = np.full((240, NUM_RIG), base)
    overlay(rig_FR, frame_centres(240), acts, np.ones(240))
    return rig_FR


def test_there_are_many_actions_and_each_has_several_phrases_that_no_other_has() -> None:
    assert len(ACTIONS) >= 40
    phrases = [phrase for action in ACTIONS.values() for phrase in (*action.says, *action.held_out)]
    assert len(phrases) == len(set(phrases))
    for action in ACTIONS.values():
        assert len(action.says) >= 3
        assert len(action.held_out) >= 2


@pytest.mark.parametrize("name", ACTION_NAMES)
def test_an_action_moves_what_it_says_in_its_time_and_comes_back_to_rest(name: str) -> None:
    act = Act(action=name, start_s=1.0, stretch=1.2)
    rig_FR = acted(act)
    event = act.event(240)
    moved_R = np.abs(rig_FR).max(axis=0) > 0.04
    named = {channel for channel, knots in ACTIONS[name].motion.items() if max(abs(v) for _, v in knots) > 0.04}
    assert set(np.flatnonzero(moved_R)) == {int(channel) for channel in named}
    assert not rig_FR[: event.start_frame].any()
    assert not rig_FR[event.end_frame + 1 :].any()
    gaze = [Rig.GAZE_X, Rig.GAZE_Y]
    body_FR = np.delete(rig_FR, gaze, axis=1)
    assert np.all(body_FR >= np.delete(RIG_LOW_R, gaze) - 1e-6)
    assert np.all(body_FR <= np.delete(RIG_HIGH_R, gaze) + 1e-6)
    assert 0.5 < ACTIONS[name].length_s < 3.2


def test_knots_are_met_and_joined_smoothly() -> None:
    values_F = along(((0.0, 0.0), (1.0, 1.0), (2.0, -1.0), (3.0, 0.0)), np.linspace(-1, 4, 501))
    np.testing.assert_allclose(values_F[[0, 100, 200, 300, 400, 500]], [0, 0, 1, -1, 0, 0], atol=1e-9)
    assert np.abs(np.diff(values_F)).max() < 0.04


def test_an_action_takes_its_channels_over_and_gives_them_back() -> None:
    rig_FR = acted(Act(action="look_left", start_s=2.0), base=0.3)
    middle = int(2.7 * 24)
    assert rig_FR[middle, Rig.GAZE_X] == pytest.approx(-0.85, abs=0.01)
    assert rig_FR[middle, Rig.ROLL] == 0.3
    assert rig_FR[0, Rig.GAZE_X] == rig_FR[-1, Rig.GAZE_X] == 0.3


def test_a_wink_shuts_one_eye_and_keeps_the_other_open() -> None:
    rig_FR = acted(Act(action="wink_left", start_s=1.0, size=0.9), base=0.5)
    assert rig_FR[:, Rig.BLINK_LEFT].max() == pytest.approx(1.0)
    shut = int(rig_FR[:, Rig.BLINK_LEFT].argmax())
    assert rig_FR[shut, Rig.BLINK_RIGHT] < 0.1


def test_cues_are_placed_in_order_without_overlap_and_those_with_a_time_at_it() -> None:
    cues = (ActionCue(action="nod"), ActionCue(action="wave_left", at_s=4.0), ActionCue(action="smile"))
    for seed in range(50):
        acts = place_acts(np.random.default_rng(seed), cues, QUIET)
        assert [act.action for act in acts] == ["nod", "wave_left", "smile"]
        assert acts[1].start_s == 4.0
        assert acts[0].end_s <= acts[1].start_s
        assert acts[1].end_s <= acts[2].start_s
        assert acts[2].end_s <= 10.0


def test_what_does_not_fit_is_left_out_from_the_end() -> None:
    cues = tuple(ActionCue(action=name) for name in ("sway", "yawn", "laugh", "sigh"))
    acts = place_acts(np.random.default_rng(0), cues, np.zeros(96, np.bool_))
    assert [act.action for act in acts] == ["sway"]


def test_actions_of_the_mouth_are_put_where_nobody_speaks() -> None:
    speaks_F = np.arange(240) < 160
    for seed in range(20):
        act = place_acts(np.random.default_rng(seed), (ActionCue(action="pout"),), speaks_F)[0]
        if act.start_s * 24 >= 160:
            return
    pytest.fail("no pout found its place")


def test_an_unknown_action_and_a_time_before_the_clip_are_refused() -> None:
    with pytest.raises(ConfigError, match="fly"):
        ActionCue(action="fly")
    with pytest.raises(ConfigError, match="at_s"):
        ActionCue(action="nod", at_s=-1.0)
