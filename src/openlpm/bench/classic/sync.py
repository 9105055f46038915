"""LSE-C and LSE-D: how far SyncNet puts sound and picture apart.

Chung and Zisserman (2016, "Out of time: automated lip sync in the wild"); Prajwal et al. (2020, "A lip sync expert is
all you need"). For every shift of the sound the mean distance over the clip; LSE-D is the smallest, LSE-C the median
less the smallest.
"""

from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.bench.classic.metric import About, Better, Footage
from openlpm.bench.classic.network import Network, pictures
from openlpm.core.units import AUDIO_RATE_HZ

_RATE_HZ, _SIDE, _WINDOW = 25, 224, 5
_SAMPLES = _WINDOW * AUDIO_RATE_HZ // _RATE_HZ
_REACH = 15
"""Shifts in frames of 40 ms."""
_WEIGHTS: Final = (
    "its method video takes windows (N, 3, 5, 224, 224) in [0, 1], its method audio their sound (N, 3200) at 16 kHz, "
    "and both give embeddings (N, D)"
)
_SHARED = (
    "the smallest over shifts makes a constant delay of up to 600 ms free: read the shift beside it",
    "trained on people: on drawn or animal faces it has to prove itself with its controls",
)
LSE_D: Final = About(
    name="lse_d",
    better=Better.LOWER,
    unit="distance",
    weights=_WEIGHTS,
    pitfalls=(*_SHARED, "prefers mouths that move a little to mouths that move right"),
    reacts_to=("shuffled_audio", "freeze"),
)
LSE_C: Final = About(
    name="lse_c",
    better=Better.HIGHER,
    unit="distance",
    weights=_WEIGHTS,
    pitfalls=(*_SHARED, "grows with how lively the sound is, whatever the mouth does"),
    reacts_to=("shuffled_audio", "freeze"),
)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Synchrony:
    """What SyncNet says of a clip."""

    distance: float
    confidence: float
    shift: int
    """Frames of 40 ms by which the sound would have to come later."""


def synchrony(seen_ND: NDArray[np.float64], heard_ND: NDArray[np.float64]) -> Synchrony:
    """From embeddings of the same windows; shifts reach 15 windows either way, or half of the clip."""
    count = min(seen_ND.shape[0], heard_ND.shape[0])
    reach = min(_REACH, count // 2)
    distances: list[float] = []
    for shift in range(-reach, reach + 1):
        seen, heard = seen_ND[max(0, shift) : count + min(0, shift)], heard_ND[max(0, -shift) : count - max(0, shift)]
        distances.append(float(np.linalg.norm(seen - heard, axis=1).mean()))
    best = int(np.argmin(distances))
    return Synchrony(
        distance=distances[best], confidence=float(np.median(distances)) - distances[best], shift=best - reach
    )


def heard_and_seen(network: Network, clip: Footage) -> Synchrony | None:
    """All of a clip; None of one that is shorter than two windows, or silent."""
    seconds = min(clip.frames_FHWC.shape[0] / clip.rate_hz, clip.samples_A.shape[0] / AUDIO_RATE_HZ)
    count = int(seconds * _RATE_HZ) - _WINDOW + 1
    if count < 2 * _WINDOW or not clip.samples_A.any():
        return None
    moments = np.arange(count + _WINDOW - 1) / _RATE_HZ
    nearest = np.minimum((moments * clip.rate_hz).astype(np.intp), clip.frames_FHWC.shape[0] - 1)
    frames_FCHW = pictures(clip.frames_FHWC[nearest], _SIDE)
    windows = torch.stack([frames_FCHW[start : start + _WINDOW].transpose(0, 1) for start in range(count)])
    step = AUDIO_RATE_HZ // _RATE_HZ
    sounds = np.stack([clip.samples_A[start * step : start * step + _SAMPLES] for start in range(count)])
    return synchrony(network(windows, method="video"), network(torch.from_numpy(sounds), method="audio"))


def lse_d(network: Network, clip: Footage) -> float | None:
    """The smallest distance."""
    found = heard_and_seen(network, clip)
    return None if found is None else found.distance


def lse_c(network: Network, clip: Footage) -> float | None:
    """The confidence."""
    found = heard_and_seen(network, clip)
    return None if found is None else found.confidence
