"""Guards of D3: does a listener move with the partner's voice as in the truth?

``paired_distance`` after the paired Frechet distance of Ng et al. (2022): one Gaussian of what a listener does and what
is heard meanwhile, windowed and with its change, so that time reversed or another partner are another distribution.
``lag_error`` compares how every channel correlates with the partner's loudness at every lag (TLCC).
"""

import numpy as np
from numpy.typing import NDArray

from openlpm.bench import metrics
from openlpm.bench.lpm.measures import Control, Dimension, Measure
from openlpm.bench.lpm.strata import Track
from openlpm.bench.lpm.task import Task, Values
from openlpm.bench.lpm.view import View
from openlpm.bench.rehearsal import in_room
from openlpm.bench.signals import FloatTrack, smooth
from openlpm.core.rig import Rig
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.synth.act.planner import frame_loudness

_C = Control
_REACTS, _STILL = (_C.NOISE, _C.FREEZE, _C.PARTNER, _C.REVERSED), (_C.PERSON, _C.REENCODE)
MEASURES = (
    Measure(
        name="paired_distance", dimension=Dimension.REACTION, primary=False, best=0.0, worst=50.0,
        reacts=_REACTS, still=_STILL,
    ),
    Measure(
        name="lag_error", dimension=Dimension.REACTION, primary=False, best=0.0, worst=2.0,
        reacts=_REACTS, still=_STILL,
    ),
)  # fmt: skip

_CHANNELS = (Rig.YAW, Rig.PITCH, Rig.ROLL, Rig.SMILE, Rig.BROW_LEFT, Rig.BROW_RIGHT)
_WINDOW, _STEP = 6, 6
"""Frames of a window, and between a window and the one that its change is measured to."""
_LONGEST_LAG = 2 * FRAME_RATE_HZ
_LEAST_FRAMES = 6 * FRAME_RATE_HZ
_LEAST_SPREAD, _LEAST_LOUD = 0.01, 1e-3


def score(task: Task, view: View) -> Values:
    """Of listening cases with a partner who is heard long enough, over all frames."""
    if task.record is None or task.truth is None or task.case.track != Track.LISTENING:
        return {}
    loud_F = frame_loudness(task.record.listen_A)[: task.case.num_frames]
    if loud_F.size < _LEAST_FRAMES or float(loud_F.max(initial=0.0)) < _LEAST_LOUD:
        return {}
    if not metrics.quiet(task.record.state_F).any():
        return {}
    heard_F = np.log(loud_F.astype(np.float64) + _LEAST_LOUD)
    made_FX, true_FX = (in_room(each.reading.rig_FR)[: loud_F.size, list(_CHANNELS)] for each in (view, task.truth))
    if not np.isfinite(made_FX).all():
        return {"paired_distance": float("nan"), "lag_error": float("nan")}
    return {
        "paired_distance": paired_distance(made_FX, true_FX, heard_F),
        "lag_error": float(np.abs(lag_profile(made_FX, heard_F) - lag_profile(true_FX, heard_F)).mean()),
    }


def paired_distance(made_FX: FloatTrack, true_FX: FloatTrack, heard_F: FloatTrack) -> float:
    """Frechet distance of two listeners to one voice; 0 for the same.

    Each around its own mean and in its own spreads: where a head rests and how much it moves are judged elsewhere, and
    as they were half of the distance a frozen listener was nearer than any that moves.
    """
    made_XX, true_XX = (
        np.cov(_windows((each_FX - each_FX.mean(axis=0)) / (each_FX.std(axis=0) + _LEAST_SPREAD), heard_F).T)
        for each_FX in (made_FX, true_FX)
    )
    root_XX = _root(true_XX)
    both = float(np.sqrt(np.linalg.eigvalsh(root_XX @ made_XX @ root_XX).clip(0)).sum())
    return max(float(np.trace(made_XX) + np.trace(true_XX)) - 2 * both, 0.0)


def _windows(moves_FX: FloatTrack, heard_F: FloatTrack) -> NDArray[np.float64]:
    """Means of windows and how they change, of movements and of what is heard."""
    heard_F1 = ((heard_F - heard_F.mean()) / (heard_F.std() + _LEAST_SPREAD))[:, None]
    smooth_WX = smooth(np.concatenate([moves_FX, heard_F1], axis=1), _WINDOW)
    return np.concatenate([smooth_WX[:-_STEP], smooth_WX[_STEP:] - smooth_WX[:-_STEP]], axis=1)


def _root(square_XX: NDArray[np.float64]) -> NDArray[np.float64]:
    values_X, vectors_XX = np.linalg.eigh(square_XX)
    return (vectors_XX * np.sqrt(values_X.clip(0))) @ vectors_XX.T


def lag_profile(moves_FX: FloatTrack, heard_F: FloatTrack) -> NDArray[np.float64]:
    """Correlation of the speed of every channel with loudness so many frames before, (lags, X)."""
    speed_WX = np.abs(np.diff(smooth(moves_FX, _WINDOW), axis=0))
    heard_W = smooth(heard_F[:, None], _WINDOW)[1:, 0]
    count = speed_WX.shape[0] - _LONGEST_LAG
    late_LWX = np.stack([speed_WX[lag : lag + count] for lag in range(_LONGEST_LAG + 1)])
    late_LWX -= late_LWX.mean(axis=1, keepdims=True)
    voice_W = heard_W[:count] - heard_W[:count].mean()
    norm_LX = np.linalg.norm(late_LWX, axis=1) * np.linalg.norm(voice_W)
    return np.einsum("lwx,w->lx", late_LWX, voice_W) / np.maximum(norm_LX, 1e-9)
