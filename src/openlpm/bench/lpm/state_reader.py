"""Does somebody speak, listen or wait, as far as it can be seen? A linear discriminant, set up on rehearsals."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.bench.metrics import mouth_motion
from openlpm.bench.rehearsal import Rehearsed, Stage
from openlpm.bench.signals import FloatTrack
from openlpm.core.rig import Rig, State
from openlpm.synth.act.dialogue import ClipKind
from openlpm.synth.act.style import ClipStyle, draw_style

STATES = (State.IDLE, State.LISTEN, State.SPEAK)
"""What is told apart; speech over speech is speech."""
_KINDS = (
    ClipKind.DIALOGUE, ClipKind.LISTEN_THEN_SPEAK, ClipKind.SPEAK_THEN_LISTEN, ClipKind.IDLE, ClipKind.OVERLAP,
    ClipKind.LISTEN, ClipKind.INTERRUPTED,
)  # fmt: skip
_LOOKS = (
    Rig.GAZE_X, Rig.GAZE_Y, Rig.YAW, Rig.PITCH, Rig.ROLL, Rig.LEAN, Rig.SMILE, Rig.BROW_LEFT, Rig.BROW_RIGHT,
    Rig.BLINK_LEFT, Rig.JAW, Rig.WIDTH, Rig.ROUNDING, Rig.PRESS,
)  # fmt: skip
_SPANS = (6, 24, 72)
"""Frames on either side over which it is looked."""
_REHEARSALS, _FRAMES, _EVERY = 320, 288, 4
_RIDGE = 1e-2


def turn_style(index: int, clip_seed: int) -> ClipStyle:
    """Somebody who takes turns and does nothing else."""
    drawn = replace(draw_style(clip_seed), actions=(), disturbed=False)
    return replace(drawn, kind=_KINDS[index % len(_KINDS)])


@final
@dataclass(frozen=True, slots=True)
class StateReader:
    """Ridge regression on one indicator a state, of how every frame's surroundings look."""

    mean_X: NDArray[np.float64]
    scale_X: NDArray[np.float64]
    weight_XK: NDArray[np.float64]
    offset_K: NDArray[np.float64]

    @staticmethod
    def rehearsed(stage: Stage) -> "StateReader":
        """Set up on performances of training people, as this critic would read them."""
        return StateReader.fitted(stage.rehearse("states", _REHEARSALS, _FRAMES, turn_style))

    @staticmethod
    def fitted(rehearsals: Sequence[Rehearsed]) -> "StateReader":
        """From rehearsals, each state as heavy as the others."""
        x_SX = np.concatenate([_features(one.read_FR)[::_EVERY] for one in rehearsals])
        label_S = np.concatenate([state_labels(one.record.state_F)[::_EVERY] for one in rehearsals])
        mean_X, scale_X = x_SX.mean(axis=0), x_SX.std(axis=0) + 1e-6
        z_SX = (x_SX - mean_X) / scale_X
        y_SK = np.eye(len(STATES))[label_S]
        weight_S = 1.0 / np.maximum(np.bincount(label_S, minlength=len(STATES)), 1)[label_S]
        weight_S /= weight_S.sum()
        centre_X, centre_K = weight_S @ z_SX, weight_S @ y_SK
        away_SX = z_SX - centre_X
        square_XX = (away_SX * weight_S[:, None]).T @ away_SX + _RIDGE * np.eye(z_SX.shape[1])
        weight_XK = np.linalg.solve(square_XX, (away_SX * weight_S[:, None]).T @ (y_SK - centre_K))
        return StateReader(mean_X, scale_X, weight_XK, centre_K - centre_X @ weight_XK)

    def read(self, track_FR: FloatTrack) -> NDArray[np.int64]:
        """The state of every frame, as an index into ``STATES``; the gaze is in the room (``rehearsal.in_room``)."""
        x_FX = np.nan_to_num(_features(np.nan_to_num(track_FR)))
        return ((x_FX - self.mean_X) / self.scale_X @ self.weight_XK + self.offset_K).argmax(axis=1)


def state_labels(state_F: NDArray[np.int8]) -> NDArray[np.int64]:
    """True states as indices into ``STATES``."""
    return np.where(state_F == State.BOTH, State.SPEAK, state_F).astype(np.int64)


def _features(track_FR: FloatTrack) -> NDArray[np.float64]:
    looks_FC = track_FR[:, list(_LOOKS)].astype(np.float64)
    speed_FC = np.abs(np.diff(looks_FC, axis=0, prepend=looks_FC[:1]))
    away_F2 = np.abs(looks_FC[:, :2])
    raw_FX = np.concatenate([looks_FC, away_F2, speed_FC, mouth_motion(track_FR)[:, None]], axis=1)
    parts: list[NDArray[np.float64]] = []
    for span in _SPANS:
        padded_FX = np.pad(raw_FX, ((span, span + 1), (0, 0)), mode="edge")
        sums_FX = np.cumsum(padded_FX, axis=0)
        mean_FX = (sums_FX[2 * span :][: raw_FX.shape[0]] - np.pad(sums_FX, ((1, 0), (0, 0)))[: raw_FX.shape[0]]) / (
            2 * span + 1
        )
        parts.append(mean_FX)
    smooth_FX = np.concatenate(parts, axis=1)
    return np.concatenate([smooth_FX, np.log(np.abs(smooth_FX) + 1e-3)], axis=1)
