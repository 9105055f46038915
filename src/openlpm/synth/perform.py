"""A performance from two seeds: voices, mouth, face, head, state and caption, with exact ground truth."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from openlpm.core.emotion import EMOTIONS
from openlpm.core.errors import ConfigError
from openlpm.core.record import PerformanceRecord, Truth
from openlpm.core.rig import MOUTH_CHANNELS, VISEMES, State
from openlpm.core.seeds import Split, generator
from openlpm.core.units import AUDIO_RATE_HZ, FRAME_RATE_HZ, samples_at_frame
from openlpm.synth.acting import place_acts
from openlpm.synth.behaviour import RIG_HIGH_R, RIG_LOW_R, behave
from openlpm.synth.captions import caption
from openlpm.synth.content import Content, content_of
from openlpm.synth.cues import Phrase, Said, phrases
from openlpm.synth.dialogue import ClipKind, plan_dialogue, said_by
from openlpm.synth.feelings import Feeling, felt_at, run_course
from openlpm.synth.gestures import FloatArray
from openlpm.synth.mouth_motion import VisemeSpans, loudness, mouth_motion
from openlpm.synth.situation import Situation, speaks
from openlpm.synth.sounding import track, viseme_spans
from openlpm.synth.speaker import MoodAt
from openlpm.synth.speech_bank import SpeechBank
from openlpm.synth.style import ClipStyle, draw_style
from openlpm.synth.traps import trap_sound
from openlpm.synth.vocal_kinds import VocalKind

__all__ = ["ClipStyle", "draw_style", "perform"]

_TURN_PAUSE_S = 0.6  # shorter silences are part of a turn
_LISTEN_ON_S = 1.2  # a listener stays one for this long after the partner's last word
_NUM_MOUTH = len(MOUTH_CHANNELS)
_HUMS = (VocalKind.MM_HM, VocalKind.BACKCHANNEL)
_PARTNER_NEUTRAL, _PARTNER_STEADY = 0.3, 0.75
_TAKES_OVER = 8.0  # speech owns the mouth from an eighth of full movement on
_SAYS_REACTIONS, _SAYS_HEARD_MOOD = 0.5, 0.6  # how often a caption says what can be heard
_ATTENTIVE_ENOUGH, _BOREDOM = 0.3, 0.7
_VOICE_INTENSITY = (0.6, 1.0)


def perform(
    identity_seed: int,
    clip_seed: int,
    bank: SpeechBank,
    *,
    num_frames: int,
    style: ClipStyle | None = None,
    appearance: str = "",
) -> PerformanceRecord:
    """One clip of the performer ``identity_seed``; the same arguments always give the same record.

    A performer has as many clips as there are ``clip_seed``s, and a clip is the same for every performer but for
    the name. ``appearance``, such as ``identity.describe`` gives, is what the caption says of the looks.

    Raises:
        ConfigError: ``num_frames`` is less than one second, or the bank has a single voice.
    """
    if num_frames < FRAME_RATE_HZ:
        raise ConfigError(f"num_frames={num_frames}: a performance needs at least {FRAME_RATE_HZ} frames")
    style = style or draw_style(clip_seed)
    num_samples = samples_at_frame(num_frames)
    rng = generator("perform", clip_seed)
    lasting = run_course(
        rng, style.course, (style.mood, style.second_mood), style.intensity, num_frames / FRAME_RATE_HZ
    )
    lasting += _boredom(style)
    plan = plan_dialogue(rng, bank, style.kind, num_samples, (_mood_of(lasting), _partner_mood(rng, num_samples)))
    speak_A = track(bank, plan.own, num_samples) * np.float32(rng.uniform(0.6, 1.0))
    listen_A = track(bank, plan.partner, num_samples) * np.float32(rng.uniform(0.5, 1.0))
    if style.kind == ClipKind.TRAP or style.disturbed:
        listen_A = np.clip(listen_A + trap_sound(generator("trap", clip_seed), num_samples, bank=bank), -1.0, 1.0)
    spans, heard = viseme_spans(bank, plan.own), viseme_spans(bank, plan.partner)
    loudness_F = loudness(speak_A, num_frames)
    mouth = mouth_motion(spans, loudness_F, articulation=style.articulation)
    own, partner = _phrases(spans), _phrases(heard)
    state_F = _states(own, partner, num_frames)
    said = said_by(bank, plan.own)
    behaviour = behave(
        Situation(
            seed=str(clip_seed),
            state_F=state_F,
            own=own,
            partner=partner,
            said=said,
            heard=said_by(bank, plan.partner),
            stress_K=_stressed_peaks(spans, loudness_F),
            lasting=lasting,
            passing=_feelings_of_voice(rng, said),
            energy=style.energy,
            persona=style.persona,
            acts=place_acts(rng, style.actions, speaks(state_F)) if style.actions else (),
            hums=tuple(Phrase(one.start_s, one.end_s) for one in said if one.kind in _HUMS and one.start_s > 0),
            broken_in_s=plan.broken_in_s,
        )
    )
    _speak(behaviour.rig_FR, mouth.mouth_F6)
    truth = Truth(
        seed=identity_seed,
        rig_FR=behaviour.rig_FR,
        viseme_F=mouth.viseme_F,
        events=behaviour.events,
        emotion_FE=behaviour.emotion_FE,
    )
    return PerformanceRecord(
        clip_id=f"synth-{identity_seed:06d}-{clip_seed}",
        identity=f"seed:{identity_seed}",
        num_frames=num_frames,
        speak_A=speak_A,
        listen_A=listen_A,
        state_F=state_F,
        caption=caption(
            _worth_saying(rng, content_of(style, state_F, truth, appearance=appearance), said),
            seed=clip_seed,
            held_out=is_held_out(bank.split, clip_seed),
        ),
        truth=truth,
    )


def is_held_out(split: Split, clip_seed: int) -> bool:
    """Whether the caption of a clip uses held-out words: half of those that are not for training do."""
    return split != Split.TRAIN and clip_seed % 2 == 1


def _worth_saying(rng: np.random.Generator, content: Content, said: tuple[Said, ...]) -> Content:
    """``content``, often without what can be heard: the answers to a voice, and the mood of the performer's own."""
    draw = rng.random(2)
    heard = any(one.emotion != EMOTIONS[0] for one in said)
    return replace(
        content,
        reactions=content.reactions if draw[0] < _SAYS_REACTIONS else (),
        moods=content.moods if draw[1] < _SAYS_HEARD_MOOD or not heard else (),
    )


def _speak(rig_FR: NDArray[np.float32], mouth_F6: NDArray[np.float32]) -> None:
    """Let speech take the mouth of ``rig_FR`` over, as far as it moves."""
    rest_F6 = rig_FR[:, :_NUM_MOUTH]
    idle_F = np.maximum(1.0 - _TAKES_OVER * np.abs(mouth_F6).max(axis=1), 0.0)
    rest_F6 *= idle_F[:, None]
    rest_F6 += mouth_F6
    np.clip(rest_F6, RIG_LOW_R[:_NUM_MOUTH], RIG_HIGH_R[:_NUM_MOUTH], out=rest_F6)


def _boredom(style: ClipStyle) -> tuple[Feeling, ...]:
    """Who does not attend looks bored."""
    lack = 1.0 - style.persona.attention / _ATTENTIVE_ENOUGH
    return (Feeling(emotion="bored", intensity=_BOREDOM * lack),) if lack > 0 else ()


def _mood_of(lasting: tuple[Feeling, ...]) -> MoodAt:
    return lambda sample: felt_at(lasting, sample / AUDIO_RATE_HZ)


def _partner_mood(rng: np.random.Generator, num_samples: int) -> MoodAt:
    """The partner's mood: neutral, an emotion, or one after another."""
    draw = rng.random()
    first, second = (EMOTIONS[1 + int(index)] for index in rng.integers(0, len(EMOTIONS) - 1, size=2))
    turn = int(rng.uniform(0.3, 0.7) * num_samples)
    if draw < _PARTNER_NEUTRAL:
        return lambda sample: EMOTIONS[0]
    return lambda sample: first if draw < _PARTNER_STEADY or sample < turn else second


def _feelings_of_voice(rng: np.random.Generator, said: tuple[Said, ...]) -> tuple[Feeling, ...]:
    """What the performer's own voice expresses shows on the face for as long as it sounds."""
    return tuple(
        Feeling(
            emotion=one.emotion,
            intensity=float(rng.uniform(*_VOICE_INTENSITY)),
            start_s=one.start_s - 0.35,
            end_s=one.end_s + 0.2,
            attack_s=0.5,
            release_s=0.9,
        )
        for one in said
        if one.emotion != "neutral"
    )


def _phrases(spans: VisemeSpans) -> tuple[Phrase, ...]:
    voiced = spans.viseme_S != VISEMES.index("sil")
    return phrases(spans.start_S[voiced], spans.end_S[voiced])


def _states(own: tuple[Phrase, ...], partner: tuple[Phrase, ...], num_frames: int) -> NDArray[np.int8]:
    speaks_F, hears_F = _covered(own, num_frames, 0.0), _covered(partner, num_frames, 0.0)
    attends_F = _covered(partner, num_frames, _LISTEN_ON_S)
    state_F = np.where(
        speaks_F, np.where(hears_F, State.BOTH, State.SPEAK), np.where(attends_F, State.LISTEN, State.IDLE)
    )
    return state_F.astype(np.int8)


def _covered(stretches: tuple[Phrase, ...], num_frames: int, after_s: float) -> NDArray[np.bool_]:
    """Frames inside a turn: phrases, the short silences between them, and ``after_s`` after each."""
    covered_F = np.zeros(num_frames, dtype=np.bool_)
    for index, phrase in enumerate(stretches):
        end_s = phrase.end_s + after_s
        if index + 1 < len(stretches) and stretches[index + 1].start_s - phrase.end_s < max(_TURN_PAUSE_S, after_s):
            end_s = stretches[index + 1].start_s
        first = max(int(np.floor(phrase.start_s * FRAME_RATE_HZ)), 0)
        covered_F[first : max(int(np.ceil(end_s * FRAME_RATE_HZ)), 0)] = True
    return covered_F


def _stressed_peaks(spans: VisemeSpans, loudness_F: NDArray[np.float32]) -> FloatArray:
    """Middles of stressed vowels that are loud and stand at least 0.3 s apart."""
    middle_K = (0.5 * (spans.start_S + spans.end_S))[spans.stressed_S]
    frame_K = np.clip(middle_K * FRAME_RATE_HZ, 0, loudness_F.shape[0] - 1).astype(np.int64)
    inside_K = (middle_K >= 0) & (middle_K * FRAME_RATE_HZ < loudness_F.shape[0])
    loud_K = middle_K[inside_K & (loudness_F[frame_K] > 0.6)]
    kept: list[float] = []
    for time in loud_K.tolist():
        if not kept or time - kept[-1] >= 0.3:
            kept.append(time)
    return np.array(kept)
