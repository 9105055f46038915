"""The two sounds of a unit: the voice of the person alone, and the voice of whoever the person listens to."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.units import AUDIO_RATE_HZ, FRAME_RATE_HZ, samples_at_frame
from openlpm.data.pairing.part import Stretch, Unit
from openlpm.data.parts import Media, Span
from openlpm.data.records import Record
from openlpm.data.soundtrack import read_sound
from openlpm.data.stage import RawFiles

FADE_SAMPLES: Final = AUDIO_RATE_HZ // 50
"""20 ms: shorter than any phone, long enough that no click is heard."""


def voices(record: Record, raw: RawFiles) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What a unit's person says and hears, each ``samples_at_frame(num_frames)`` samples at 16 kHz.

    Both are the sound of the source within the stretches that the pairing found, faded at both ends of each (the fades
    lie inside), and silence elsewhere.

    Raises:
        InputError: the record is no unit, or its source cannot be opened any more.
    """
    unit, sound_A = record.part(Unit), unit_sound(record, raw)
    return within(sound_A, unit.own), within(sound_A, unit.partner)


def unit_sound(record: Record, raw: RawFiles) -> NDArray[np.float32]:
    """All that is heard while a unit runs."""
    unit, span = record.part(Unit), record.part(Span)
    start_s = span.start_s + Fraction(unit.first_frame, FRAME_RATE_HZ)
    return read_sound(raw.source(record), record.part(Media), start_s, samples_at_frame(unit.num_frames))


def within(sound_A: NDArray[np.float32], stretches: Sequence[Stretch]) -> NDArray[np.float32]:
    """The sound inside of stretches, with fades in and out; stretches that overlap are heard once."""
    gain_A = np.zeros(sound_A.shape[0], np.float32)
    for stretch in stretches:
        first, end = max(stretch.first_sample, 0), min(stretch.end_sample, sound_A.shape[0])
        if end > first:
            gain_A[first:end] = np.maximum(gain_A[first:end], _window(end - first))
    return (sound_A * gain_A).astype(np.float32)


def _window(length: int) -> NDArray[np.float32]:
    """Ones with a raised cosine at both ends, shorter where there is no room for two whole ones."""
    fade = min(FADE_SAMPLES, length // 2)
    rising_A = (0.5 - 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / max(fade, 1))).astype(np.float32)
    return np.concatenate([rising_A, np.ones(length - 2 * fade, np.float32), rising_A[::-1]])
