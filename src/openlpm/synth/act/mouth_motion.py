"""From timed visemes to the mouth of the rig, with coarticulation.

Targets of neighbouring sounds are blended with weights that rise before a sound and fall after it (dominance
functions: Cohen and Massaro, 1993, Modeling coarticulation in synthetic visual speech). A sound that a channel
matters for (lips for "p", rounding for "oo") weighs more on that channel and reaches further. Two things are then
held exactly, whatever the blend says: lips that have to meet do meet, and a silent mouth is closed.

How far each sound opens the mouth was fitted to filmed lips on halves of the speakers (docs/log.md, 2026-11-22).
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.rig import VISEMES
from openlpm.core.units import AUDIO_RATE_HZ, FRAME_RATE_HZ

LEAD_S = 0.0
"""Lips are seen this much earlier than they are heard, apart from what coarticulation brings forward."""

_TARGETS = {  # jaw, width, rounding, press, teeth, tongue
    "sil": (0.00, 0.00, 0.00, 0.00, 0.00, 0.00),
    "PP": (0.00, 0.00, 0.05, 1.00, 0.00, 0.00),
    "FF": (0.05, 0.10, 0.00, 0.10, 1.00, 0.00),
    "TH": (0.22, 0.10, 0.00, 0.00, 0.30, 1.00),
    "DD": (0.18, 0.15, 0.00, 0.00, 0.40, 0.45),
    "kk": (0.35, 0.05, 0.00, 0.00, 0.20, 0.00),
    "CH": (0.18, -0.25, 0.65, 0.00, 0.70, 0.10),
    "SS": (0.20, 0.45, 0.00, 0.00, 0.90, 0.10),
    "nn": (0.20, 0.10, 0.00, 0.00, 0.25, 0.75),
    "RR": (0.15, -0.15, 0.45, 0.00, 0.25, 0.20),
    "aa": (0.95, 0.15, 0.00, 0.00, 0.15, 0.05),
    "E": (0.52, 0.50, 0.00, 0.00, 0.30, 0.10),
    "ih": (0.42, 0.85, 0.00, 0.00, 0.45, 0.10),
    "oh": (0.50, -0.40, 0.65, 0.00, 0.05, 0.00),
    "ou": (0.10, -0.70, 1.00, 0.00, 0.00, 0.00),
}
_WEIGHTS = {
    "sil": (1.0, 0.6, 0.6, 1.0, 1.0, 1.0),
    "PP": (2.0, 0.3, 0.3, 3.0, 1.5, 1.0),
    "FF": (1.6, 0.5, 0.6, 1.5, 3.0, 1.0),
    "TH": (0.8, 0.5, 0.4, 1.0, 1.5, 3.0),
    "DD": (0.7, 0.4, 0.3, 1.0, 0.8, 1.5),
    "kk": (0.4, 0.3, 0.2, 1.0, 0.6, 1.0),
    "CH": (0.9, 1.2, 1.8, 1.0, 1.8, 1.0),
    "SS": (1.2, 1.0, 0.6, 1.0, 2.0, 1.0),
    "nn": (0.6, 0.4, 0.3, 1.0, 0.8, 2.0),
    "RR": (1.0, 0.6, 1.0, 1.0, 0.8, 1.0),
    "aa": (1.4, 0.8, 0.8, 1.0, 0.8, 0.8),
    "E": (1.2, 1.2, 1.0, 1.0, 0.8, 0.8),
    "ih": (1.1, 1.8, 1.2, 1.0, 0.8, 0.8),
    "oh": (1.3, 1.6, 1.8, 1.0, 1.0, 0.8),
    "ou": (2.0, 2.0, 2.6, 1.0, 1.2, 0.8),
}
_TARGETS_V6 = np.array([_TARGETS[name] for name in VISEMES], dtype=np.float32)
_WEIGHTS_V6 = np.array([_WEIGHTS[name] for name in VISEMES], dtype=np.float32)
_SIL, _PP, _FF, _AA = (VISEMES.index(name) for name in ("sil", "PP", "FF", "aa"))
_IS_VOWEL_V = np.arange(len(VISEMES)) >= _AA

_REACH_BEFORE_S = np.array([0.045, 0.075, 0.090, 0.035, 0.045, 0.040], dtype=np.float32)  # by mouth channel
_REACH_AFTER_S = np.array([0.040, 0.055, 0.055, 0.030, 0.035, 0.035], dtype=np.float32)
_CLOSURE_HOLD_S = 0.5 / FRAME_RATE_HZ + 0.002  # half a frame and a little: one frame always sees it whole
_CLOSURE_FADE_S = 0.040
_CLOSURE_MIN_S = 0.07  # a stop after silence is labelled by its burst alone; its lips met before
_BLOCK_FRAMES = 240
_OPEN_S, _SHUT_S = 0.15, 0.15  # from silence to speech and back


@final
@dataclass(frozen=True, slots=True)
class VisemeSpans:
    """Timed visemes in rising order, without overlap; gaps are silence. Times are seconds from the clip's start."""

    start_S: NDArray[np.float64]
    end_S: NDArray[np.float64]
    viseme_S: NDArray[np.int8]
    stressed_S: NDArray[np.bool_]

    def between(self, start_s: float, end_s: float) -> "VisemeSpans":
        """The spans that reach into the given time."""
        kept = slice(int(np.searchsorted(self.end_S, start_s)), int(np.searchsorted(self.start_S, end_s)))
        return VisemeSpans(self.start_S[kept], self.end_S[kept], self.viseme_S[kept], self.stressed_S[kept])

    @staticmethod
    def empty() -> "VisemeSpans":
        """Silence."""
        return VisemeSpans(np.zeros(0), np.zeros(0), np.zeros(0, np.int8), np.zeros(0, np.bool_))


@final
@dataclass(frozen=True, slots=True)
class MouthTrack:
    """The mouth of a clip: ``mouth_F6`` in the order of ``MOUTH_CHANNELS`` and the viseme seen in each frame."""

    mouth_F6: NDArray[np.float32]
    viseme_F: NDArray[np.int8]


def frame_centres(num_frames: int) -> NDArray[np.float64]:
    """Times at which frames are seen, in seconds: the middle of each."""
    return (np.arange(num_frames) + 0.5) / FRAME_RATE_HZ


def loudness(samples_A: NDArray[np.float32], num_frames: int) -> NDArray[np.float32]:
    """Loudness per frame, 0 in silence and about 1 at the loud syllables of the clip, smoothed over three frames.

    ``samples_A`` covers the frames exactly.
    """
    first_F = np.arange(num_frames) * AUDIO_RATE_HZ // FRAME_RATE_HZ
    power_F = np.add.reduceat(np.square(samples_A), first_F)
    rms_F = np.sqrt(power_F * np.float32(FRAME_RATE_HZ / AUDIO_RATE_HZ))
    smooth_F = np.convolve(np.pad(rms_F, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
    loud = float(np.percentile(smooth_F[smooth_F > 0.003], 85)) if np.any(smooth_F > 0.003) else 1.0
    return np.minimum(smooth_F / loud, 1.5).astype(np.float32)


def mouth_motion(
    spans: VisemeSpans, loudness_F: NDArray[np.float32], *, articulation: float = 1.0, lead_s: float = LEAD_S
) -> MouthTrack:
    """The mouth that says ``spans``, one row a frame of ``loudness_F``.

    ``articulation`` scales the jaw (0.7 mumbles, 1.2 is emphatic); loud and stressed vowels open it further.
    """
    num_frames = loudness_F.shape[0]
    mouth_F6 = np.zeros((num_frames, 6), np.float32)
    viseme_F = np.zeros(num_frames, np.int8)
    seen_F = frame_centres(num_frames) + lead_s
    # Sounds further away than a second weigh nothing, so long clips are worked through in blocks.
    for first in range(0, num_frames, _BLOCK_FRAMES):
        block = slice(first, min(first + _BLOCK_FRAMES, num_frames))
        near = spans.between(float(seen_F[block][0]) - 1.0, float(seen_F[block][-1]) + 1.0)
        if np.any(near.viseme_S != _SIL):
            jaw_F = np.float32(articulation) * (0.8 + 0.25 * np.minimum(loudness_F[block], 1.2)).astype(np.float32)
            mouth_F6[block], viseme_F[block] = _moved(near, jaw_F, seen_F[block])
    return MouthTrack(mouth_F6, viseme_F)


def _moved(
    spans: VisemeSpans, jaw_F: NDArray[np.float32], seen_F: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    voiced = spans.viseme_S != _SIL
    mouth_F6 = _blend(spans, seen_F)
    mouth_F6[:, 0] *= jaw_F
    mouth_F6 *= _gate(spans.start_S[voiced], spans.end_S[voiced], seen_F)[:, None]
    viseme_F = _visemes_at(spans, seen_F)
    _hold_lips(mouth_F6, viseme_F, spans, seen_F)
    low_6 = np.array([0, -1, 0, 0, 0, 0], dtype=np.float32)
    return np.clip(mouth_F6, low_6, 1.0).astype(np.float32), viseme_F


def _blend(spans: VisemeSpans, seen_F: NDArray[np.float64]) -> NDArray[np.float32]:
    """Dominance-weighted mean of the targets at each time."""
    viseme_S = spans.viseme_S.astype(np.int64)
    target_S6 = _TARGETS_V6[viseme_S].copy()
    target_S6[:, 0] *= np.where(spans.stressed_S & _IS_VOWEL_V[viseme_S], 1.12, 0.95)
    weight_S6 = _WEIGHTS_V6[viseme_S]
    centre_S = 0.5 * (spans.start_S + spans.end_S)
    half_S = 0.5 * (spans.end_S - spans.start_S)
    # Outside a core around the middle of the sound the weight falls off exponentially.
    offset_FS = (seen_F[:, None] - centre_S[None, :]).astype(np.float32)
    outside_FS = np.maximum(np.abs(offset_FS) - 0.6 * half_S[None, :].astype(np.float32), 0.0)
    before_FS = offset_FS < 0
    num_FC = np.empty((seen_F.shape[0], 6), np.float32)
    for channel in range(6):
        scale_FS = np.where(before_FS, 1 / _REACH_BEFORE_S[channel], 1 / _REACH_AFTER_S[channel])
        dominance_FS = np.exp(-outside_FS * scale_FS) * weight_S6[None, :, channel]
        total_F = dominance_FS.sum(axis=1) + 1e-6
        num_FC[:, channel] = dominance_FS @ target_S6[:, channel] / total_F
    return num_FC


def _gate(start_S: NDArray[np.float64], end_S: NDArray[np.float64], seen_F: NDArray[np.float64]) -> NDArray[np.float32]:
    """1 while something is said, exactly 0 in silence, smooth between."""
    before_FS = np.clip((start_S[None, :] - seen_F[:, None]) / _OPEN_S, 0.0, 1.0)
    after_FS = np.clip((seen_F[:, None] - end_S[None, :]) / _SHUT_S, 0.0, 1.0)
    distance_F = np.maximum(before_FS, after_FS).min(axis=1)
    return (0.5 + 0.5 * np.cos(np.pi * distance_F)).astype(np.float32) * (distance_F < 1.0)


def _visemes_at(spans: VisemeSpans, seen_F: NDArray[np.float64]) -> NDArray[np.int8]:
    index_F = np.searchsorted(spans.start_S, seen_F, side="right") - 1
    inside_F = (index_F >= 0) & (seen_F < spans.end_S[np.maximum(index_F, 0)])
    return np.where(inside_F, spans.viseme_S[np.maximum(index_F, 0)], _SIL).astype(np.int8)


def _hold_lips(
    mouth_F6: NDArray[np.float32], viseme_F: NDArray[np.int8], spans: VisemeSpans, seen_F: NDArray[np.float64]
) -> None:
    """Shut the lips for "p", "b", "m" and put the teeth on the lip for "f", "v", for at least one whole frame each."""
    shut_F, shut_now_F = _held(spans, _PP, seen_F)
    bite_F, bite_now_F = _held(spans, _FF, seen_F)
    jaw_F, teeth_F, press_F = mouth_F6[:, 0], mouth_F6[:, 4], mouth_F6[:, 3]
    mouth_F6[:, 0] = np.minimum(jaw_F, 0.12 + (1 - bite_F) * 0.88) * (1 - shut_F)
    mouth_F6[:, 4] = np.maximum(teeth_F, bite_F) * (1 - shut_F)
    mouth_F6[:, 3] = np.maximum(press_F * (1 - bite_F), shut_F)
    mouth_F6[:, 5] *= 1 - np.maximum(shut_F, bite_F)
    viseme_F[bite_now_F] = _FF
    viseme_F[shut_now_F] = _PP


def _held(
    spans: VisemeSpans, viseme: int, seen_F: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """How far a closure holds at each time (1 = wholly), and where it is the sound to be seen."""
    chosen = spans.viseme_S == viseme
    if not np.any(chosen):
        return np.zeros(seen_F.shape[0], np.float32), np.zeros(seen_F.shape[0], np.bool_)
    end_K = spans.end_S[chosen]
    start_K = np.minimum(spans.start_S[chosen], end_K - _CLOSURE_MIN_S)
    # Lips part before the end of the sound: its last part is the burst.
    centre_K = start_K + 0.45 * (end_K - start_K)
    hold_K = np.maximum(0.30 * (end_K - start_K), _CLOSURE_HOLD_S)
    distance_FK = np.abs(seen_F[:, None] - centre_K[None, :]) - hold_K[None, :]
    nearest_F = distance_FK.min(axis=1)
    held_F = 0.5 + 0.5 * np.cos(np.pi * np.clip(nearest_F / _CLOSURE_FADE_S, 0.0, 1.0))
    return held_F.astype(np.float32), nearest_F <= 0
