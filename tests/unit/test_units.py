"""The clock: audio samples and video frames never drift apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openlpm.core.units import AUDIO_RATE_HZ, FRAME_RATE_HZ, frames_in_samples, samples_at_frame

pytestmark = pytest.mark.unit

DAY_FRAMES = 24 * 3600 * FRAME_RATE_HZ


def test_a_day_of_frames_ends_exactly_with_a_day_of_sound() -> None:
    assert samples_at_frame(DAY_FRAMES) == 24 * 3600 * AUDIO_RATE_HZ


def test_the_first_frames_begin_where_the_notation_says() -> None:
    assert [samples_at_frame(frame) for frame in range(4)] == [0, 666, 1333, 2000]


@given(st.integers(0, DAY_FRAMES))
def test_a_frame_is_666_or_667_samples_long(frame: int) -> None:
    assert samples_at_frame(frame + 1) - samples_at_frame(frame) in {666, 667}


@given(st.integers(0, DAY_FRAMES))
def test_sound_as_long_as_some_frames_needs_just_those_frames(frames: int) -> None:
    # A frame may begin at a fraction of a sample that is rounded down; the sample lost must not cost a frame.
    assert frames_in_samples(samples_at_frame(frames)) == frames


@given(st.integers(0, 10**9))
def test_frames_cover_the_sound_and_not_one_frame_more(num_samples: int) -> None:
    frames = frames_in_samples(num_samples)
    assert frames * AUDIO_RATE_HZ >= num_samples * FRAME_RATE_HZ
    assert frames == 0 or (frames - 1) * AUDIO_RATE_HZ < num_samples * FRAME_RATE_HZ
