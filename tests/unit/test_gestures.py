"""Movements are the same however long the clip is that they are in."""

import numpy as np
import pytest

from openlpm.synth.act.eye_motion import BLINK_S, blink_shape
from openlpm.synth.act.gestures import glide, min_jerk, pulses, window_of
from openlpm.synth.act.mouth_motion import frame_centres

pytestmark = pytest.mark.unit

LONG_F = frame_centres(2000)
ONSET_K = np.sort(np.random.default_rng(0).uniform(-3, 85, size=120))


def test_a_glide_passes_its_targets_in_any_block() -> None:
    rng = np.random.default_rng(1)
    targets_KC, duration_K = rng.standard_normal((120, 2)), rng.uniform(0.1, 2.5, size=120)
    progress_FK = min_jerk((LONG_F[:, None] - ONSET_K) / duration_K)
    steps_KC = np.diff(targets_KC, axis=0, prepend=np.zeros((1, 2)))
    moved_FC = glide(LONG_F, np.zeros(2), targets_KC, ONSET_K, duration_K)
    np.testing.assert_allclose(moved_FC, progress_FK @ steps_KC, atol=1e-9)


def test_the_larger_of_two_pulses_counts_in_any_block() -> None:
    size_K = np.random.default_rng(2).uniform(-1, 1, size=120)
    shape = {"attack_s": 0.2, "hold_s": 0.3, "release_s": 0.9}
    alone_KF = np.stack([pulses(LONG_F, ONSET_K[k : k + 1], size_K[k : k + 1], **shape) for k in range(120)])
    strongest_F = np.take_along_axis(alone_KF, np.abs(alone_KF).argmax(axis=0)[None], axis=0)[0]
    np.testing.assert_allclose(pulses(LONG_F, ONSET_K, size_K, **shape), strongest_F, atol=1e-12)
    assert not pulses(LONG_F, ONSET_K[:0], size_K[:0], **shape).any()


def test_every_blink_of_a_long_clip_shuts_the_eyes() -> None:
    onset_K = np.arange(1.0, 80.0, 1.7)
    lids_F = blink_shape(LONG_F, onset_K)
    for onset in onset_K.tolist():
        assert lids_F[window_of(LONG_F, onset, onset + BLINK_S)].max() == 1.0
    assert np.mean(lids_F > 0) < 0.2
