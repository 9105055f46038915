"""Several voices in one sound track."""

import numpy as np
from numpy.typing import NDArray

PARTNER_GAIN = 0.8
"""The partner is heard a little further away than the character."""

_KNEE = 0.8


def mix_voices(speak_A: NDArray[np.float32], listen_A: NDArray[np.float32]) -> NDArray[np.float32]:
    """Both sides of a conversation as one track within (-1, 1): the character at full level, the partner below it."""
    both_A = speak_A.astype(np.float64) + PARTNER_GAIN * listen_A
    return soft_limit(both_A.astype(np.float32))


def soft_limit(samples_A: NDArray[np.float32]) -> NDArray[np.float32]:
    """Leave samples up to 0.8 alone and bend what is louder smoothly below 1.

    A curve without memory, so that a sound cut into blocks stays the same sound.
    """
    loud_A = np.maximum(np.abs(samples_A) - _KNEE, 0.0)
    room = 1.0 - _KNEE
    bent_A = np.sign(samples_A) * (_KNEE + room * np.tanh(loud_A / room))
    return np.where(loud_A > 0, bent_A, samples_A).astype(np.float32)
