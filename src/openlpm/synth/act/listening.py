"""Listening: which cues reach the performer, what they cause, and how the body answers."""

import numpy as np

from openlpm.core.record import Event
from openlpm.core.rig import Rig
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.synth.act.body_motion import shake_shape
from openlpm.synth.act.cues import Cue, Said, find_cues
from openlpm.synth.act.feelings import emotion_track
from openlpm.synth.act.gestures import FloatArray
from openlpm.synth.act.happening import happening
from openlpm.synth.act.head_motion import jolt_shape, nod_shape, tilt_shape
from openlpm.synth.act.moods import manner_of
from openlpm.synth.act.reactions import LENGTHS_S, Reaction, react, times_of
from openlpm.synth.act.situation import Situation, speaks


def cues_in(situation: Situation) -> tuple[Cue, ...]:
    """What may be answered: cues in the clip while the performer is quiet, and an interruption."""
    num_frames = situation.state_F.shape[0]
    quiet_F = ~speaks(situation.state_F)
    cues = [
        cue
        for cue in find_cues(situation.heard, situation.partner)
        if 0.0 <= cue.at_s < num_frames / FRAME_RATE_HZ and quiet_F[int(cue.at_s * FRAME_RATE_HZ)]
    ]
    cues += [Cue(kind="partner_interrupts", at_s=at_s) for at_s in situation.broken_in_s]
    return tuple(cues)


def answers_to(
    rng: np.random.Generator, situation: Situation, cues: tuple[Cue, ...], times_F: FloatArray
) -> tuple[Reaction, ...]:
    """What the performer does because of ``cues``, as long as it is quiet."""
    if not cues:
        return ()
    mood_FE = emotion_track(times_F, situation.lasting, situation.passing)
    warmth = float(manner_of(mood_FE)["warmth"].mean())
    tones = tuple(_tone_at(situation.heard, cue.at_s) for cue in cues)
    reactions = react(rng, cues, situation.persona, warmth, tones)
    # Who has begun to speak no longer listens; who is interrupted is quiet by then.
    speaks_F = speaks(situation.state_F)
    last = speaks_F.shape[0] - 1
    return tuple(
        reaction
        for reaction in reactions
        if reaction.kind == "taken_aback" or not speaks_F[min(int(reaction.at_s * FRAME_RATE_HZ), last)]
    )


def _tone_at(heard: tuple[Said, ...], time_s: float) -> str:
    """The tone of what was said last."""
    tone = "neutral"
    for said in heard:
        if said.start_s < time_s:
            tone = said.emotion
    return tone


def nod(
    rng: np.random.Generator,
    rig_FR: FloatArray,
    times_F: FloatArray,
    situation: Situation,
    reactions: tuple[Reaction, ...],
) -> list[Event]:
    """Add all nods; returns their events. Hums come with a nod of their own."""
    hum_K = np.array([hum.start_s for hum in situation.hums], dtype=np.float64)
    found: list[Event] = []
    for slow, kind, onset_K in (
        (False, "nod", times_of(reactions, "nod")),
        (False, "nod", hum_K),
        (True, "slow_nod", times_of(reactions, "slow_nod")),
    ):
        pitch_F, length_K = nod_shape(rng, times_F, onset_K, slow=slow)
        rig_FR[:, Rig.PITCH] += pitch_F * (0.7 + 0.6 * situation.persona.expression)
        found += [
            happening(kind, onset, onset + length)
            for onset, length in zip(onset_K.tolist(), length_K.tolist(), strict=True)
        ]
    return found


def answer_with_body(
    rng: np.random.Generator, rig_FR: FloatArray, times_F: FloatArray, reactions: tuple[Reaction, ...]
) -> None:
    """Add tilts of concern, jolts of surprise and shoulders that laugh along."""
    tilts_F = tilt_shape(rng, times_F, times_of(reactions, "head_tilt", "concern"))
    rig_FR[:, Rig.ROLL] += tilts_F
    jolted = [reaction for reaction in reactions if reaction.kind in ("startle", "recoil", "taken_aback")]
    if jolted:
        onset_K = np.array([reaction.at_s for reaction in jolted])
        jolt_F = jolt_shape(times_F, onset_K, np.array([reaction.size for reaction in jolted]))
        for channel, size in ((Rig.LEAN, -0.55), (Rig.PITCH, 0.09), (Rig.SHIFT_Y, 0.15), (Rig.SHOULDER, 0.35)):
            rig_FR[:, channel] += size * jolt_F
    shake_F = shake_shape(times_F, times_of(reactions, "laugh_along"), LENGTHS_S["laugh_along"])
    rig_FR[:, Rig.SHOULDER] += 0.3 * shake_F
    rig_FR[:, Rig.SHIFT_Y] += 0.06 * shake_F
