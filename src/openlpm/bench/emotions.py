"""Which emotion does a second of video show? A linear discriminant on what the critic reads, set up on rehearsals."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.bench import controls
from openlpm.bench.progress import phase
from openlpm.bench.rehearsal import Rehearsed, Stage, in_room
from openlpm.bench.result import Bar, Row
from openlpm.bench.scoring import Scored, scored_rows
from openlpm.bench.signals import FloatTrack
from openlpm.bench.statistics import Values
from openlpm.bench.visemes import class_counts, macro_f1
from openlpm.core.emotion import EMOTIONS, NUM_EMOTIONS
from openlpm.core.record import PerformanceRecord
from openlpm.core.rig import Rig
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.synth.act.dialogue import ClipKind
from openlpm.synth.act.feelings import Course
from openlpm.synth.act.style import ClipStyle, draw_style

NAME = "emotion_f1"
S_BAR = Bar(at_least=0.85)
CLIP_FRAMES = 96

_CHANNELS = (
    Rig.SMILE, Rig.BLINK_LEFT, Rig.BLINK_RIGHT, Rig.SQUINT, Rig.WIDEN, Rig.GAZE_X, Rig.GAZE_Y, Rig.BROW_LEFT,
    Rig.BROW_RIGHT, Rig.FURROW, Rig.YAW, Rig.PITCH, Rig.ROLL, Rig.SHIFT_X, Rig.SHIFT_Y, Rig.LEAN, Rig.SHOULDER,
    Rig.SWAY, Rig.BLUSH,
)  # fmt: skip
_WINDOW_FRAMES = FRAME_RATE_HZ
_CLEAR, _AHEAD = 0.5, 0.25
"""A second has a label if its strongest emotion is at least so strong, and so much ahead of the next."""
_KINDS = (ClipKind.SPEAK, ClipKind.LISTEN, ClipKind.IDLE)
_LEAST_INTENSITY, _LEAST_ATTENTION = 0.7, 0.4
_REHEARSALS = 480
_SHRINKAGE = 1e-3


def feeling_style(index: int, clip_seed: int) -> ClipStyle:
    """One emotion that lasts and shows, every one in turn, speaking, listening or waiting."""
    drawn = draw_style(clip_seed)
    return replace(
        drawn,
        kind=_KINDS[(index // NUM_EMOTIONS) % len(_KINDS)],
        mood=EMOTIONS[index % NUM_EMOTIONS],
        course=Course.STEADY,
        intensity=max(drawn.intensity, _LEAST_INTENSITY),
        persona=replace(drawn.persona, attention=max(drawn.persona.attention, _LEAST_ATTENTION)),
        persona_name="",
        actions=(),
        disturbed=False,
    )


@final
@dataclass(frozen=True, slots=True)
class EmotionReader:
    """Scores of the sixteen emotions as a linear function of how a second looks."""

    weight_XE: NDArray[np.float64]
    offset_E: NDArray[np.float64]

    @staticmethod
    def rehearsed(stage: Stage) -> "EmotionReader":
        """Set up on performances of training people, as this critic would read them."""
        rehearsals = stage.rehearse("emotions", _REHEARSALS, CLIP_FRAMES, feeling_style)
        with phase(stage.on_progress, "emotion reader"):
            return EmotionReader._fitted(rehearsals)

    @staticmethod
    def _fitted(rehearsals: Sequence[Rehearsed]) -> "EmotionReader":
        labels = [labels_of(one.record) for one in rehearsals]
        x_SX = np.concatenate(
            [_looks(one.read_FR)[label_W >= 0] for one, label_W in zip(rehearsals, labels, strict=True)]
        )
        label_S = np.concatenate([label_W[label_W >= 0] for label_W in labels])
        mean_EX = np.stack([x_SX[label_S == emotion].mean(axis=0) for emotion in range(NUM_EMOTIONS)])
        within_SX = x_SX - mean_EX[label_S]
        spread_XX = within_SX.T @ within_SX / within_SX.shape[0]
        spread_XX += np.diag(_SHRINKAGE * np.diag(spread_XX) + 1e-6)
        weight_XE = np.linalg.solve(spread_XX, mean_EX.T)
        return EmotionReader(weight_XE, -0.5 * (mean_EX.T * weight_XE).sum(axis=0))

    def read(self, track_FR: FloatTrack) -> NDArray[np.int64]:
        """The emotion of every second, as an index into ``EMOTIONS``; what cannot be read is neutral.

        The gaze of the track is in the room (``rehearsal.in_room``).
        """
        looks_WX = np.nan_to_num(_looks(track_FR), posinf=0.0, neginf=0.0)
        return (looks_WX @ self.weight_XE + self.offset_E).argmax(axis=1)


def labels_of(record: PerformanceRecord) -> NDArray[np.int64]:
    """The true emotion of every second; -1 where none is clear."""
    assert record.truth is not None
    assert record.truth.emotion_FE is not None
    mean_WE = _seconds(record.truth.emotion_FE).mean(axis=1)
    ranked_WE = np.sort(mean_WE, axis=1)
    clear_W = (ranked_WE[:, -1] >= _CLEAR) & (ranked_WE[:, -1] - ranked_WE[:, -2] >= _AHEAD)
    return np.where(clear_W, mean_WE.argmax(axis=1), -1)


def emotion_rows(
    records: Sequence[PerformanceRecord],
    truth: Sequence[FloatTrack],
    generated: Sequence[FloatTrack],
    reader: EmotionReader,
) -> list[Row]:
    """Macro-F1 over the seconds with a clear emotion; the control is another clip. Tracks are rigs as read."""

    def terms(tracks: Sequence[FloatTrack]) -> Values:
        counts: list[NDArray[np.float64]] = []
        for track_FR, record in zip(tracks, records, strict=True):
            label_W = labels_of(record)
            counts.append(class_counts(reader.read(in_room(track_FR)), label_W, label_W >= 0, NUM_EMOTIONS))
        return np.stack(counts)

    scored = Scored(
        generated_NX=terms(generated),
        truth_NX=terms(truth),
        control_NX=terms([truth[index] for index in controls.another_clip(len(truth))]),
        value=macro_f1,
    )
    return scored_rows(NAME, scored, s_bar=S_BAR)


def _looks(track_FR: FloatTrack) -> NDArray[np.float64]:
    """Median and spread of every channel in each second."""
    seconds_WFC = _seconds(track_FR[:, _CHANNELS].astype(np.float64))
    return np.concatenate([np.median(seconds_WFC, axis=1), seconds_WFC.std(axis=1)], axis=1)


def _seconds(track_FX: FloatTrack) -> NDArray[np.float64]:
    count = track_FX.shape[0] // _WINDOW_FRAMES
    whole_FX = track_FX[: count * _WINDOW_FRAMES].astype(np.float64)
    return whole_FX.reshape(count, _WINDOW_FRAMES, -1)
