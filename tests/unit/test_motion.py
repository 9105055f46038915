"""Motion tracks survive their file, and a file that is none says why."""

import json
from pathlib import Path

import numpy as np
import pytest

from openlpm.core.errors import InputError
from openlpm.core.motion import (
    MOTION_CHANNELS,
    MOTION_HIGH_M,
    MOTION_LOW_M,
    MOTION_NAMES,
    NUM_MOTION,
    MotionTrack,
    motion_track,
    parse_motion,
    read_motion,
    write_motion,
)
from openlpm.core.rig import NUM_RIG, RIG_HIGH_R, RIG_LOW_R, Rig

pytestmark = pytest.mark.unit


def test_a_motion_track_is_its_channels_of_the_rig() -> None:
    rig_FR = np.arange(3 * NUM_RIG, dtype=np.float32).reshape(3, NUM_RIG)
    track_FM = motion_track(rig_FR)
    assert track_FM.shape == (3, NUM_MOTION)
    for column, channel in enumerate(MOTION_CHANNELS):
        np.testing.assert_array_equal(track_FM[:, column], rig_FR[:, channel])
    assert set(MOTION_CHANNELS) == set(Rig) - {Rig.TIME}


def test_its_ranges_are_those_of_the_rig() -> None:
    np.testing.assert_array_equal(MOTION_LOW_M, RIG_LOW_R[list(MOTION_CHANNELS)])
    np.testing.assert_array_equal(MOTION_HIGH_M, RIG_HIGH_R[list(MOTION_CHANNELS)])


@pytest.mark.parametrize("given", [range(NUM_MOTION), (0, 6, 7), (11,)])
def test_what_is_written_is_read_again(tmp_path: Path, given: range | tuple[int, ...]) -> None:
    given_M = np.isin(np.arange(NUM_MOTION), list(given))
    values_FM = np.random.default_rng(0).uniform(MOTION_LOW_M, MOTION_HIGH_M, size=(7, NUM_MOTION))
    motion = MotionTrack((values_FM * given_M).astype(np.float32), given_M)
    write_motion(tmp_path / "motion.json", motion)
    again = read_motion(tmp_path / "motion.json")
    np.testing.assert_array_equal(again.given_M, given_M)
    np.testing.assert_allclose(again.track_FM, motion.track_FM, atol=1e-5)
    assert again.num_frames == 7


def test_channels_may_come_in_any_order() -> None:
    motion = parse_motion({"fps": 24, "channels": ["pitch", "yaw"], "frames": [[0.1, -0.2]]})
    assert motion.track_FM[0, :2].tolist() == pytest.approx([-0.2, 0.1])


GOOD = {"fps": 24, "channels": ["yaw", "pitch"], "frames": [[0.0, 0.1], [0.2, 0.3]]}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fps": 25}, "fps is 25; resample the track to 24"),
        ({"fps": True}, "fps"),
        ({"channels": []}, "one or more"),
        ({"channels": "yaw"}, "channels must be a list"),
        ({"channels": ["yaw", "ears"]}, "no channel 'ears'; choose from yaw, pitch"),
        ({"channels": ["yaw", "yaw"]}, "listed twice"),
        ({"frames": []}, "one or more rows"),
        ({"frames": [[0.0, 0.1], [0.2]]}, "frame 1 must be a list of 2 numbers"),
        ({"frames": [[0.0, "a"]]}, "frame 0, pitch: 'a' is not a number"),
        ({"frames": [[True, 0.1]]}, "frame 0, yaw: True is not a number"),
        ({"frames": [[0.7, 0.1]]}, r"frame 0, yaw: 0.7 is outside -0.6 to 0.6"),
        ({"frames": [[0.0, -0.5]]}, r"frame 0, pitch: -0.5 is outside -0.4 to 0.4"),
        ({"frames": [[float("nan"), 0.1]]}, "frame 0, yaw: nan is outside"),
        ({"speed": 1}, "unknown speed"),
    ],
)
def test_a_file_that_is_no_motion_says_why(changes: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_motion(GOOD | changes)


def test_a_missing_key_a_missing_file_and_no_json_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing fps"):
        parse_motion({key: GOOD[key] for key in ("channels", "frames")})
    with pytest.raises(InputError, match="give an object"):
        parse_motion([1, 2])
    with pytest.raises(InputError, match="cannot be read"):
        read_motion(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(InputError, match="is not JSON"):
        read_motion(tmp_path / "bad.json")
    (tmp_path / "good.json").write_text(json.dumps(GOOD))
    assert read_motion(tmp_path / "good.json").given_M.sum() == 2
    assert len(MOTION_NAMES) == NUM_MOTION
