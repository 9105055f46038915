"""Feelings: emotions that begin, hold and fade, alone, mixed and after one another."""

from dataclasses import dataclass
from enum import StrEnum
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.emotion import EMOTIONS, NUM_EMOTIONS
from openlpm.core.errors import ConfigError
from openlpm.synth.act.gestures import FloatArray, min_jerk, window_of

_GIVES_WAY = 0.9  # how far what one felt before gives way to a passing feeling of intensity 1
_LONG_AGO_S, _NEVER_S = -1e3, 1e6


class Course(StrEnum):
    """How the mood of a clip runs."""

    STEADY = "steady"
    SWELL = "swell"
    """Neutral at first, a peak, and neutral again."""
    CHANGE = "change"
    """One mood, then another."""
    MIX = "mix"
    """Two moods at once."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Feeling:
    """An emotion from ``start_s``, when it begins to show, until ``end_s``, when it begins to fade."""

    emotion: str
    intensity: float
    """0 to 1, between onset and release."""
    start_s: float = _LONG_AGO_S
    end_s: float = _NEVER_S
    attack_s: float = 0.6
    release_s: float = 0.9

    def __post_init__(self) -> None:
        if self.emotion not in EMOTIONS:
            raise ConfigError(f"emotion={self.emotion!r}: choose one of {', '.join(EMOTIONS)}")
        if not 0.0 <= self.intensity <= 1.0:
            raise ConfigError(f"intensity={self.intensity}: choose 0 to 1")


def emotion_track(times_F: FloatArray, lasting: tuple[Feeling, ...], passing: tuple[Feeling, ...]) -> FloatArray:
    """Intensity of every emotion at every time, (F, E), 0 to 1.

    ``passing`` feelings (a voice's tone, a reaction) push the ``lasting`` ones aside while they hold. Feelings of one
    emotion do not add up: the strongest counts. ``neutral`` is what the others leave.
    """
    emotion_FE, over_FE = _strongest(times_F, lasting), _strongest(times_F, passing)
    emotion_FE *= 1.0 - _GIVES_WAY * over_FE.max(axis=1, keepdims=True)
    emotion_FE = np.maximum(emotion_FE, over_FE)
    emotion_FE[:, 0] = 1.0 - emotion_FE[:, 1:].max(axis=1)
    return emotion_FE


def _strongest(times_F: FloatArray, feelings: tuple[Feeling, ...]) -> FloatArray:
    emotion_FE = np.zeros((times_F.shape[0], NUM_EMOTIONS))
    for feeling in feelings:
        window = window_of(times_F, feeling.start_s, feeling.end_s + feeling.release_s)
        times_W, column = times_F[window], EMOTIONS.index(feeling.emotion)
        up_W = min_jerk((times_W - feeling.start_s) / feeling.attack_s)
        down_W = min_jerk((times_W - feeling.end_s) / feeling.release_s)
        shown_W = feeling.intensity * (up_W * (1.0 - down_W))
        emotion_FE[window, column] = np.maximum(emotion_FE[window, column], shown_W)
    emotion_FE[:, 0] = 0.0
    return emotion_FE


def run_course(
    rng: np.random.Generator, course: Course, moods: tuple[str, str], intensity: float, duration_s: float
) -> tuple[Feeling, ...]:
    """The lasting feelings of a clip: ``moods`` are the first and, where there is one, the second emotion."""
    first, second = moods
    turn_s = float(rng.uniform(0.38, 0.6) * duration_s)
    attack_s = float(rng.uniform(0.5, 1.2))
    match course:
        case Course.STEADY:
            return (Feeling(emotion=first, intensity=intensity),)
        case Course.SWELL:
            start_s = float(rng.uniform(0.12, 0.35) * duration_s)
            end_s = float(rng.uniform(0.6, 0.78) * duration_s)
            return (
                Feeling(
                    emotion=first, intensity=intensity, start_s=start_s, end_s=end_s, attack_s=attack_s, release_s=1.4
                ),
            )
        case Course.CHANGE:
            return (
                Feeling(emotion=first, intensity=intensity, end_s=turn_s, release_s=attack_s),
                Feeling(
                    emotion=second,
                    intensity=intensity * float(rng.uniform(0.75, 1.0)),
                    start_s=turn_s + 0.15,
                    attack_s=attack_s,
                ),
            )
        case Course.MIX:
            return (
                Feeling(emotion=first, intensity=intensity),
                Feeling(emotion=second, intensity=intensity * float(rng.uniform(0.45, 0.85))),
            )


def felt_at(feelings: tuple[Feeling, ...], time_s: float, *, least: float = 0.3) -> str:
    """The strongest emotion at a time, ``neutral`` if none is felt as strongly as ``least``.

    A feeling counts from the middle of its onset to the middle of its release.
    """
    felt, strongest = EMOTIONS[0], least
    for feeling in feelings:
        holds = feeling.start_s + 0.5 * feeling.attack_s <= time_s < feeling.end_s + 0.5 * feeling.release_s
        if holds and feeling.intensity >= strongest and feeling.emotion != EMOTIONS[0]:
            felt, strongest = feeling.emotion, feeling.intensity
    return felt


def mean_by_part(emotion_FE: NDArray[np.float32] | FloatArray, num_parts: int) -> FloatArray:
    """The mean emotion of each of ``num_parts`` equal parts of a clip, (parts, E)."""
    return np.stack([part_FE.mean(axis=0) for part_FE in np.array_split(emotion_FE, num_parts)])
