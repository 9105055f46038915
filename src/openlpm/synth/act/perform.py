"""A performance from two seeds: voices, mouth, face, head, state and caption, with exact ground truth."""

import numpy as np

from openlpm.core.emotion import EMOTIONS
from openlpm.core.errors import ConfigError
from openlpm.core.record import PerformanceRecord
from openlpm.core.seeds import generator
from openlpm.core.units import AUDIO_RATE_HZ, FRAME_RATE_HZ, samples_at_frame
from openlpm.synth.act.dialogue import ClipKind, plan_dialogue
from openlpm.synth.act.enact import Performance, Role, enact_and_tell
from openlpm.synth.act.feelings import Feeling, felt_at, run_course
from openlpm.synth.act.sounding import track
from openlpm.synth.act.speaker import MoodAt
from openlpm.synth.act.style import ClipStyle, draw_style
from openlpm.synth.sound.speech_bank import SpeechBank
from openlpm.synth.sound.traps import trap_sound

__all__ = ["ClipStyle", "draw_style", "perform", "perform_and_tell"]

_PARTNER_NEUTRAL, _PARTNER_STEADY = 0.3, 0.75
_ATTENTIVE_ENOUGH, _BOREDOM = 0.3, 0.7


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

    It is that of ``perform_and_tell``, whose errors it raises.
    """
    return perform_and_tell(
        identity_seed, clip_seed, bank, num_frames=num_frames, style=style, appearance=appearance
    ).record


def perform_and_tell(
    identity_seed: int,
    clip_seed: int,
    bank: SpeechBank,
    *,
    num_frames: int,
    style: ClipStyle | None = None,
    appearance: str = "",
) -> Performance:
    """A clip of the performer ``identity_seed``, and what there is to tell of its parts; the same every time.

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
    lasting = mood_of_clip(rng, style, num_frames)
    plan = plan_dialogue(rng, bank, style.kind, num_samples, (said_in(lasting), _partner_mood(rng, num_samples)))
    speak_A = track(bank, plan.own, num_samples) * np.float32(rng.uniform(0.6, 1.0))
    listen_A = track(bank, plan.partner, num_samples) * np.float32(rng.uniform(0.5, 1.0))
    if style.kind == ClipKind.TRAP or style.disturbed:
        listen_A = np.clip(listen_A + trap_sound(generator("trap", clip_seed), num_samples, bank=bank), -1.0, 1.0)
    role = Role(
        identity_seed=identity_seed,
        clip_seed=clip_seed,
        num_frames=num_frames,
        style=style,
        plan=plan,
        lasting=lasting,
        speak_A=speak_A,
        listen_A=listen_A,
        appearance=appearance,
    )
    return enact_and_tell(rng, role, bank)


def mood_of_clip(rng: np.random.Generator, style: ClipStyle, num_frames: int) -> tuple[Feeling, ...]:
    """The lasting feelings of a clip of the given style."""
    course = run_course(rng, style.course, (style.mood, style.second_mood), style.intensity, num_frames / FRAME_RATE_HZ)
    return course + _boredom(style)


def said_in(lasting: tuple[Feeling, ...]) -> MoodAt:
    """The emotion that somebody who feels ``lasting`` speaks in."""
    return lambda sample: felt_at(lasting, sample / AUDIO_RATE_HZ)


def _boredom(style: ClipStyle) -> tuple[Feeling, ...]:
    """Who does not attend looks bored."""
    lack = 1.0 - style.persona.attention / _ATTENTIVE_ENOUGH
    return (Feeling(emotion="bored", intensity=_BOREDOM * lack),) if lack > 0 else ()


def _partner_mood(rng: np.random.Generator, num_samples: int) -> MoodAt:
    """The partner's mood: neutral, an emotion, or one after another."""
    draw = rng.random()
    first, second = (EMOTIONS[1 + int(index)] for index in rng.integers(0, len(EMOTIONS) - 1, size=2))
    turn = int(rng.uniform(0.3, 0.7) * num_samples)
    if draw < _PARTNER_NEUTRAL:
        return lambda sample: EMOTIONS[0]
    return lambda sample: first if draw < _PARTNER_STEADY or sample < turn else second
