"""D1: does the mouth say what is heard? The own voice against others, and against itself too early or too late."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from openlpm.bench import metrics, sync
from openlpm.bench.lpm.measures import Control, Dimension, Measure
from openlpm.bench.lpm.strata import Track
from openlpm.bench.lpm.task import Task, Values
from openlpm.bench.lpm.view import View
from openlpm.bench.signals import FloatTrack
from openlpm.bench.visemes import class_counts, macro_f1
from openlpm.core.rig import MOUTH_CHANNELS, VISEMES, Rig
from openlpm.core.units import FRAME_RATE_HZ

_C = Control
_LATE = (_C.SHIFTED_8, _C.SHIFTED_15, _C.SHIFTED_25)
_STAYS = (_C.PERSON, _C.MORPH, _C.REENCODE)
MEASURES = (
    Measure(
        name="sync_win_rate", dimension=Dimension.LIPS, primary=True, best=1.0, worst=0.0,
        reacts=(_C.NOISE, _C.FREEZE, _C.SHUFFLED, *_LATE), still=_STAYS,
    ),
    Measure(
        name="av_offset_ms", dimension=Dimension.LIPS, primary=False, best=0.0, worst=625.0,
        reacts=(_C.SHIFTED_4, _C.SHIFTED_8), still=_STAYS, unit="ms",
    ),
    Measure(
        name="viseme_f1", dimension=Dimension.LIPS, primary=False, best=1.0, worst=0.0,
        reacts=(_C.NOISE, _C.FREEZE, _C.SHUFFLED, *_LATE), still=_STAYS,
    ),
    Measure(
        name="jaw_correlation", dimension=Dimension.LIPS, primary=False, best=1.0, worst=-1.0,
        reacts=(_C.NOISE, _C.FREEZE, _C.SHUFFLED, *_LATE), still=_STAYS,
    ),
)  # fmt: skip

Number = TypeVar("Number", bound=np.generic)

_DISTRACTOR_SHIFTS = (-25, -15, -8, 8, 15, 25)
"""Frames by which the own voice is too early or too late to fit."""
_SEARCH = 15
_OTHER_TRACKS = (Track.LISTENING, Track.TEXT, Track.LONG)
_LEAST_SPEECH = FRAME_RATE_HZ


def score(task: Task, view: View) -> Values:
    """Of cases that are there to speak, and do so for a second or more: a listener's hum moves no jaw."""
    own_FX = task.mouth_FX
    if own_FX is None or task.case.track in _OTHER_TRACKS:
        return {}
    mouth_FX = view.reading.rig_FR[:, list(MOUTH_CHANNELS)]
    own_FX = moved(own_FX, round(view.sound_late_s * FRAME_RATE_HZ))
    found: Values = {
        "sync_win_rate": _win_rate(mouth_FX, own_FX, task),
        "av_offset_ms": abs(_offset(mouth_FX, own_FX)) * 1000 / FRAME_RATE_HZ,
    }
    if task.record is None or task.record.truth is None:
        return found
    late = round(view.sound_late_s * FRAME_RATE_HZ)
    speaks_F = moved(metrics.speaking(task.record.state_F), late)
    if int(speaks_F.sum()) < _LEAST_SPEECH:
        return found
    jaw = metrics.jaw_correlation(view.reading.rig_FR[:, Rig.JAW], moved(task.true_rig[:, Rig.JAW], late), speaks_F)
    viseme_F = moved(task.record.truth.viseme_F, late)
    read_F = task.yardstick.visemes.read(view.reading.rig_FR)
    counts = class_counts(read_F, viseme_F, speaks_F, len(VISEMES))
    return found | {"jaw_correlation": jaw or 0.0, "viseme_f1": float(macro_f1(counts[None])[0])}


def moved(track: NDArray[Number], frames: int) -> NDArray[Number]:
    """The track so many frames later; its ends are held."""
    count = track.shape[0]
    return track[np.clip(np.arange(count) - frames, 0, count - 1)]


def _win_rate(mouth_FX: FloatTrack, own_FX: FloatTrack, task: Task) -> float:
    """Over windows in which the own voice moves the mouth that one would expect."""
    others: list[FloatTrack] = [*(moved(own_FX, shift) for shift in _DISTRACTOR_SHIFTS), *task.strangers]
    wins = sync.win_share(mouth_FX, own_FX, others)
    window = min(sync.WINDOW_FRAMES, mouth_FX.shape[0])
    starts = range(0, mouth_FX.shape[0] - window + 1, max(window // 2, 1))
    heard = np.array([float(own_FX[start : start + window, 0].std()) for start in starts])
    kept = heard >= 0.25 * heard.max()
    return float(wins[kept].mean())


def _offset(mouth_FX: FloatTrack, own_FX: FloatTrack) -> int:
    """Frames by which the mouth is late; the farthest that is looked for where nothing fits."""
    fits: list[float] = []
    lags = range(-_SEARCH, _SEARCH + 1)
    for lag in lags:
        first, end = max(lag, 0), mouth_FX.shape[0] + min(lag, 0)
        fits.append(sync.fit(mouth_FX[first:end], own_FX[first - lag : end - lag]))
    return lags[int(np.argmax(fits))] if max(fits) > 0 else _SEARCH
