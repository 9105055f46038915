"""A performance record refuses tracks that do not fit its frames."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from openlpm.core.emotion import NUM_EMOTIONS
from openlpm.core.errors import ConfigError
from openlpm.core.record import PerformanceRecord, Truth
from openlpm.core.rig import NUM_RIG, VISEMES, Rig
from openlpm.core.units import samples_at_frame

pytestmark = pytest.mark.unit

FRAMES = 5


def a_truth(*, frames: int = FRAMES, channels: int = NUM_RIG) -> Truth:
    return Truth(
        seed=7,
        rig_FR=np.zeros((frames, channels), dtype=np.float32),
        viseme_F=np.zeros(frames, dtype=np.int8),
        events=(),
    )


def a_record(**changes: object) -> PerformanceRecord:
    fields: dict[str, object] = {
        "clip_id": "clip",
        "identity": "seed:7",
        "num_frames": FRAMES,
        "speak_A": np.zeros(samples_at_frame(FRAMES), dtype=np.float32),
        "listen_A": np.zeros(samples_at_frame(FRAMES), dtype=np.float32),
        "state_F": np.zeros(FRAMES, dtype=np.int8),
        "caption": "",
        "truth": a_truth(),
    }
    return PerformanceRecord(**(fields | changes))  # pyright: ignore[reportArgumentType]


def test_a_record_whose_tracks_fit_is_accepted_from_truth_or_from_video() -> None:
    assert a_record().truth is not None
    assert a_record(truth=None, video=Path("clip.mp4")).video == Path("clip.mp4")


@pytest.mark.parametrize("track", ["speak_A", "listen_A"])
@pytest.mark.parametrize("samples", [0, samples_at_frame(FRAMES) - 1, samples_at_frame(FRAMES) + 1])
def test_sound_of_another_length_is_refused_by_name(track: str, samples: int) -> None:
    with pytest.raises(ConfigError, match=f"clip: {track} has shape"):
        a_record(**{track: np.zeros(samples, dtype=np.float32)})


def test_a_stereo_track_is_refused() -> None:
    with pytest.raises(ConfigError, match="speak_A"):
        a_record(speak_A=np.zeros((samples_at_frame(FRAMES), 2), dtype=np.float32))


def test_a_state_per_frame_is_wanted() -> None:
    with pytest.raises(ConfigError, match="state_F"):
        a_record(state_F=np.zeros(FRAMES + 1, dtype=np.int8))


def test_a_record_without_pixels_is_refused() -> None:
    with pytest.raises(ConfigError, match="give truth or video"):
        a_record(truth=None)


@pytest.mark.parametrize(("frames", "channels"), [(FRAMES - 1, NUM_RIG), (FRAMES, NUM_RIG - 1)])
def test_a_rig_track_of_another_shape_is_refused(frames: int, channels: int) -> None:
    with pytest.raises(ConfigError, match="rig_FR"):
        a_record(truth=a_truth(frames=frames, channels=channels))


def test_an_emotion_track_of_another_shape_is_refused() -> None:
    truth = replace(a_truth(), emotion_FE=np.zeros((FRAMES, NUM_EMOTIONS + 1), dtype=np.float32))
    with pytest.raises(ConfigError, match="emotion_FE"):
        a_record(truth=truth)
    a_record(truth=replace(truth, emotion_FE=np.zeros((FRAMES, NUM_EMOTIONS), dtype=np.float32)))


def test_the_rig_is_numbered_without_gaps_and_knows_fifteen_visemes() -> None:
    assert [channel.value for channel in Rig] == list(range(NUM_RIG))
    assert len(set(VISEMES)) == 15
