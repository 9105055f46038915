"""A planner of motion for live use: head, gaze, lids and brows that follow the conversation, frame by frame, for ever.

It knows who speaks and how loud both voices are, nothing else and nothing ahead. All of its memory is a few numbers and
what is moving right now, so an hour is like a minute, and pieces of any length give what the whole would give.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.emotion import EMOTIONS, NUM_EMOTIONS
from openlpm.core.errors import ConfigError
from openlpm.core.motion import MOTION_CHANNELS, MOTION_HIGH_M, MOTION_LOW_M, NUM_MOTION, NUM_POSE
from openlpm.core.rig import Rig, State
from openlpm.core.seeds import generator
from openlpm.core.units import FRAME_RATE_HZ, samples_at_frame
from openlpm.synth.act.feelings import Feeling
from openlpm.synth.act.moods import REST_ER, manner_of
from openlpm.synth.act.persona import Persona
from openlpm.synth.act.planned_eyes import PlannedEyes

_DT = 1.0 / FRAME_RATE_HZ
_NUM_HEAD = 6
_POSE_STD = np.array([0.135, 0.045, 0.05, 0.24, 0.12, 0.30])  # yaw, pitch, roll, shift x, shift y, lean
_DRIFT_STD = np.array([0.022, 0.014, 0.018, 0.05, 0.035, 0.06])
_DRIFT_RATE = 1.2  # a second
_STIFFNESS = 7.5  # of the spring that moves the head, radians a second: a move takes half a second
_ACTIVITY = {State.IDLE: 0.9, State.LISTEN: 0.75, State.SPEAK: 1.15, State.BOTH: 1.15}
_PITCH, _ROLL = MOTION_CHANNELS.index(Rig.PITCH), MOTION_CHANNELS.index(Rig.ROLL)
_GAZE = slice(MOTION_CHANNELS.index(Rig.GAZE_X), MOTION_CHANNELS.index(Rig.GAZE_Y) + 1)
_LIDS = slice(MOTION_CHANNELS.index(Rig.BLINK_LEFT), MOTION_CHANNELS.index(Rig.BLINK_RIGHT) + 1)
_BROWS = slice(MOTION_CHANNELS.index(Rig.BROW_LEFT), MOTION_CHANNELS.index(Rig.BROW_RIGHT) + 1)
_EYES_AGAINST_HEAD = 0.9
_REST_EP = REST_ER[:, list(MOTION_CHANNELS[:NUM_POSE])]
_MOOD_RATE = 1.5  # a second: how fast a mood changes
_PEAK_KEPT = 0.5 ** (_DT / 8.0)  # what is loud for this voice is forgotten by half in 8 s
_QUIETEST, _VOICED, _STRESSED = 0.01, 0.12, 0.6
_PHRASE_FRAMES, _PAUSE_FRAMES, _BEAT_APART_FRAMES = 12, 6, 8
_BEAT_PROBABILITY, _ACCENT_PROBABILITY = 0.4, 0.3
_NOD, _BROW = 0.68, 0.25


@final
class _Voice:
    """What is heard of one voice: whether it sounds, whether a syllable just peaked, whether a phrase just ended."""

    def __init__(self) -> None:
        self._peak, self._before, self._rising = 0.0, 0.0, False
        self._voiced_frames, self._silent_frames, self._since_beat = 0, 0, 0
        self.stressed = self.ended = False

    def hear(self, loudness: float) -> None:
        """One frame."""
        self._peak = max(loudness, self._peak * _PEAK_KEPT)
        voiced = loudness > _QUIETEST and loudness > _VOICED * self._peak
        self._since_beat = min(self._since_beat + 1, _BEAT_APART_FRAMES)
        falls = self._rising and loudness < self._before
        loud = self._before > _STRESSED * self._peak and self._before > _QUIETEST
        self.stressed = falls and loud and self._since_beat >= _BEAT_APART_FRAMES
        if self.stressed:
            self._since_beat = 0
        self._rising, self._before = loudness > self._before, loudness
        self.ended = False
        if voiced:
            pause = self._silent_frames >= _PAUSE_FRAMES
            self._voiced_frames = 1 if pause else min(self._voiced_frames + 1, _PHRASE_FRAMES)
            self._silent_frames = 0
        else:
            self._silent_frames = min(self._silent_frames + 1, _PAUSE_FRAMES + 1)
            self.ended = self._silent_frames == _PAUSE_FRAMES and self._voiced_frames >= _PHRASE_FRAMES


@final
@dataclass(slots=True)
class _Pulse:
    """A rise and fall on one column, on its way."""

    columns: slice
    size: float
    frame: int
    """Frames since its onset; negative before it."""
    rise: int
    hold: int
    fall: int
    dips: int = 1

    def value(self) -> float:
        """Where it is now."""
        if self.frame <= 0:
            return 0.0
        if self.dips > 1:
            index, within = divmod(self.frame, self.rise + self.fall)
            return self.size * 0.75**index * float(0.5 - 0.5 * np.cos(2 * np.pi * within / (self.rise + self.fall)))
        up = min(self.frame / self.rise, 1.0)
        down = min(max(self.frame - self.rise - self.hold, 0) / self.fall, 1.0)
        return self.size * float((0.5 - 0.5 * np.cos(np.pi * up)) * (0.5 + 0.5 * np.cos(np.pi * down)))

    @property
    def over(self) -> bool:
        """Whether it has come to rest."""
        return self.frame >= self.dips * (self.rise + self.hold + self.fall)


@final
class Planner:
    """Makes the motion of one performer; call ``plan`` for each piece of the conversation in turn."""

    def __init__(self, persona: Persona | None = None, *, seed: int = 0, energy: float = 1.0) -> None:
        if not 0.0 <= energy <= 2.0:
            raise ConfigError(f"energy={energy}: choose 0 to 2")
        self._persona = persona or Persona()
        self._energy = energy * self._persona.energy
        self._rng = generator("planner", seed)
        self._eyes = PlannedEyes(self._rng, self._persona)
        self._own, self._partner = _Voice(), _Voice()
        self._wanted_E = np.eye(NUM_EMOTIONS)[0]
        self._emotion_E = self._wanted_E
        self._pose_C = self._rng.standard_normal(_NUM_HEAD) * _POSE_STD * 0.5
        self._head_C, self._speed_C = self._pose_C.copy(), np.zeros(_NUM_HEAD)
        self._drift_C = np.zeros(_NUM_HEAD)
        self._until_move = 0
        self._pulses: list[_Pulse] = []
        self._manner = {"energy": 1.0, "blinks": 1.0, "camera": 1.0}

    def feel(self, *feelings: Feeling) -> None:
        """Take on a mood within about a second; only emotions and intensities count, none of them is neutral."""
        self._wanted_E = np.zeros(NUM_EMOTIONS)
        for feeling in feelings:
            self._wanted_E[EMOTIONS.index(feeling.emotion)] = feeling.intensity
        self._wanted_E[0] = 1.0 - self._wanted_E[1:].max()

    def plan(
        self, state_F: NDArray[np.int8], own_F: NDArray[np.float32], partner_F: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The motion of the next F frames, (F, M) in the order of ``MOTION_CHANNELS`` and within their ranges.

        The first ``NUM_POSE`` columns are meant, the others are zero.

        ``own_F`` and ``partner_F`` are the loudness of both voices, as ``frame_loudness`` gives it.

        Raises:
            ConfigError: the three tracks differ in length.
        """
        if not state_F.shape == own_F.shape == partner_F.shape:
            raise ConfigError(f"tracks of {state_F.shape}, {own_F.shape} and {partner_F.shape}: give equal lengths")
        track_FM = np.zeros((state_F.shape[0], NUM_MOTION))
        for frame, (state, own, partner) in enumerate(
            zip(state_F.tolist(), own_F.tolist(), partner_F.tolist(), strict=True)
        ):
            self._own.hear(own)
            self._partner.hear(partner)
            track_FM[frame, :NUM_POSE] = self._step(State(state))
        return np.clip(track_FM, MOTION_LOW_M, MOTION_HIGH_M).astype(np.float32)

    def _step(self, state: State) -> NDArray[np.float64]:
        if self._emotion_E is not self._wanted_E:
            self._change_mood()
        self._answer(state)
        self._move_head(state)
        eyes = self._eyes.step(state, camera=self._manner["camera"], blinks=self._manner["blinks"])
        motion_M = self._emotion_E @ _REST_EP
        motion_M[:_NUM_HEAD] += self._head_C
        for pulse in self._pulses:
            pulse.frame += 1
            motion_M[pulse.columns] += pulse.value()
        self._pulses = [pulse for pulse in self._pulses if not pulse.over]
        motion_M[_GAZE] += eyes.gaze_2
        motion_M[_LIDS] = np.maximum(motion_M[_LIDS], eyes.lids)
        motion_M[:_NUM_HEAD] = np.clip(motion_M[:_NUM_HEAD], MOTION_LOW_M[:_NUM_HEAD], MOTION_HIGH_M[:_NUM_HEAD])
        motion_M[_GAZE] -= _EYES_AGAINST_HEAD * motion_M[:2]
        return motion_M

    def _change_mood(self) -> None:
        self._emotion_E = self._emotion_E + (self._wanted_E - self._emotion_E) * _MOOD_RATE * _DT
        if np.abs(self._emotion_E - self._wanted_E).max() < 1e-3:
            self._emotion_E = self._wanted_E
        manner = manner_of(self._emotion_E[None])
        self._manner = {name: float(manner[name][0]) for name in self._manner}

    def _move_head(self, state: State) -> None:
        """A critically damped spring to a pose that is drawn anew every second or so, and a drift about it."""
        rng = self._rng
        self._until_move -= 1
        if self._until_move <= 0:
            self._until_move = max(int(1.15 * float(np.exp(0.45 * rng.standard_normal())) / _DT), 12)
            pose_C = rng.standard_normal(_NUM_HEAD).clip(-2.2, 2.2) * _POSE_STD
            pose_C[2] += 0.25 * pose_C[0]
            pose_C[3] += 0.6 * pose_C[0]
            self._pose_C = pose_C * (_ACTIVITY[state] * self._energy * self._manner["energy"])
        kick_C = rng.standard_normal(_NUM_HEAD) * np.sqrt(2 * _DRIFT_RATE * _DT)
        self._drift_C = self._drift_C * (1.0 - _DRIFT_RATE * _DT) + kick_C
        target_C = self._pose_C + self._drift_C * _DRIFT_STD * self._energy
        pull_C = _STIFFNESS**2 * (target_C - self._head_C) - 2.0 * _STIFFNESS * self._speed_C
        self._speed_C = self._speed_C + pull_C * _DT
        self._head_C = self._head_C + self._speed_C * _DT

    def _answer(self, state: State) -> None:
        """Nods and brows at the ends of the partner's phrases; beats and brows on the performer's own syllables."""
        rng = self._rng
        if self._partner.ended and state in (State.LISTEN, State.IDLE):
            draw = rng.random(6)
            if draw[0] < self._persona.answers:
                wait = -int(draw[1] * 0.5 / _DT)
                if draw[2] < _NOD or draw[3] >= _BROW:
                    half = round((0.18 + 0.08 * draw[4]) / _DT)
                    size = -(0.10 + 0.08 * draw[5]) * (0.7 + 0.6 * self._persona.expression)
                    dips = 1 + int(3 * rng.random())
                    self._pulses.append(_Pulse(_column(_PITCH), size, wait, half, 0, half, dips))
                if draw[3] < _BROW:
                    self._pulses.append(_Pulse(_BROWS, 0.45 + 0.35 * draw[5], wait, 4, 7, 10))
        if self._own.stressed and state in (State.SPEAK, State.BOTH):
            draw = rng.random(4)
            if draw[0] < _BEAT_PROBABILITY:
                self._pulses.append(_Pulse(_column(_PITCH), -(0.035 + 0.07 * draw[1]) * self._energy, 0, 3, 0, 6))
            if draw[2] < _ACCENT_PROBABILITY:
                self._pulses.append(_Pulse(_BROWS, 0.25 + 0.35 * draw[3], 0, 3, 1, 7))


def _column(index: int) -> slice:
    return slice(index, index + 1)


def frame_loudness(samples_A: NDArray[np.float32], *, first_frame: int = 0) -> NDArray[np.float32]:
    """Root mean square of each whole frame of a voice; ``samples_A`` begins with the frame ``first_frame``."""
    start = samples_at_frame(first_frame)
    edges = [0]
    while (edge := samples_at_frame(first_frame + len(edges)) - start) <= samples_A.shape[0]:
        edges.append(edge)
    if len(edges) == 1:
        return np.zeros(0, dtype=np.float32)
    power_F = np.add.reduceat(np.square(samples_A[: edges[-1]], dtype=np.float64), edges[:-1]) / np.diff(edges)
    return np.sqrt(power_F).astype(np.float32)
