"""From a place in the table to a performance: character, voices, style and what is said, all from seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import final

from openlpm.bench.actions import in_time, sequence_style
from openlpm.bench.groups import trap_style
from openlpm.bench.lpm.strata import Place, Track
from openlpm.bench.lpm.voicing import Cast, cast_voices
from openlpm.bench.reaction_detector import listening_style
from openlpm.core.emotion import EMOTIONS
from openlpm.core.record import PerformanceRecord
from openlpm.core.seeds import Split, generator, seeds_of
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.rollout.request import Prompt
from openlpm.synth.act.acting import ActionCue
from openlpm.synth.act.actions import ACTION_NAMES, ACTIONS
from openlpm.synth.act.conversation import converse
from openlpm.synth.act.dialogue import ClipKind
from openlpm.synth.act.feelings import Course
from openlpm.synth.act.perform import perform
from openlpm.synth.act.persona import PERSONAS
from openlpm.synth.act.style import ClipStyle, draw_style
from openlpm.synth.look.identity import Identity, describe
from openlpm.synth.sound.vocal_kinds import EMOTIONS_OF, NON_VERBAL

OPEN = "open"
"""The seed of the open layer; a sealed one is given at run time."""
LANGUAGES = ("en-us", "de", "fr", "es", "pt-br", "nl")

_CHARACTERS, _FIGURES = 240, 60
"""So many people play all short cases, and of each domain so many."""
_INTENSITIES = (0.5, 0.75, 1.0)
_FACE = tuple(name for name in ACTION_NAMES if not (ACTIONS[name].uses_mouth or ACTIONS[name].uses_arms))
_ARMS = tuple(name for name in ACTION_NAMES if ACTIONS[name].uses_arms and not ACTIONS[name].uses_mouth)
_EXCHANGES = (ClipKind.LISTEN_THEN_SPEAK, ClipKind.SPEAK_THEN_LISTEN)
_OVERLAPS = (ClipKind.OVERLAP, ClipKind.BACKCHANNEL)
_TIMED = ("look_left", "look_right", "look_up", "turn_left_and_back", "smile", "raise_brows", "close_eyes", "lean_in")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """Everything that is drawn for a case, and the performance."""

    identity: Identity
    record: PerformanceRecord
    language: str
    persona: str
    prompts: tuple[Prompt, ...]
    clip_seed: int
    name: str
    """Cases of one script share voices and motion."""


def write_script(place: Place, layer: str = OPEN) -> Script:
    """The performance of a case; ``layer`` is the seed of the open or of a sealed layer.

    Raises:
        ConfigError: the extra ``[tts]`` (espeak-ng) is not installed.
    """
    stratum, name = place.stratum, _name(place)
    number = _number(place)
    clip_seed = clip_seed_of(place, layer)
    identity = _character(place, layer)
    style = _style(place, number, clip_seed)
    cast = _cast_of(place, number, style)
    bank = cast_voices(cast, seed=clip_seed)
    num_frames = stratum.seconds * FRAME_RATE_HZ
    if stratum.track is Track.LONG:
        partner = _stranger(identity.seed, clip_seed)
        talk = converse(clip_seed, bank, num_frames=num_frames, performers=(identity.seed, partner))
        record, persona = talk.records[0], talk.styles[0].persona_name
    else:
        looks = describe(identity).capitalize()
        record = perform(identity.seed, clip_seed, bank, num_frames=num_frames, style=style, appearance=looks)
        persona = style.persona_name
    told = in_time(record) if stratum.name == "timed" else ()
    return Script(
        identity=identity,
        record=record,
        language=cast.language,
        persona=persona,
        prompts=told,
        clip_seed=clip_seed,
        name=name if layer == OPEN else f"sealed-{name}",
    )


def clip_seed_of(place: Place, layer: str = OPEN) -> int:
    """What voices, words and motion of a case are drawn from."""
    return int(generator("lpm", layer, _name(place)).integers(2**30))


def _number(place: Place) -> int:
    return place.block if place.stratum.track is Track.GENERAL else place.index


def _name(place: Place) -> str:
    return f"{place.stratum.track}-{place.stratum.name}-{_number(place):03d}"


@cache
def characters(domain: str, layer: str = OPEN, *, body: bool = False) -> tuple[int, ...]:
    """Identity seeds of test people of a domain; with ``body`` those of whom arms are seen."""
    everyone = seeds_of(Split.TEST)
    found: list[int] = []
    for index in generator("lpm", layer, "characters", domain, body).permutation(len(everyone)):
        person = Identity.from_seed(everyone[int(index)])
        if person.style == domain and (not body or person.shot == "half body"):
            found.append(person.seed)
            if len(found) == _FIGURES:
                break
    return tuple(found)


def _character(place: Place, layer: str) -> Identity:
    body = place.stratum.name == "gesture" or (place.stratum.name == "ordered" and place.index % 2 == 1)
    people = characters(place.domain, layer, body=body)
    draw = generator("lpm", layer, "who", place.case_id)
    return Identity.from_seed(people[int(draw.integers(len(people)))])


def _stranger(seed: int, clip_seed: int) -> int:
    everyone = seeds_of(Split.TEST)
    return everyone[(seed - everyone[0] + 1 + clip_seed % (len(everyone) - 1)) % len(everyone)]


def _style(place: Place, number: int, clip_seed: int) -> ClipStyle:
    """What the stratum is about; everything else as it is drawn."""
    name = place.stratum.name
    drawn = replace(draw_style(clip_seed), actions=(), disturbed=False)
    steady = replace(drawn, course=Course.STEADY)
    speaks = replace(steady, kind=ClipKind.SPEAK)
    listens = replace(steady, kind=ClipKind.LISTEN)
    idles = replace(steady, kind=ClipKind.IDLE, mood="neutral")
    emotion = EMOTIONS[number % len(EMOTIONS)]
    intensity = _INTENSITIES[number // len(EMOTIONS) % len(_INTENSITIES)]
    personas = sorted(PERSONAS)
    persona = personas[number % len(personas)]
    styles = {
        "emotion": replace(speaks, mood=emotion, intensity=intensity),
        "face": _acting(speaks, [_FACE[number % len(_FACE)]]),
        "language": speaks,
        "voice_sounds": speaks,
        "articulation": replace(speaks, articulation=(0.55, 1.45)[number % 2]),
        "gesture": _acting(speaks, [_ARMS[number % len(_ARMS)]]),
        "feeling": replace(listening_style(number, clip_seed), kind=ClipKind.LISTEN),
        "persona": replace(listens, persona=PERSONAS[persona], persona_name=persona),
        "cues": listening_style(number, clip_seed),
        "traps": trap_style(number, clip_seed),
        "waiting": idles,
        "exchange": replace(steady, kind=_EXCHANGES[number % len(_EXCHANGES)]),
        "turns": replace(steady, kind=ClipKind.DIALOGUE),
        "overlap": replace(steady, kind=_OVERLAPS[number % len(_OVERLAPS)]),
        "barge_in": replace(steady, kind=ClipKind.INTERRUPTED),
        "single": _acting(idles, [ACTION_NAMES[(7 * number) % len(ACTION_NAMES)]]),
        "timed": _acting(idles, [_TIMED[number % len(_TIMED)]], at_s=3.0 + number % 4),
        "change": replace(
            idles, mood=emotion, second_mood=EMOTIONS[(number + 5) % len(EMOTIONS)], course=Course.CHANGE
        ),
        "script": (speaks, replace(steady, kind=ClipKind.DIALOGUE), listening_style(number, clip_seed))[number % 3],
    }
    if name == "ordered":
        return sequence_style(place.index, clip_seed)
    return styles.get(name, steady)


def _acting(style: ClipStyle, names: Sequence[str], *, at_s: float | None = None) -> ClipStyle:
    return replace(style, actions=tuple(ActionCue(action=name, at_s=at_s) for name in names))


def _cast_of(place: Place, number: int, style: ClipStyle) -> Cast:
    name = place.stratum.name
    language = LANGUAGES[number % len(LANGUAGES)] if name in ("language", "script") else LANGUAGES[0]
    partner = EMOTIONS[number % len(EMOTIONS)] if name in ("feeling", "cues") else "neutral"
    sounds = NON_VERBAL
    own = style.mood
    if name == "voice_sounds":
        sounds = (NON_VERBAL[number % len(NON_VERBAL)],)
        own = EMOTIONS_OF[sounds[0]][0]
    return Cast(
        language=language,
        own=own,
        partner=partner,
        sounds=sounds,
        utterances=max(8, min(place.stratum.seconds, 240)),
    )
