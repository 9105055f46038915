"""Face: what is felt, on brows, lids, cheeks and the corners of the mouth, and the accents of speech."""

import numpy as np

from openlpm.core.rig import Rig
from openlpm.synth.act.gestures import FloatArray, drift, pulses
from openlpm.synth.act.moods import REST_ER

_FACE = (
    Rig.SMILE, Rig.SQUINT, Rig.WIDEN, Rig.BROW_LEFT, Rig.BROW_RIGHT, Rig.FURROW, Rig.BLUSH, Rig.BLINK_LEFT,
    Rig.BLINK_RIGHT,
)  # fmt: skip
_ACCENT_PROBABILITY = 0.3
_SPEAKING_SMILE = 0.75
"""A speaking mouth cannot hold the whole smile."""
_RAISE = {"attack_s": 0.16, "hold_s": 0.3, "release_s": 0.4}
_ACCENT = {"attack_s": 0.13, "hold_s": 0.06, "release_s": 0.3}


def show_feelings(
    rng: np.random.Generator, rig_FR: FloatArray, times_F: FloatArray, emotion_FE: FloatArray, speaking_F: FloatArray
) -> None:
    """Add to ``rig_FR`` how emotions rest on the face; they swell and ebb a little, as nobody holds a face still.

    ``speaking_F`` is 0 to 1.
    """
    face_FC = emotion_FE @ REST_ER[:, _FACE]
    wander_F7 = drift(rng, times_F, 7, low_hz=0.05, high_hz=0.4)
    swell_F3 = np.clip(1.0 + 0.15 * wander_F7[:, :3], 0.5, 1.5)
    face_FC[:, :2] *= swell_F3[:, :1]
    face_FC[:, 2:5] *= swell_F3[:, 1:2]
    face_FC[:, 5] *= swell_F3[:, 2]
    face_FC[:, 0] *= 1.0 - (1.0 - _SPEAKING_SMILE) * speaking_F
    face_FC[:, [0, 3, 4, 5]] += wander_F7[:, 3:] * (0.04, 0.06, 0.06, 0.05)
    rig_FR[:, _FACE] += face_FC


def raise_brows(
    rng: np.random.Generator,
    rig_FR: FloatArray,
    times_F: FloatArray,
    stress_K: FloatArray,
    raised_K: FloatArray,
    size_K: FloatArray,
) -> None:
    """Add brows that go up with some of the stressed syllables, and at ``raised_K`` by ``size_K``."""
    accent_K = stress_K[rng.random(stress_K.shape[0]) < _ACCENT_PROBABILITY] - 0.1
    accents_F = pulses(times_F, accent_K, rng.uniform(0.25, 0.6, size=accent_K.shape[0]), **_ACCENT)
    raises_F = pulses(times_F, raised_K, size_K, **_RAISE)
    up_F = 0.9 * np.maximum(raises_F, accents_F)
    rig_FR[:, Rig.BROW_LEFT] += up_F
    rig_FR[:, Rig.BROW_RIGHT] += up_F * rng.uniform(0.8, 1.0)
    rig_FR[:, Rig.WIDEN] += 0.35 * raises_F
