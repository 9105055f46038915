"""Everything of a performance but the mouth: what a face and a head do while somebody listens, speaks or waits.

Listening is caused by the partner's voice: each end of a phrase (``reactions.PAUSE_S`` of silence) is a cue, and nods,
smiles and brows of a listener start 0.25 to 0.75 s after a cue and at no other time.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.record import Event
from openlpm.core.rig import NUM_RIG, Rig, State
from openlpm.core.seeds import generator
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.synth.eye_motion import Eyes, move_eyes
from openlpm.synth.gestures import FloatArray, drift, pulses
from openlpm.synth.head_motion import beat_shape, breathe, move_head, nod_shape
from openlpm.synth.moods import MOODS, Mood
from openlpm.synth.mouth_motion import frame_centres
from openlpm.synth.reactions import Phrase, Reactions, react

_LOW = dict.fromkeys(Rig, 0.0) | {
    Rig.WIDTH: -1.0, Rig.SMILE: -1.0, Rig.GAZE_X: -1.0, Rig.GAZE_Y: -1.0, Rig.BROW_LEFT: -1.0, Rig.BROW_RIGHT: -1.0,
    Rig.FURROW: -1.0, Rig.YAW: -0.6, Rig.PITCH: -0.4, Rig.ROLL: -0.35, Rig.SHIFT_X: -1.0, Rig.SHIFT_Y: -1.0,
    Rig.LEAN: -1.0,
}  # fmt: skip
_HIGH = dict.fromkeys(Rig, 1.0) | {Rig.YAW: 0.6, Rig.PITCH: 0.4, Rig.ROLL: 0.35}
RIG_LOW_R: NDArray[np.float32] = np.array([_LOW[channel] for channel in Rig], dtype=np.float32)
"""The least value of each channel of the rig."""
RIG_HIGH_R: NDArray[np.float32] = np.array([_HIGH[channel] for channel in Rig], dtype=np.float32)
"""The greatest value of each channel of the rig."""

_SMILE_PULSE = {"attack_s": 0.3, "hold_s": 0.7, "release_s": 0.8}
_BROW_PULSE = {"attack_s": 0.16, "hold_s": 0.3, "release_s": 0.4}
_ACCENT_PULSE = {"attack_s": 0.13, "hold_s": 0.06, "release_s": 0.3}
_BEAT_PROBABILITY, _ACCENT_PROBABILITY = 0.4, 0.3
_THINK_PROBABILITY = 0.5
_EYES_AGAINST_HEAD = 0.9  # gaze a radian of yaw or pitch: with this a turned head still looks into the camera


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Situation:
    """What goes on around and inside the performer; times in seconds from the clip's start."""

    seed: str
    """Names the random streams of the clip."""
    state_F: NDArray[np.int8]
    own: tuple[Phrase, ...]
    partner: tuple[Phrase, ...]
    stress_K: FloatArray
    """Middles of the performer's own stressed, loud syllables."""
    mood: str
    intensity: float
    """0 to 1: how strongly the mood shows."""
    energy: float
    """Scale of movement, about 0.7 to 1.3."""


@final
@dataclass(frozen=True, slots=True)
class Behaviour:
    """``rig_FR`` with its mouth channels at rest, and what happened in it."""

    rig_FR: NDArray[np.float32]
    events: tuple[Event, ...]


def behave(situation: Situation) -> Behaviour:
    """The rig of a clip but for the mouth, and the events in it, in rising order; a pure function of its argument."""
    num_frames = situation.state_F.shape[0]
    times_F = frame_centres(num_frames)
    mood, energy = MOODS[situation.mood], situation.energy * MOODS[situation.mood].energy
    cue_K = _cues(situation, num_frames)
    reactions = react(_stream(situation, "react"), cue_K, warmth=mood.warmth)
    eyes = _eyes(situation, times_F)
    head_FC = move_head(
        _stream(situation, "head"), times_F, situation.state_F, energy=energy, pitch=mood.pitch * situation.intensity
    )
    nod_F, nod_length_K = nod_shape(_stream(situation, "nod"), times_F, reactions.nod_K)
    beat_rng = _stream(situation, "beat")
    beat_K = situation.stress_K[beat_rng.random(situation.stress_K.shape[0]) < _BEAT_PROBABILITY]
    head_FC[:, 1] += nod_F + beat_shape(beat_rng, times_F, beat_K, energy=energy)
    rig_FR = np.zeros((num_frames, NUM_RIG))
    rig_FR[:, [Rig.YAW, Rig.PITCH, Rig.ROLL, Rig.SHIFT_X, Rig.SHIFT_Y, Rig.LEAN]] = head_FC
    _face(situation, rig_FR, times_F, reactions, mood)
    # Eyes turn in the head: to stay on something while the head moves they turn against it (vestibulo-ocular reflex).
    rig_FR[:, [Rig.GAZE_X, Rig.GAZE_Y]] = eyes.gaze_F2 - _EYES_AGAINST_HEAD * head_FC[:, :2]
    lids_F = np.maximum(eyes.blink_F, mood.lids * situation.intensity)
    rig_FR[:, [Rig.BLINK_LEFT, Rig.BLINK_RIGHT]] = lids_F[:, None]
    breath_rng = _stream(situation, "breath")
    rig_FR[:, Rig.BREATH] = breathe(breath_rng, times_F, situation.own)
    rig_FR[:, Rig.SHOULDER] = _shoulders(breath_rng, situation, rig_FR[:, Rig.BREATH], times_F)
    events = [
        *_events("partner_phrase_end", cue_K, np.zeros_like(cue_K), num_frames),
        *_events("nod", reactions.nod_K, nod_length_K, num_frames),
        *_events("smile", reactions.smile_K, sum(_SMILE_PULSE.values()), num_frames),
        *_events("brow_raise", reactions.brow_K, sum(_BROW_PULSE.values()), num_frames),
        *_events("blink", eyes.blink_K, 0.28, num_frames),
        *_events("beat", beat_K - 0.12, 0.43, num_frames),
        *_events("turn_start", np.array([phrase.start_s for phrase in _turns(situation.own)]), 0.0, num_frames),
    ]
    return Behaviour(
        np.clip(rig_FR, RIG_LOW_R, RIG_HIGH_R).astype(np.float32),
        tuple(sorted(events, key=lambda event: (event.start_frame, event.kind))),
    )


def _stream(situation: Situation, part: str) -> np.random.Generator:
    return generator("behaviour", situation.seed, part)


def _cues(situation: Situation, num_frames: int) -> FloatArray:
    """Ends of the partner's phrases that fall into the clip while the performer is not speaking."""
    ends = [phrase.end_s for phrase in situation.partner if 0.0 <= phrase.end_s < num_frames / FRAME_RATE_HZ]
    quiet = (State.LISTEN, State.IDLE)
    return np.array([end for end in ends if situation.state_F[int(end * FRAME_RATE_HZ)] in quiet])


def _turns(own: tuple[Phrase, ...]) -> list[Phrase]:
    """Phrases that begin a turn: those after a second of silence or more."""
    return [phrase for index, phrase in enumerate(own) if index == 0 or phrase.start_s - own[index - 1].end_s > 1.0]


def _eyes(situation: Situation, times_F: FloatArray) -> Eyes:
    """Eyes that leave the camera before some turns (to think) and come back early in them, and meet each cue."""
    rng = _stream(situation, "eyes")
    start_K = np.array([turn.start_s for turn in _turns(situation.own)])
    thinks_K = rng.random(start_K.shape[0]) < _THINK_PROBABILITY
    averted_K = start_K[thinks_K] - rng.uniform(0.15, 0.6, size=int(thinks_K.sum()))
    back_K = start_K[thinks_K] + rng.uniform(0.3, 1.1, size=int(thinks_K.sum()))
    return move_eyes(rng, times_F, situation.state_F, averted_K, back_K)


def _face(situation: Situation, rig_FR: FloatArray, times_F: FloatArray, reactions: Reactions, mood: Mood) -> None:
    """Smile, lower lids, wide eyes, brows and furrow, written into ``rig_FR``."""
    rng = _stream(situation, "face")
    swell_F4 = 1.0 + 0.15 * drift(rng, times_F, 4, low_hz=0.05, high_hz=0.3)
    base_F4 = situation.intensity * np.clip(swell_F4, 0.5, 1.5)
    idle_F4 = drift(rng, times_F, 4, low_hz=0.08, high_hz=0.5)
    smiles_F = _pulsed(rng, times_F, reactions.smile_K, (0.45, 0.75), _SMILE_PULSE)
    brows_F = _pulsed(rng, times_F, reactions.brow_K, (0.5, 0.85), _BROW_PULSE)
    accented_K = rng.random(situation.stress_K.shape[0]) < _ACCENT_PROBABILITY
    accents_F = _pulsed(rng, times_F, situation.stress_K[accented_K] - 0.1, (0.25, 0.6), _ACCENT_PULSE)
    speaking_F = _soft(np.isin(situation.state_F, (State.SPEAK, State.BOTH)))
    # A speaking mouth cannot hold the whole smile.
    rig_FR[:, Rig.SMILE] = (mood.smile * base_F4[:, 0]) * (1 - 0.25 * speaking_F) + smiles_F + 0.05 * idle_F4[:, 0]
    rig_FR[:, Rig.SQUINT] = mood.squint * base_F4[:, 1] + 0.5 * smiles_F
    rig_FR[:, Rig.WIDEN] = mood.widen * base_F4[:, 2] + 0.35 * brows_F
    raised_F = mood.brow * base_F4[:, 2] + np.maximum(brows_F, accents_F) * 0.9
    rig_FR[:, Rig.BROW_LEFT] = raised_F + 0.07 * idle_F4[:, 1]
    rig_FR[:, Rig.BROW_RIGHT] = raised_F * rng.uniform(0.8, 1.0) + 0.07 * idle_F4[:, 2]
    rig_FR[:, Rig.FURROW] = mood.furrow * base_F4[:, 3] + 0.05 * idle_F4[:, 3]


def _pulsed(
    rng: np.random.Generator,
    times_F: FloatArray,
    onset_K: FloatArray,
    size: tuple[float, float],
    shape: dict[str, float],
) -> FloatArray:
    size_K = rng.uniform(*size, size=onset_K.shape[0])
    return pulses(
        times_F, onset_K, size_K, attack_s=shape["attack_s"], hold_s=shape["hold_s"], release_s=shape["release_s"]
    )


def _soft(flag_F: NDArray[np.bool_]) -> FloatArray:
    """A flag with edges of about a third of a second."""
    return np.convolve(np.pad(flag_F.astype(np.float64), 4, mode="edge"), np.hanning(11)[1:-1] / 5.0, mode="valid")


def _shoulders(rng: np.random.Generator, situation: Situation, breath_F: FloatArray, times_F: FloatArray) -> FloatArray:
    shrug_K = situation.stress_K[rng.random(situation.stress_K.shape[0]) < 0.03]
    shrugs_F = _pulsed(rng, times_F, shrug_K - 0.15, (0.4, 0.8), {"attack_s": 0.25, "hold_s": 0.15, "release_s": 0.45})
    return 0.08 * breath_F + shrugs_F + np.abs(0.03 * drift(rng, times_F, 1, low_hz=0.05, high_hz=0.3)[:, 0])


def _events(kind: str, onset_K: FloatArray, length: FloatArray | float, num_frames: int) -> list[Event]:
    """Events that begin inside the clip; each lasts at least a frame."""
    length_K = np.broadcast_to(np.asarray(length, dtype=np.float64), onset_K.shape)
    found: list[Event] = []
    for onset, length_s in zip(onset_K.tolist(), length_K.tolist(), strict=True):
        start = int(np.floor(onset * FRAME_RATE_HZ))
        if 0 <= start < num_frames:
            end = min(max(int(np.ceil((onset + length_s) * FRAME_RATE_HZ)), start + 1), num_frames)
            found.append(Event(kind=kind, start_frame=start, end_frame=end))
    return found
