"""A performance from two seeds: voices, mouth, face, head, state and caption, with exact ground truth."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.core.record import Event, PerformanceRecord, Truth
from openlpm.core.rig import MOUTH_CHANNELS, VISEMES, State
from openlpm.core.seeds import generator
from openlpm.core.units import AUDIO_RATE_HZ, FRAME_RATE_HZ, samples_at_frame
from openlpm.synth.behaviour import RIG_HIGH_R, RIG_LOW_R, Situation, behave
from openlpm.synth.dialogue import ClipKind, plan_dialogue, track, viseme_spans
from openlpm.synth.gestures import FloatArray
from openlpm.synth.moods import MOODS
from openlpm.synth.mouth_motion import VisemeSpans, loudness, mouth_motion
from openlpm.synth.reactions import Phrase, phrases
from openlpm.synth.speech_bank import SpeechBank

_KIND_WEIGHTS = {
    ClipKind.SPEAK: 0.30, ClipKind.LISTEN: 0.15, ClipKind.IDLE: 0.07, ClipKind.LISTEN_THEN_SPEAK: 0.16,
    ClipKind.SPEAK_THEN_LISTEN: 0.10, ClipKind.DIALOGUE: 0.12, ClipKind.OVERLAP: 0.06, ClipKind.TRAP: 0.04,
}  # fmt: skip
_MOOD_WEIGHTS = {"neutral": 0.4, "happy": 0.2, "sad": 0.1, "angry": 0.1, "surprised": 0.1, "thoughtful": 0.1}
_TURN_PAUSE_S = 0.6  # shorter silences are part of a turn
_LISTEN_ON_S = 1.2  # a listener stays one for this long after the partner's last word
_REACTION_VERBS = {"nod": "nods", "smile": "smiles", "brow_raise": "raises the brows"}
_NUM_MOUTH = len(MOUTH_CHANNELS)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ClipStyle:
    """What a clip is like; ``draw_style`` draws one from a seed."""

    kind: ClipKind
    mood: str = "neutral"
    """A key of ``synth.moods.MOODS``."""
    intensity: float = 0.8
    """0 to 1: how strongly the mood shows."""
    energy: float = 1.0
    """Scale of head and body movement, 0 to 2."""
    articulation: float = 1.0
    """Scale of the jaw, 0.5 to 1.5."""

    def __post_init__(self) -> None:
        if self.mood not in MOODS:
            raise ConfigError(f"mood={self.mood!r}: choose one of {', '.join(MOODS)}")
        for name, value, low, high in (
            ("intensity", self.intensity, 0.0, 1.0),
            ("energy", self.energy, 0.0, 2.0),
            ("articulation", self.articulation, 0.5, 1.5),
        ):
            if not low <= value <= high:
                raise ConfigError(f"{name}={value}: choose {low} to {high}")


def draw_style(clip_seed: int) -> ClipStyle:
    """The style of a clip that was given none."""
    rng = generator("style", clip_seed)
    return ClipStyle(
        kind=list(_KIND_WEIGHTS)[int(rng.choice(len(_KIND_WEIGHTS), p=list(_KIND_WEIGHTS.values())))],
        mood=list(_MOOD_WEIGHTS)[int(rng.choice(len(_MOOD_WEIGHTS), p=list(_MOOD_WEIGHTS.values())))],
        intensity=float(rng.uniform(0.55, 1.0)),
        energy=float(rng.uniform(0.75, 1.25)),
        articulation=float(rng.uniform(0.85, 1.15)),
    )


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
    the name. ``appearance`` is the beginning of the caption, such as ``identity.describe`` gives.

    Raises:
        ConfigError: ``num_frames`` is less than one second, or the bank has a single voice.
    """
    if num_frames < FRAME_RATE_HZ:
        raise ConfigError(f"num_frames={num_frames}: a performance needs at least {FRAME_RATE_HZ} frames")
    style = style or draw_style(clip_seed)
    num_samples = samples_at_frame(num_frames)
    rng = generator("perform", clip_seed)
    plan = plan_dialogue(rng, bank, style.kind, num_samples)
    speak_A = track(bank, plan.own, num_samples) * np.float32(rng.uniform(0.6, 1.0))
    listen_A = track(bank, plan.partner, num_samples) * np.float32(rng.uniform(0.5, 1.0))
    if style.kind == ClipKind.TRAP:
        listen_A = trap_sound(rng, num_samples)
    spans, heard = viseme_spans(bank, plan.own), viseme_spans(bank, plan.partner)
    loudness_F = loudness(speak_A, num_frames)
    mouth = mouth_motion(spans, loudness_F, articulation=style.articulation)
    own, partner = _phrases(spans), _phrases(heard)
    state_F = _states(own, partner, num_frames)
    behaviour = behave(
        Situation(
            seed=str(clip_seed),
            state_F=state_F,
            own=own,
            partner=partner,
            stress_K=_stressed_peaks(spans, loudness_F),
            mood=style.mood,
            intensity=style.intensity,
            energy=style.energy,
        )
    )
    rig_FR = behaviour.rig_FR
    rig_FR[:, :_NUM_MOUTH] = np.clip(mouth.mouth_F6, RIG_LOW_R[:_NUM_MOUTH], RIG_HIGH_R[:_NUM_MOUTH])
    return PerformanceRecord(
        clip_id=f"synth-{identity_seed:06d}-{clip_seed}",
        identity=f"seed:{identity_seed}",
        num_frames=num_frames,
        speak_A=speak_A,
        listen_A=listen_A,
        state_F=state_F,
        caption=caption_of(style, state_F, behaviour.events, appearance=appearance),
        truth=Truth(seed=identity_seed, rig_FR=rig_FR, viseme_F=mouth.viseme_F, events=behaviour.events),
    )


def caption_of(style: ClipStyle, state_F: NDArray[np.int8], events: Iterable[Event], *, appearance: str = "") -> str:
    """One English sentence of what is seen, such as "A man with a hat listens, nods and then speaks happily."."""
    kinds = {event.kind for event in events}
    mood = MOODS[style.mood].adverb
    reactions = [verb for kind, verb in _REACTION_VERBS.items() if kind in kinds]
    acts: list[list[str]] = []
    for state in _order(state_F):
        if state == State.LISTEN:
            acts.append(["listens", *reactions])
        else:
            acts.append([f"{'waits' if state == State.IDLE else 'speaks'} {mood}".strip()])
    if mood and not any(mood in act[0] for act in acts):
        acts[0][0] = f"{acts[0][0]} {mood}"
    *earlier, last = acts
    before = ", ".join(verb for act in earlier for verb in act)
    who = appearance or "a person"
    return f"{who[0].upper()}{who[1:]} {before}{' and then ' if before else ''}{_listed(last)}."


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _order(state_F: NDArray[np.int8]) -> list[State]:
    """States in the order in which they first come up; waiting counts only if it is most of the clip."""
    values, first, counts = np.unique(state_F, return_index=True, return_counts=True)
    waits = {int(value): count for value, count in zip(values, counts, strict=True)}.get(int(State.IDLE), 0)
    seen = [State(int(values[index])) for index in np.argsort(first)]
    if waits < 0.6 * state_F.shape[0]:
        seen = [state for state in seen if state != State.IDLE] or seen
    if State.BOTH in seen and State.SPEAK in seen:
        seen.remove(State.BOTH)
    return seen[:3]


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
    edge_F = np.arange(num_frames) / FRAME_RATE_HZ
    covered_F = np.zeros(num_frames, dtype=np.bool_)
    for index, phrase in enumerate(stretches):
        end_s = phrase.end_s + after_s
        if index + 1 < len(stretches) and stretches[index + 1].start_s - phrase.end_s < max(_TURN_PAUSE_S, after_s):
            end_s = stretches[index + 1].start_s
        covered_F |= (edge_F + 1 / FRAME_RATE_HZ > phrase.start_s) & (edge_F < end_s)
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


def trap_sound(rng: np.random.Generator, num_samples: int) -> NDArray[np.float32]:
    """Sound that is no speech: steady noise, or a tune of plain tones with gaps."""
    if rng.random() < 0.5:
        return (rng.standard_normal(num_samples, dtype=np.float32) * np.float32(rng.uniform(0.005, 0.08))).clip(-1, 1)
    step = int(rng.uniform(0.18, 0.45) * AUDIO_RATE_HZ)
    num_notes = num_samples // step + 1
    hertz_K = 220.0 * 2.0 ** (rng.integers(0, 24, size=num_notes) / 12)
    volume_K = rng.uniform(0.05, 0.3, size=num_notes) * (rng.random(num_notes) > 0.15)
    fade = np.exp(-np.arange(step) / (0.4 * step)).astype(np.float32)
    note_A = np.repeat(np.arange(num_notes), step)[:num_samples]
    phase_A = np.cumsum((2 * np.pi * hertz_K / AUDIO_RATE_HZ)[note_A])
    envelope_A = np.tile(fade, num_notes)[:num_samples] * volume_K[note_A].astype(np.float32)
    tone_A = np.sin(phase_A) + 0.3 * np.sin(2 * phase_A)
    return (tone_A * envelope_A).astype(np.float32)
