"""Does the mouth that is derived from a recording move as the lips of the person who was recorded?

An aligner never sees a face, and nothing of it is trained on these clips: real footage is the one judge that owes it
nothing. Correlations are taken over whole clips at exactly zero lag; pauses count, since lips must rest in them too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.bench import signals, statistics
from openlpm.bench.lips import read_lips
from openlpm.bench.metrics import SHIFT_FRAMES
from openlpm.bench.result import Bar, Row
from openlpm.bench.statistics import Estimate
from openlpm.core.errors import InputError
from openlpm.core.rig import VISEMES
from openlpm.core.units import AUDIO_RATE_HZ, FRAME_RATE_HZ
from openlpm.media.audio import open_audio
from openlpm.synth.act.mouth_motion import MouthTrack, loudness
from openlpm.synth.sound.aligner import follow
from openlpm.synth.sound.human_speech import Aligner

LIP_BAR = Bar(at_least=0.6)
_JAW = 0
_MOST_LAG_FRAMES = 8
_LEAST_ROLL_FRAMES = 24
_CLOSED_SHARE = 0.15  # of the widest opening of the clip
_CLOSURE_REACH_FRAMES = 1
_PRESSED = VISEMES.index("PP")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class LipClip:
    """One clip of a speaking face: what was seen, and what the sound alone says should be seen."""

    name: str
    lips_F: NDArray[np.float64]
    """Opening of the real inner lips over face size, at 24 fps."""
    mouth: MouthTrack
    loudness_F: NDArray[np.float32]

    @property
    def predicted(self) -> NDArray[np.float32]:
        """The jaw that the sound asks for, one value a frame."""
        return self.mouth.mouth_F6[:, _JAW]


def read_clip(path: Path, python: Path, align: Aligner) -> LipClip:
    """Watch a clip with the landmark process and listen to it with the aligner.

    Raises:
        InputError: the file has no picture, no sound or no face.
    """
    lips_F = read_lips(path, python).opening_F
    num_frames = lips_F.shape[0]
    if num_frames < 2 * SHIFT_FRAMES:
        raise InputError(f"{path} is too short: give at least a second of a speaking face")
    samples_A = open_audio(path).read(0, num_frames * AUDIO_RATE_HZ // FRAME_RATE_HZ)
    return LipClip(
        name=path.stem,
        lips_F=lips_F,
        mouth=follow(samples_A, align, num_frames),
        loudness_F=loudness(samples_A, num_frames),
    )


def correlation_at(predicted_F: NDArray[np.floating], lips_F: NDArray[np.floating], late_frames: int) -> float:
    """Correlation of the real lips with the prediction made ``late_frames`` later (negative: earlier)."""
    if late_frames < 0:
        predicted_F, lips_F = predicted_F[-late_frames:], lips_F[:late_frames]
    elif late_frames > 0:
        predicted_F, lips_F = predicted_F[:-late_frames], lips_F[late_frames:]
    return signals.correlation(predicted_F, lips_F)


def chance_of(clip: LipClip) -> float:
    """Share of circular shifts by a second or more that fit as well as none: small if sound and lips belong."""
    zero = signals.correlation(clip.predicted, clip.lips_F)
    rolls = range(_LEAST_ROLL_FRAMES, clip.lips_F.shape[0] - _LEAST_ROLL_FRAMES)
    return float(np.mean([signals.correlation(np.roll(clip.predicted, k), clip.lips_F) >= zero for k in rolls]))


def lip_rows(clips: Sequence[LipClip]) -> list[Row]:
    """The row ``aligner_lip_r_real`` with its controls, the lag at which the mean is best, and the closures."""
    name = "aligner_lip_r_real"

    def mean_of(score: Callable[[LipClip], float]) -> Estimate:
        return statistics.mean(np.array([score(clip) for clip in clips]))

    def at(late_frames: int) -> Estimate:
        return mean_of(lambda clip: correlation_at(clip.predicted, clip.lips_F, late_frames))

    lags = range(-_MOST_LAG_FRAMES, _MOST_LAG_FRAMES + 1)
    best = max(lags, key=lambda lag: at(lag).value)
    held, asked = np.array([closures(clip) for clip in clips], dtype=np.float64).T
    return [
        Row.of(name, at(0), bar=LIP_BAR),
        Row.of(f"{name}/shifted", at(SHIFT_FRAMES)),
        Row.of(f"{name}/other_sound", _other_sound(clips)),
        Row.of(f"{name}/loudness", mean_of(lambda clip: signals.correlation(clip.loudness_F, clip.lips_F))),
        Row.of(f"{name}/best_lag", Estimate.single(1000 * best / FRAME_RATE_HZ, n=len(clips)), unit="ms late"),
        Row.of(f"{name}/at_best_lag", at(best)),
        Row.of("aligner_closures_seen", statistics.ratio_of_sums(held, asked)),
    ]


def closures(clip: LipClip) -> tuple[int, int]:
    """How many predicted "p", "b", "m" fall on really closed lips, and how many were predicted."""
    closed_F = clip.lips_F < _CLOSED_SHARE * clip.lips_F.max()
    runs = signals.runs(clip.mouth.viseme_F == _PRESSED)
    reach = _CLOSURE_REACH_FRAMES
    return sum(bool(closed_F[max(first - reach, 0) : end + reach].any()) for first, end in runs), len(runs)


def _other_sound(clips: Sequence[LipClip]) -> Estimate:
    """Each clip's lips against the sound of the clip before: what rhythm and the pauses at both ends alone give."""
    scores: list[float] = []
    for clip, other in zip(clips, [*clips[-1:], *clips[:-1]], strict=True):
        count = min(clip.lips_F.shape[0], other.lips_F.shape[0])
        scores.append(signals.correlation(other.predicted[:count], clip.lips_F[:count]))
    return statistics.mean(np.array(scores))
