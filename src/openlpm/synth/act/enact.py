"""One side of a clip: from what somebody says and hears to everything that can be seen of them."""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.record import PerformanceRecord, Truth
from openlpm.core.rig import MOUTH_CHANNELS, RIG_HIGH_R, RIG_LOW_R, VISEMES, State
from openlpm.core.seeds import Split
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.synth.act.acting import place_acts
from openlpm.synth.act.behaviour import behave
from openlpm.synth.act.cues import Phrase, Said, phrases
from openlpm.synth.act.dialogue import Plan, said_by
from openlpm.synth.act.feelings import Feeling
from openlpm.synth.act.gestures import FloatArray
from openlpm.synth.act.mouth_motion import VisemeSpans, loudness, mouth_motion
from openlpm.synth.act.situation import Situation, speaks
from openlpm.synth.act.sounding import viseme_spans
from openlpm.synth.act.style import ClipStyle
from openlpm.synth.act.telling import Telling
from openlpm.synth.sound.speech_bank import SpeechBank
from openlpm.synth.sound.vocal_kinds import VocalKind

_TURN_PAUSE_S = 0.6  # shorter silences are part of a turn
_LISTEN_ON_S = 1.2  # a listener stays one for this long after the partner's last word
_NUM_MOUTH = len(MOUTH_CHANNELS)
_HUMS = (VocalKind.MM_HM, VocalKind.BACKCHANNEL)
_TAKES_OVER = 8.0  # speech owns the mouth from an eighth of full movement on
_VOICE_INTENSITY = (0.6, 1.0)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """One performer's side of a clip."""

    identity_seed: int
    clip_seed: int
    """Names the random streams of face and body, and the words of the caption."""
    num_frames: int
    style: ClipStyle
    plan: Plan
    """As this side has it: its own turns and the partner's."""
    lasting: tuple[Feeling, ...]
    """The mood of the clip."""
    speak_A: NDArray[np.float32]
    listen_A: NDArray[np.float32]
    appearance: str = ""
    """What the caption says of the looks."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Performance:
    """A clip, and what there is to tell of its parts."""

    record: PerformanceRecord
    telling: Telling


def enact(rng: np.random.Generator, role: Role, bank: SpeechBank) -> PerformanceRecord:
    """The record of a side; the same arguments (``rng`` in the same state) always give the same record."""
    return enact_and_tell(rng, role, bank).record


def enact_and_tell(rng: np.random.Generator, role: Role, bank: SpeechBank) -> Performance:
    """The record of a side as ``enact`` gives it, and what there is to tell of its parts."""
    spans, heard = viseme_spans(bank, role.plan.own), viseme_spans(bank, role.plan.partner)
    loudness_F = loudness(role.speak_A, role.num_frames)
    mouth = mouth_motion(spans, loudness_F, articulation=role.style.articulation)
    own, partner = _phrases(spans), _phrases(heard)
    state_F = _states(own, partner, role.num_frames)
    said = said_by(bank, role.plan.own)
    behaviour = behave(
        Situation(
            seed=str(role.clip_seed),
            state_F=state_F,
            own=own,
            partner=partner,
            said=said,
            heard=said_by(bank, role.plan.partner),
            stress_K=_stressed_peaks(spans, loudness_F),
            lasting=role.lasting,
            passing=_feelings_of_voice(rng, said),
            energy=role.style.energy,
            persona=role.style.persona,
            acts=place_acts(rng, role.style.actions, speaks(state_F)) if role.style.actions else (),
            hums=tuple(Phrase(one.start_s, one.end_s) for one in said if one.kind in _HUMS and one.start_s > 0),
            broken_in_s=role.plan.broken_in_s,
        )
    )
    _speak(behaviour.rig_FR, mouth.mouth_F6)
    truth = Truth(
        seed=role.identity_seed,
        rig_FR=behaviour.rig_FR,
        viseme_F=mouth.viseme_F,
        events=behaviour.events,
        emotion_FE=behaviour.emotion_FE,
    )
    telling = Telling(
        style=role.style,
        state_F=state_F,
        truth=truth,
        said=said,
        seed=role.clip_seed,
        held_out=is_held_out(bank.split, role.clip_seed),
        appearance=role.appearance,
    )
    record = PerformanceRecord(
        clip_id=f"synth-{role.identity_seed:06d}-{role.clip_seed}",
        identity=f"seed:{role.identity_seed}",
        num_frames=role.num_frames,
        speak_A=role.speak_A,
        listen_A=role.listen_A,
        state_F=state_F,
        caption=telling.whole(rng),
        truth=truth,
    )
    return Performance(record=record, telling=telling)


def is_held_out(split: Split, clip_seed: int) -> bool:
    """Whether the caption of a clip uses held-out words: half of those that are not for training do."""
    return split != Split.TRAIN and clip_seed % 2 == 1


def _speak(rig_FR: NDArray[np.float32], mouth_F6: NDArray[np.float32]) -> None:
    """Let speech take the mouth of ``rig_FR`` over, as far as it moves."""
    rest_F6 = rig_FR[:, :_NUM_MOUTH]
    idle_F = np.maximum(1.0 - _TAKES_OVER * np.abs(mouth_F6).max(axis=1), 0.0)
    rest_F6 *= idle_F[:, None]
    rest_F6 += mouth_F6
    np.clip(rest_F6, RIG_LOW_R[:_NUM_MOUTH], RIG_HIGH_R[:_NUM_MOUTH], out=rest_F6)


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
