"""A voice in memory is read by position and is silent outside itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openlpm.core.audio import ArraySource, AudioSource

pytestmark = pytest.mark.unit


def a_source(num_samples: int) -> ArraySource:
    return ArraySource(np.arange(1, num_samples + 1, dtype=np.float32))


def test_an_array_source_is_an_audio_source() -> None:
    source: AudioSource = a_source(3)
    assert source.num_samples == 3


@given(num_samples=st.integers(0, 20), start=st.integers(-30, 30), count=st.integers(0, 60))
def test_a_read_is_the_samples_there_and_zeros_elsewhere(num_samples: int, start: int, count: int) -> None:
    block_A = a_source(num_samples).read(start, count)
    expected = [float(at + 1) if 0 <= at < num_samples else 0.0 for at in range(start, start + count)]
    assert block_A.dtype == np.float32
    assert block_A.tolist() == expected


def test_what_is_read_can_be_changed_without_changing_the_source() -> None:
    source = a_source(4)
    source.read(0, 4)[:] = 0
    assert source.read(0, 4).tolist() == [1, 2, 3, 4]
