"""Acting out: named actions placed in a clip and laid over what the rig does anyway."""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.core.record import Event
from openlpm.core.rig import MOUTH_CHANNELS, Rig
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.synth.act.actions import ACTION_NAMES, ACTIONS, Knots
from openlpm.synth.act.gestures import FloatArray, min_jerk

_STRETCH, _SIZE = (0.85, 1.25), (0.85, 1.08)
_EDGE_S, _APART_S = 0.25, 0.2
_TRIES = 12
_BLEND_S = 0.25
_LIDS = (Rig.BLINK_LEFT, Rig.BLINK_RIGHT)
_MOUTH = frozenset(MOUTH_CHANNELS)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ActionCue:
    """An action that is wanted, at a time or wherever it fits in its order."""

    action: str
    """A key of ``synth.actions.ACTIONS``."""
    at_s: float | None = None

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ConfigError(f"action={self.action!r}: choose one of {', '.join(ACTION_NAMES)}")
        if self.at_s is not None and self.at_s < 0.0:
            raise ConfigError(f"at_s={self.at_s}: an action begins at or after 0")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """An action at its place; ``stretch`` scales its time and ``size`` its amplitude."""

    action: str
    start_s: float
    stretch: float = 1.0
    size: float = 1.0
    timed: bool = False
    """Whether its time was asked for."""

    @property
    def end_s(self) -> float:
        """When everything is at rest again."""
        return self.start_s + ACTIONS[self.action].length_s * self.stretch

    def event(self, num_frames: int) -> Event:
        """The action as an event of a clip."""
        start = min(int(self.start_s * FRAME_RATE_HZ), num_frames - 1)
        end = min(max(int(np.ceil(self.end_s * FRAME_RATE_HZ)), start + 1), num_frames)
        return Event(kind=f"action:{self.action}", start_frame=start, end_frame=end)


def place_acts(rng: np.random.Generator, cues: tuple[ActionCue, ...], speaks_F: NDArray[np.bool_]) -> tuple[Act, ...]:
    """The cues as acts in their order, without overlap; those of the mouth where ``speaks_F`` is false if possible.

    Cues without a time share the clip; the last of them are left out if it is too short for all.
    """
    duration_s = speaks_F.shape[0] / FRAME_RATE_HZ
    acts: tuple[Act, ...] = ()
    for _ in range(_TRIES):
        acts = _placed(rng, cues, duration_s)
        if not any(ACTIONS[act.action].uses_mouth and is_busy(act, speaks_F) for act in acts):
            break
    return acts


def is_busy(act: Act, busy_F: NDArray[np.bool_]) -> bool:
    """Whether any frame of the act is busy."""
    return bool(busy_F[int(act.start_s * FRAME_RATE_HZ) : int(np.ceil(act.end_s * FRAME_RATE_HZ)) + 1].any())


def _placed(rng: np.random.Generator, cues: tuple[ActionCue, ...], duration_s: float) -> tuple[Act, ...]:
    stretch_K = rng.uniform(*_STRETCH, size=len(cues))
    size_K = rng.uniform(*_SIZE, size=len(cues))
    length_K = np.array([ACTIONS[cue.action].length_s for cue in cues]) * stretch_K
    acts: list[Act] = []
    now, first = _EDGE_S, 0
    while first < len(cues):
        # A run of cues without a time fills the room up to the next cue that has one.
        last = first
        while last < len(cues) and cues[last].at_s is None:
            last += 1
        limit = cues[last].at_s if last < len(cues) else duration_s - _EDGE_S
        assert limit is not None
        kept = last
        while kept > first and now + length_K[first:kept].sum() + _APART_S * (kept - first - 1) > limit:
            kept -= 1
        spare_s = limit - now - length_K[first:kept].sum() - _APART_S * max(kept - first - 1, 0)
        gap_K = rng.dirichlet(np.ones(kept - first + 1)) * max(spare_s, 0.0)
        for index in range(first, kept):
            start = now + gap_K[index - first]
            acts.append(
                Act(action=cues[index].action, start_s=start, stretch=stretch_K[index], size=float(size_K[index]))
            )
            now = start + length_K[index] + _APART_S
        if last < len(cues):
            at_s = float(limit)
            if at_s < duration_s:
                acts.append(
                    Act(
                        action=cues[last].action, start_s=at_s, stretch=stretch_K[last], size=float(size_K[last]),
                        timed=True,
                    )
                )  # fmt: skip
            now = max(now, at_s + length_K[last] + _APART_S)
        first = last + 1
    return tuple(acts)


def overlay(rig_FR: FloatArray, times_F: FloatArray, acts: tuple[Act, ...], mouth_free_F: FloatArray) -> None:
    """Write ``acts`` over ``rig_FR``, whose gaze is relative to the camera.

    What an action moves is taken from whatever moved it before and given back at its end; the mouth moves only as far
    as it is free (``mouth_free_F``, 0 to 1).
    """
    for act in acts:
        first = max(int(act.start_s * FRAME_RATE_HZ) - 1, 0)
        window = slice(first, int(np.ceil(act.end_s * FRAME_RATE_HZ)) + 1)
        since_W = (times_F[window] - act.start_s) / act.stretch
        if since_W.shape[0] == 0:
            continue
        for channel, knots in ACTIONS[act.action].motion.items():
            value_W, hold_W = along(knots, since_W), _held(knots, since_W)
            before_W = rig_FR[window, channel] * (1.0 - hold_W)
            if channel in _LIDS:  # shut is shut, whatever the size
                rig_FR[window, channel] = np.maximum(before_W, value_W)
            elif channel in _MOUTH:
                rig_FR[window, channel] = before_W + act.size * value_W * mouth_free_F[window]
            else:
                rig_FR[window, channel] = before_W + act.size * value_W


def along(knots: Knots, times_F: FloatArray) -> FloatArray:
    """The value at every time: smooth moves from knot to knot."""
    table = np.array(knots, dtype=np.float64)
    start_K, length_K, step_K = table[:-1, 0], np.diff(table[:, 0]), np.diff(table[:, 1])
    return table[0, 1] + min_jerk((times_F[:, None] - start_K) / length_K) @ step_K


def _held(knots: Knots, times_F: FloatArray) -> FloatArray:
    """How far an action owns a channel: 1 while it moves it, with soft edges."""
    start, end = knots[0][0], knots[-1][0]
    edge = min(_BLEND_S, (end - start) / 3)
    return min_jerk((times_F - start) / edge) * (1.0 - min_jerk((times_F - end + edge) / edge))
