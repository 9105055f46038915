"""Everything of a performance but the speaking mouth: what face and body do while somebody listens, speaks or waits.

Listening is caused by the partner's voice: ``cues.find_cues`` finds what may be answered, ``reactions.react`` says
how and when, and nothing else makes a listener react. What is felt is a track of its own (``feelings``); the face, the
eyes, the posture and the size of all movement follow it. Named actions are laid over everything at the end.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.record import Event
from openlpm.core.rig import NUM_RIG, RIG_HIGH_R, RIG_LOW_R, Rig, State
from openlpm.core.seeds import generator
from openlpm.synth.act.acting import overlay
from openlpm.synth.act.actions import ACTIONS
from openlpm.synth.act.body_motion import breathe, gesture, raise_shoulders
from openlpm.synth.act.eye_motion import BLINK_S, Eyes, Looking, move_eyes
from openlpm.synth.act.face_motion import raise_brows, show_feelings
from openlpm.synth.act.feelings import emotion_track
from openlpm.synth.act.gestures import FloatArray, drift, pulses
from openlpm.synth.act.happening import happening, in_clip
from openlpm.synth.act.head_motion import beat_shape, move_head
from openlpm.synth.act.listening import answer_with_body, answers_to, cues_in, nod
from openlpm.synth.act.moods import REST_ER, manner_of
from openlpm.synth.act.mouth_motion import frame_centres
from openlpm.synth.act.reactions import LENGTHS_S, Reaction, feelings_of, times_of
from openlpm.synth.act.situation import Situation, speaks
from openlpm.synth.act.turns import Turns, find_turns, turn_events
from openlpm.synth.act.vocal_motion import move_with_voice
from openlpm.synth.sound.vocal_kinds import VocalKind

_HEAD = (Rig.YAW, Rig.PITCH, Rig.ROLL, Rig.SHIFT_X, Rig.SHIFT_Y, Rig.LEAN)
_POSTURE = (Rig.GAZE_X, Rig.GAZE_Y, Rig.YAW, Rig.PITCH, Rig.ROLL, Rig.LEAN, Rig.SHOULDER, Rig.SWAY)
_LIDS = (Rig.BLINK_LEFT, Rig.BLINK_RIGHT)
_BEAT_PROBABILITY, _THINK_PROBABILITY, _MEETS_PROBABILITY = 0.4, 0.5, 0.8
_GESTURING = 0.3  # how many clips of ordinary people have hands in them
_EYES_AGAINST_HEAD = 0.9  # gaze a radian of yaw or pitch: with this a turned head still looks into the camera
_LATEST_START_S = 600.0  # the background is at any point of its motion
_IN_BREATH_S, _IN_BREATH_JAW = 0.3, 0.05


@final
@dataclass(frozen=True, slots=True)
class Behaviour:
    """``rig_FR`` with a mouth that does not speak, what is felt, and what happened."""

    rig_FR: NDArray[np.float32]
    emotion_FE: NDArray[np.float32]
    events: tuple[Event, ...]


def behave(situation: Situation) -> Behaviour:
    """The rig of a clip but for speech, and the events in it, in rising order; a pure function of its argument."""
    num_frames = situation.state_F.shape[0]
    times_F = frame_centres(num_frames)
    rng = generator("behaviour", situation.seed)
    turns = find_turns(situation.own, situation.partner, situation.broken_in_s)
    cues = cues_in(situation)
    reactions = answers_to(generator("reactions", situation.seed), situation, cues, times_F)
    emotion_FE = emotion_track(times_F, situation.lasting, (*situation.passing, *feelings_of(reactions)))
    manner = manner_of(emotion_FE)
    speaking_F = _soft(speaks(situation.state_F))
    rig_FR = np.zeros((num_frames, NUM_RIG))
    rig_FR[:, _POSTURE] = emotion_FE @ REST_ER[:, _POSTURE]
    rig_FR[:, Rig.TIME] = rng.uniform(0.0, _LATEST_START_S) + times_F
    beats = _move_body(rng, rig_FR, times_F, situation, manner)
    nods = nod(rng, rig_FR, times_F, situation, reactions)
    answer_with_body(rng, rig_FR, times_F, reactions)
    move_with_voice(rig_FR, times_F, situation.said)
    show_feelings(rng, rig_FR, times_F, emotion_FE, speaking_F)
    _move_brows(rng, rig_FR, times_F, situation, reactions, turns)
    eyes = _eyes(rng, situation, times_F, turns, reactions, manner)
    rig_FR[:, [Rig.GAZE_X, Rig.GAZE_Y]] += eyes.gaze_F2
    rig_FR[:, _LIDS] = np.maximum(rig_FR[:, _LIDS], eyes.blink_F[:, None])
    _breathe_in(rig_FR, times_F, turns)
    overlay(rig_FR, times_F, situation.acts, 1.0 - speaking_F)
    np.clip(rig_FR, RIG_LOW_R, RIG_HIGH_R, out=rig_FR)
    # Eyes turn in the head: to stay on something while the head moves they turn against it (vestibulo-ocular reflex).
    rig_FR[:, [Rig.GAZE_X, Rig.GAZE_Y]] -= _EYES_AGAINST_HEAD * rig_FR[:, [Rig.YAW, Rig.PITCH]]
    events = [
        *(happening(cue.kind, cue.at_s, cue.at_s) for cue in cues),
        *nods,
        *(
            happening(reaction.kind, reaction.at_s, reaction.at_s + LENGTHS_S[reaction.kind])
            for reaction in reactions
            if reaction.kind in LENGTHS_S
        ),
        *(happening("blink", onset, onset + BLINK_S) for onset in eyes.blink_K.tolist()),
        *beats,
        *(
            happening(f"voice:{sound.kind}", max(sound.start_s, 0.0), sound.end_s)
            for sound in situation.said
            if sound.kind != VocalKind.SPEECH and sound.end_s > 0.0
        ),
        *turn_events(turns, situation.hums),
        *(act.event(num_frames) for act in situation.acts),
    ]
    return Behaviour(
        np.clip(rig_FR, RIG_LOW_R, RIG_HIGH_R).astype(np.float32),
        emotion_FE.astype(np.float32),
        in_clip(events, num_frames),
    )


def _move_body(
    rng: np.random.Generator,
    rig_FR: FloatArray,
    times_F: FloatArray,
    situation: Situation,
    manner: dict[str, FloatArray],
) -> list[Event]:
    """Head, breath, shoulders, torso and arms; returns the beats and gestures that go with the words."""
    persona, stress_K = situation.persona, situation.stress_K
    energy_F = situation.energy * persona.energy * manner["energy"]
    rig_FR[:, _HEAD] += move_head(rng, times_F, situation.state_F, energy_F)
    beat_K = stress_K[rng.random(stress_K.shape[0]) < _BEAT_PROBABILITY]
    rig_FR[:, Rig.PITCH] += beat_shape(rng, times_F, beat_K, energy=situation.energy * persona.energy)
    rig_FR[:, Rig.BREATH] = breathe(rng, times_F, situation.own)
    rig_FR[:, Rig.SHOULDER] += raise_shoulders(rng, times_F, stress_K, rig_FR[:, Rig.BREATH])
    rig_FR[:, Rig.SWAY] += 0.12 * energy_F * drift(rng, times_F, 1, low_hz=0.05, high_hz=0.25)[:, 0]
    found = [happening("beat", beat - 0.12, beat + 0.31) for beat in beat_K.tolist()]
    if rng.random() < _GESTURING * 2 * persona.expression * float(manner["gesture"].mean()):
        stretches = gesture(rng, rig_FR, times_F, situation.own, stress_K)
        found += [happening("gesture", max(stretch.start_s, 0.0), stretch.end_s) for stretch in stretches]
    return found


def _move_brows(
    rng: np.random.Generator,
    rig_FR: FloatArray,
    times_F: FloatArray,
    situation: Situation,
    reactions: tuple[Reaction, ...],
    turns: Turns,
) -> None:
    """Brows that answer, stress words, and hand the turn over."""
    answers_K = times_of(reactions, "brow_raise")
    raised_K = np.concatenate([answers_K, turns.end_K - 0.1])
    size_K = rng.uniform(0.5, 0.85, size=raised_K.shape[0])
    size_K[answers_K.shape[0] :] *= 0.6
    raise_brows(rng, rig_FR, times_F, situation.stress_K, raised_K, size_K)


def _eyes(
    rng: np.random.Generator,
    situation: Situation,
    times_F: FloatArray,
    turns: Turns,
    reactions: tuple[Reaction, ...],
    manner: dict[str, FloatArray],
) -> Eyes:
    """Eyes that leave the camera to think before some turns and in pauses that are held, and come back to hand over.

    They meet a partner who begins to speak, and follow whatever startles.
    """
    thinks_K = rng.random(turns.start_K.shape[0]) < _THINK_PROBABILITY
    before_K = turns.start_K[thinks_K] - rng.uniform(0.15, 0.6, size=int(thinks_K.sum()))
    back_K = turns.start_K[thinks_K] + rng.uniform(0.3, 1.1, size=int(thinks_K.sum()))
    heard_K = np.array([phrase.start_s for phrase in situation.partner], dtype=np.float64)
    meets_K = heard_K[rng.random(heard_K.shape[0]) < _MEETS_PROBABILITY * min(situation.persona.eye_contact, 1.0)]
    startled_K = times_of(reactions, "startle", "taken_aback")
    persona_F = np.where(situation.state_F == State.IDLE, 1.0, min(situation.persona.eye_contact, 1.4))
    looking = Looking(
        state_F=situation.state_F,
        camera_F=manner["camera"] * persona_F,
        blinks_F=manner["blinks"],
        averted_K=np.concatenate([before_K, turns.hold_start_H - 0.05]),
        met_K=np.concatenate([back_K, turns.hold_end_H + 0.25, turns.end_K - 0.3, meets_K + 0.25, startled_K]),
        startled_K=startled_K + 0.02,
        unblinking=tuple(
            (act.start_s, act.end_s) for act in situation.acts if Rig.BLINK_LEFT in ACTIONS[act.action].motion
        ),
    )
    return move_eyes(rng, times_F, looking)


def _breathe_in(rig_FR: FloatArray, times_F: FloatArray, turns: Turns) -> None:
    """Lips that part a little with the breath before a turn."""
    parted_F = pulses(
        times_F, turns.start_K - _IN_BREATH_S, np.full(turns.start_K.shape, _IN_BREATH_JAW),
        attack_s=0.18, hold_s=_IN_BREATH_S - 0.18, release_s=0.12,
    )  # fmt: skip
    rig_FR[:, Rig.JAW] += parted_F


def _soft(flag_F: NDArray[np.bool_]) -> FloatArray:
    """A flag with edges of about a third of a second."""
    return np.convolve(np.pad(flag_F.astype(np.float64), 4, mode="edge"), np.hanning(11)[1:-1] / 5.0, mode="valid")
