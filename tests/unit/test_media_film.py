"""Films and sounds in memory: the same bytes from the same content, any stretch of it again, and damage is said."""

import numpy as np
import pytest
from numpy.typing import NDArray

from openlpm.core.errors import InputError
from openlpm.media import film, flac

pytestmark = pytest.mark.unit

FRAMES = 60


@pytest.fixture(scope="module")
def frames() -> NDArray[np.uint8]:
    rows_HW, columns_HW = np.mgrid[0:64, 0:64]
    shown = [
        127 + 100 * np.sin(np.stack([rows_HW, columns_HW, rows_HW + columns_HW], -1) / 9 + f / 7) for f in range(FRAMES)
    ]
    return np.stack(shown).astype(np.uint8)


def test_a_film_has_its_frames_again_from_anywhere(frames: NDArray[np.uint8]) -> None:
    data = film.encoded(iter(frames), 64, crf=0)
    assert data == film.encoded(frames, 64, crf=0)
    assert b"Lavf" not in data  # no version of a muxer, no date
    whole = film.decoded(data)
    assert whole.shape == frames.shape
    assert np.abs(whole.astype(int) - frames).mean() < 6  # colours have half the resolution, and these change fast
    for first, count in ((0, 5), (1, 7), (23, 3), (24, 1), (47, 13), (59, 1)):
        assert (film.decoded(data, first_frame=first, num_frames=count) == whole[first : first + count]).all()


def test_a_film_that_is_too_short_or_damaged_is_said(frames: NDArray[np.uint8]) -> None:
    data = film.encoded(frames[:10], 64, crf=20)
    with pytest.raises(InputError, match="4 frames from 6 on, not 5"):
        film.decoded(data, first_frame=6, num_frames=5)
    with pytest.raises(InputError, match="cannot be decoded"):
        film.decoded(data[: len(data) // 2])


def test_a_sound_has_every_sample_again() -> None:
    samples_A = (np.random.default_rng(0).normal(size=40_001) * 3000).astype(np.int16)
    data = flac.encoded(samples_A)
    assert data == flac.encoded(samples_A.copy())
    assert (flac.decoded(data) == samples_A).all()
    assert len(flac.encoded(np.zeros(160_000, np.int16))) < 2500
    with pytest.raises(InputError, match="cannot be decoded"):
        flac.decoded(b"fLaC" + data[100:300])
