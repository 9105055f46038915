"""Metrics on the tracks that a critic reads from pixels. Pure numpy; a metric is used only with its controls.

Every function treats a broken or motionless track as a failure, never as missing: a constant mouth correlates 0,
a NaN reading is an open mouth and a stranger's face.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.bench import signals, statistics
from openlpm.bench.signals import FloatTrack, Mask
from openlpm.bench.statistics import Estimate
from openlpm.core.errors import ConfigError
from openlpm.core.rig import MOUTH_CHANNELS, Rig, State
from openlpm.core.units import FRAME_RATE_HZ

SHIFT_FRAMES = 12
"""Half a second: the offset of the shifted control."""

_MIN_SPEAKING_FRAMES = 24
_EDGE_FRAMES = 3
# A tenth of the picture is about 0.4 of a head's radius, so a unit of shift weighs as 0.4 radians of turning.
_HEAD_SCALE = {Rig.YAW: 1.0, Rig.PITCH: 1.0, Rig.ROLL: 1.0, Rig.SHIFT_X: 0.4, Rig.SHIFT_Y: 0.4}
_SMOOTHING_FRAMES = 5
FEWEST_HEAD_FRAMES = _SMOOTHING_FRAMES + 1
"""Of which ``head_energy`` has a step to sum."""
BLINK_ENTER, BLINK_LEAVE = 0.6, 0.35


def speaking(state_F: NDArray[np.int8]) -> Mask:
    """Frames in which the character has a voice."""
    return (state_F == State.SPEAK) | (state_F == State.BOTH)


def quiet(state_F: NDArray[np.int8]) -> Mask:
    """Listening and idle frames, without the 125 ms next to own speech (a mouth may lead and trail its sound)."""
    return signals.shrink(~speaking(state_F), _EDGE_FRAMES)


def jaw_correlation(
    read_F: FloatTrack, truth_F: FloatTrack, speaking_F: Mask, *, shift_frames: int = 0
) -> float | None:
    """Correlation of the read jaw with the true one over speaking frames, at exactly the given lag (no search).

    ``shift_frames`` > 0 compares a frame with the truth that far in its past. None where fewer than a second is spoken.
    """
    if shift_frames:
        read_F, truth_F, speaking_F = read_F[shift_frames:], truth_F[:-shift_frames], speaking_F[:-shift_frames]
    if int(speaking_F.sum()) < _MIN_SPEAKING_FRAMES:
        return None
    return signals.correlation(read_F[speaking_F], truth_F[speaking_F])


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class QuietMouth:
    """What an open or moving mouth is, calibrated on truth so that truth itself is (nearly) never called false."""

    jaw: float
    motion: float
    """Per frame, root of the summed squares over the mouth channels."""

    MIN_JAW = 0.06
    """Chosen by hand: at this jaw the outer lips of the cast part by a little over a pixel of 256."""
    MIN_MOTION = 0.04
    """Chosen by hand, in the same spirit."""

    @staticmethod
    def calibrate(truth: Sequence[tuple[FloatTrack, Mask]], *, rate: float = 0.005) -> "QuietMouth":
        """Thresholds from truth readings (rig_FR, quiet_F): each of the two tests fires on at most ``rate / 2``."""
        jaw_Q = np.concatenate([read_FR[quiet_F, Rig.JAW] for read_FR, quiet_F in truth])
        motion_Q = np.concatenate([mouth_motion(read_FR)[quiet_F] for read_FR, quiet_F in truth])
        if jaw_Q.size == 0:
            raise ConfigError("no quiet frame in the truth: calibrate on clips that listen or idle")
        level = 1.0 - rate / 2
        jaw = max(float(np.quantile(jaw_Q, level, method="higher")), QuietMouth.MIN_JAW)
        motion = max(float(np.quantile(motion_Q, level, method="higher")), QuietMouth.MIN_MOTION)
        return QuietMouth(jaw=jaw, motion=motion)

    def false_frames(self, read_FR: FloatTrack, quiet_F: Mask) -> Mask:
        """Quiet frames in which the mouth is open or moves (or could not be read)."""
        shut_F = (read_FR[:, Rig.JAW] <= self.jaw) & (mouth_motion(read_FR) <= self.motion)
        return quiet_F & ~shut_F


def mouth_motion(read_FR: FloatTrack) -> NDArray[np.float64]:
    """Speed of the mouth per frame, over two frames so that one frame's reading error counts half; shape (F,)."""
    mouth_FX = read_FR[:, list(MOUTH_CHANNELS[:4])].astype(np.float64)
    speed_FX = np.zeros_like(mouth_FX)
    speed_FX[1:-1] = (mouth_FX[2:] - mouth_FX[:-2]) / 2
    return np.sqrt((speed_FX**2).sum(axis=1))


def head_energy(read_FR: FloatTrack, mask_F: Mask | None = None) -> tuple[float, int]:
    """Summed squared head velocity (turn, nod, tilt, shift) after smoothing, and the number of steps it sums.

    With a mask only steps whose whole smoothing window lies in it are counted.
    """
    scaled_FX = np.stack([read_FR[:, channel] * scale for channel, scale in _HEAD_SCALE.items()], axis=1)
    energy_F = (np.diff(signals.smooth(scaled_FX, _SMOOTHING_FRAMES), axis=0) ** 2).sum(axis=1)
    if mask_F is None:
        return float(energy_F.sum()), energy_F.size
    inside_F = signals.smooth(mask_F.astype(np.float64), _SMOOTHING_FRAMES + 1) > 1.0 - 1e-6
    return float(energy_F[inside_F].sum()), int(inside_F.sum())


def blinks(read_FR: FloatTrack) -> int:
    """Number of blinks: both lids together close past 0.6 after having been under 0.35."""
    lids_F = (read_FR[:, Rig.BLINK_LEFT] + read_FR[:, Rig.BLINK_RIGHT]) / 2
    return signals.count_pulses(lids_F, enter=BLINK_ENTER, leave=BLINK_LEAVE)


def minutes(num_frames: int) -> float:
    """Length of a clip in minutes, by which people quote blinks."""
    return num_frames / (60.0 * FRAME_RATE_HZ)


def energy_ratio(
    generated: Sequence[tuple[float, int]], truth: Sequence[tuple[float, int]], *, seed: int = 0
) -> Estimate:
    """Ratio of summed energies over clips (never a mean of ratios, which one still truth clip would rule).

    A clip without a step to sum (``head_energy``) is none: it would make the interval narrower and say nothing.
    """
    asked = [(made, true) for (made, _), (true, steps) in zip(generated, truth, strict=True) if steps]
    numerator_N = np.array([made for made, _ in asked], dtype=np.float64)
    denominator_N = np.array([true for _, true in asked], dtype=np.float64)
    return statistics.ratio_of_sums(numerator_N, denominator_N, seed=seed)


def impostor_threshold(impostor_scores_N: FloatTrack, *, rate: float = 0.01) -> float:
    """Cosine above which an impostor is accepted with probability ``rate`` (false acceptance rate, FAR)."""
    if impostor_scores_N.size < round(1 / rate):
        raise ConfigError(
            f"{impostor_scores_N.size} impostor scores: a rate of {rate:g} needs at least {round(1 / rate)}"
        )
    return float(np.quantile(impostor_scores_N, 1.0 - rate, method="higher"))


def accepted(embeddings_FD: FloatTrack, reference_D: FloatTrack, threshold: float) -> int:
    """Frames recognised as the reference's person; a frame that cannot be embedded (NaN) is not."""
    return int((embeddings_FD @ reference_D > threshold).sum())


def mse_to_psnr(mse: float) -> float:
    """Peak signal-to-noise ratio in dB of pictures in [0, 1]; equal pictures give 100 dB rather than infinity."""
    return float(-10.0 * np.log10(max(mse, 1e-10)))
