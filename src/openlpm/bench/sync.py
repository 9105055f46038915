"""Audio-video fit without truth: does the own voice explain the mouth better than nine other voices do?"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from openlpm.bench import signals
from openlpm.bench.signals import FloatTrack
from openlpm.core.errors import ConfigError

NUM_OTHERS = 9
WINDOW_FRAMES = 72
"""Three seconds: long enough for some fifteen syllables, so that a mouth can tell one sentence from another."""
# Jaw and lip shape carry the rhythm; teeth and tongue show too rarely to be correlated alone.
_WEIGHTS = np.array([2.0, 1.0, 1.0, 1.0, 0.5, 0.5])


def fit(mouth_FX: FloatTrack, predicted_FX: FloatTrack) -> float:
    """Weighted mean correlation of six mouth channels (jaw, width, rounding, press, teeth, tongue) at zero lag.

    Zero lag only: a score that searches over offsets makes a constant delay free.
    """
    scores_X = [signals.correlation(mouth_FX[:, index], predicted_FX[:, index]) for index in range(_WEIGHTS.size)]
    return float(np.dot(_WEIGHTS, scores_X) / _WEIGHTS.sum())


def win_share(mouth_FX: FloatTrack, own_FX: FloatTrack, others: Sequence[FloatTrack]) -> NDArray[np.float64]:
    """For each window, 1 where the own voice fits best of all, 0 where another does, 1/k at a tie of k.

    Chance is 1 / (1 + number of others). A mouth that never moves ties with everyone, which is chance.
    """
    num_frames = mouth_FX.shape[0]
    if any(track.shape[0] < num_frames for track in (own_FX, *others)):
        raise ConfigError(f"every voice must be predicted over the clip's {num_frames} frames")
    window = min(WINDOW_FRAMES, num_frames)
    wins: list[float] = []
    for start in range(0, num_frames - window + 1, max(window // 2, 1)):
        part = slice(start, start + window)
        scores_K = np.array([fit(mouth_FX[part], track[part]) for track in (own_FX, *others)])
        best_K = scores_K >= scores_K.max() - 1e-9
        wins.append(float(best_K[0]) / float(best_K.sum()))
    return np.array(wins)
