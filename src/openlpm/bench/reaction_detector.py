"""Finds reactions of a listener in read tracks: linear detectors of how a movement begins, set up on rehearsals.

For every class of reaction a ridge regression, in closed form, on how far each channel of head and face has gone from
where it is now within the last quarter and the next 1.25 seconds, and on how fast it goes there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.bench.metrics import quiet
from openlpm.bench.progress import phase
from openlpm.bench.rehearsal import Rehearsed, Stage
from openlpm.bench.signals import FloatTrack, Mask, smooth
from openlpm.core.record import PerformanceRecord
from openlpm.core.rig import Rig
from openlpm.synth.act.dialogue import ClipKind
from openlpm.synth.act.feelings import Course
from openlpm.synth.act.persona import PERSONAS
from openlpm.synth.act.style import ClipStyle, draw_style

CLASSES: dict[str, tuple[str, ...]] = {
    "nod": ("nod", "slow_nod"),
    "smile": ("smile", "laugh_along"),
    "brow_raise": ("brow_raise",),
    "jolt": ("startle", "recoil", "taken_aback"),
    "head_tilt": ("head_tilt",),
    "concern": ("concern",),
    "frown": ("frown",),
}
"""Reactions that look alike share a class; of ``synth.reactions.REACTION_KINDS``."""
CLASS_OF = {kind: name for name, kinds in CLASSES.items() for kind in kinds}

_CHANNELS = (
    Rig.PITCH, Rig.YAW, Rig.ROLL, Rig.SHIFT_X, Rig.SHIFT_Y, Rig.LEAN, Rig.SMILE, Rig.SQUINT, Rig.WIDEN, Rig.BROW_LEFT,
    Rig.BROW_RIGHT, Rig.FURROW, Rig.SHOULDER,
)  # fmt: skip
_OFFSETS = np.arange(-6, 31, 2)  # frames
_SMOOTHING_FRAMES = 3
_ONSET_FRAMES = 1  # on either side of the true one
_RIDGE = 1e-3
_APART_FRAMES = 10
CLOSE_FRAMES = 8
"""How far a detection may be from the beginning of a true reaction."""
_LEVELS = np.linspace(0.04, 0.7, 34)
_RELIABLE = 0.8
"""F1 on held-back rehearsals from which on a class counts."""
_REHEARSALS, _FRAMES, _HELD_BACK = 320, 192, 0.35
_KINDS = (ClipKind.LISTEN, ClipKind.BACKCHANNEL, ClipKind.LISTEN, ClipKind.LISTEN_THEN_SPEAK, ClipKind.INTERRUPTED)
_ATTENTIVE = ("attentive", "warm", "lively", "confident")


def listening_style(index: int, clip_seed: int) -> ClipStyle:
    """Somebody who attends to a partner, in a steady mood and with nothing else to do."""
    drawn, name = draw_style(clip_seed), _ATTENTIVE[index % len(_ATTENTIVE)]
    return ClipStyle(
        kind=_KINDS[index % len(_KINDS)],
        mood=drawn.mood,
        course=Course.STEADY,
        intensity=drawn.intensity,
        energy=drawn.energy,
        articulation=drawn.articulation,
        persona=PERSONAS[name],
        persona_name=name,
    )


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Detection:
    """A reaction that was seen to begin."""

    reaction: str
    """A key of ``CLASSES``."""
    frame: int


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ReactionDetector:
    """K linear detectors, each with its level; only of classes that rehearsals show to be detectable."""

    names: tuple[str, ...]
    mean_X: NDArray[np.float64]
    scale_X: NDArray[np.float64]
    weight_XK: NDArray[np.float64]
    offset_K: NDArray[np.float64]
    level_K: NDArray[np.float64]

    @staticmethod
    def rehearsed(stage: Stage) -> "ReactionDetector":
        """Set up on performances of training people, as this critic would read them."""
        rehearsals = stage.rehearse("reactions", _REHEARSALS, _FRAMES, listening_style)
        with phase(stage.on_progress, "reaction detector"):
            return fitted(rehearsals)

    def evidence(self, read_FR: FloatTrack) -> NDArray[np.float64]:
        """How much each frame looks like the beginning of each reaction, (F, K): 1 at the level of detection.

        A track that cannot be read (NaN) shows nothing.
        """
        if not np.isfinite(read_FR[:, _CHANNELS]).all():
            return np.zeros((read_FR.shape[0], len(self.names)))
        return ((_features(read_FR) - self.mean_X) / self.scale_X @ self.weight_XK + self.offset_K) / self.level_K

    def detect(self, read_FR: FloatTrack, asked_F: Mask) -> list[Detection]:
        """Reactions that begin in frames of ``asked_F``."""
        evidence_FK = self.evidence(read_FR)
        return [
            Detection(reaction=name, frame=frame)
            for index, name in enumerate(self.names)
            for frame in peaks(np.where(asked_F, evidence_FK[:, index], 0.0), 1.0)
        ]


def fitted(rehearsals: Sequence[Rehearsed]) -> ReactionDetector:
    """Detectors from rehearsals; the last third of them only sets the levels."""
    kept = round(len(rehearsals) * (1.0 - _HELD_BACK))
    features, onsets = zip(*[_examples(one) for one in rehearsals[:kept]], strict=True)
    x_SX, y_SK = np.concatenate(features), np.concatenate(onsets)
    mean_X, scale_X = x_SX.mean(axis=0), x_SX.std(axis=0) + 1e-6
    z_SX = (x_SX - mean_X) / scale_X
    square_XX = z_SX.T @ z_SX / z_SX.shape[0] + _RIDGE * np.eye(z_SX.shape[1])
    weight_XK = np.linalg.solve(square_XX, z_SX.T @ (y_SK - y_SK.mean(axis=0)) / z_SX.shape[0])
    every = ReactionDetector(
        names=tuple(CLASSES), mean_X=mean_X, scale_X=scale_X, weight_XK=weight_XK, offset_K=y_SK.mean(axis=0),
        level_K=np.ones(len(CLASSES)),
    )  # fmt: skip
    shown = [every.evidence(one.read_FR) for one in rehearsals[kept:]]
    best = [_best_level(rehearsals[kept:], [e_FK[:, k] for e_FK in shown], name) for k, name in enumerate(CLASSES)]
    good = [k for k, (f1, _) in enumerate(best) if f1 >= _RELIABLE]
    return ReactionDetector(
        names=tuple(tuple(CLASSES)[k] for k in good), mean_X=mean_X, scale_X=scale_X, weight_XK=weight_XK[:, good],
        offset_K=every.offset_K[good], level_K=np.array([best[k][1] for k in good]),
    )  # fmt: skip


def peaks(track_F: FloatTrack, level: float) -> list[int]:
    """Frames of the highest values from ``level`` up, none within ten frames of a higher one, in rising order."""
    left_F = np.array(track_F, dtype=np.float64)
    found: list[int] = []
    while left_F.size and left_F.max() >= level:
        frame = int(left_F.argmax())
        found.append(frame)
        left_F[max(frame - _APART_FRAMES, 0) : frame + _APART_FRAMES + 1] = -np.inf
    return sorted(found)


def true_onsets(record: PerformanceRecord, name: str) -> list[int]:
    """First frames of the true reactions of a class, while the performer is quiet."""
    assert record.truth is not None
    quiet_F = quiet(record.state_F)
    return [
        event.start_frame
        for event in record.truth.events
        if CLASS_OF.get(event.kind) == name and quiet_F[event.start_frame]
    ]


def _features(read_FR: FloatTrack) -> NDArray[np.float64]:
    padded_FC = np.pad(read_FR[:, _CHANNELS].astype(np.float64), ((1, 1), (0, 0)), mode="edge")
    track_FC = smooth(padded_FC, _SMOOTHING_FRAMES)
    frames_FO = np.clip(np.arange(track_FC.shape[0])[:, None] + _OFFSETS, 0, track_FC.shape[0] - 1)
    gone_FOC = track_FC[frames_FO] - track_FC[:, None]
    speed_FOC = np.abs(np.diff(gone_FOC, axis=1))
    count = track_FC.shape[0]
    return np.concatenate([gone_FOC.reshape(count, -1), speed_FOC.reshape(count, -1)], axis=1)


def _examples(one: Rehearsed) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    quiet_F = quiet(one.record.state_F)
    onset_FK = np.zeros((one.record.num_frames, len(CLASSES)))
    for index, name in enumerate(CLASSES):
        for frame in true_onsets(one.record, name):
            onset_FK[max(frame - _ONSET_FRAMES, 0) : frame + _ONSET_FRAMES + 1, index] = 1.0
    return _features(one.read_FR)[quiet_F], onset_FK[quiet_F]


def _best_level(rehearsals: Sequence[Rehearsed], shown: Sequence[FloatTrack], name: str) -> tuple[float, float]:
    """The best F1 that any level reaches, and that level."""
    best = (0.0, 1.0)
    for level in _LEVELS.tolist():
        hits = found = asked = 0
        for one, evidence_F in zip(rehearsals, shown, strict=True):
            true = true_onsets(one.record, name)
            seen = peaks(np.where(quiet(one.record.state_F), evidence_F, 0.0), level)
            hits += sum(any(abs(frame - onset) <= CLOSE_FRAMES for frame in seen) for onset in true)
            found, asked = found + len(seen), asked + len(true)
        best = max(best, (2 * hits / max(found + asked, 1), level))
    return best
