"""What a listener does because of what is heard: how each cue (``synth.cues``) may be answered, and what that shows.

Every reaction begins 0.25 to 1 s after its cue (``WINDOW_S`` is what a benchmark may allow), and none without a cue.
"""

from dataclasses import dataclass
from typing import final

import numpy as np

from openlpm.synth.act.cues import Cue
from openlpm.synth.act.feelings import Feeling
from openlpm.synth.act.gestures import FloatArray
from openlpm.synth.act.persona import Persona

WINDOW_S = (0.2, 1.5)
"""A reaction belongs to a cue that lies this long before it."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Reaction:
    """An answer to a cue."""

    kind: str
    at_s: float
    size: float
    """About 0.5 to 1."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class _Way:
    """One way to answer a cue."""

    kind: str
    chance: float
    delay_s: tuple[float, float] = (0.25, 0.75)
    kind_hearted: bool = False
    """Whether warm people do it more and cold ones less."""


_WAYS: dict[str, tuple[_Way, ...]] = {
    "partner_phrase_end": (
        _Way(kind="nod", chance=0.62),
        _Way(kind="smile", chance=0.28, kind_hearted=True),
        _Way(kind="brow_raise", chance=0.22),
    ),
    "partner_question": (_Way(kind="brow_raise", chance=0.6), _Way(kind="head_tilt", chance=0.4)),
    "partner_laugh": (
        _Way(kind="laugh_along", chance=0.6, delay_s=(0.3, 0.9), kind_hearted=True),
        _Way(kind="smile", chance=0.75, delay_s=(0.25, 0.7), kind_hearted=True),
    ),
    "partner_warm": (_Way(kind="smile", chance=0.75, delay_s=(0.3, 0.9), kind_hearted=True),),
    "partner_sad": (
        _Way(kind="concern", chance=0.85, delay_s=(0.3, 1.0), kind_hearted=True),
        _Way(kind="slow_nod", chance=0.3, delay_s=(0.4, 1.0)),
    ),
    "partner_excited": (
        _Way(kind="brow_raise", chance=0.65, delay_s=(0.25, 0.6)),
        _Way(kind="smile", chance=0.6, delay_s=(0.35, 0.9), kind_hearted=True),
    ),
    "partner_angry": (
        _Way(kind="recoil", chance=0.6, delay_s=(0.25, 0.7)),
        _Way(kind="frown", chance=0.4, delay_s=(0.3, 0.9)),
    ),
    "partner_sudden": (_Way(kind="startle", chance=0.95, delay_s=(0.2, 0.4)),),
    "partner_interrupts": (_Way(kind="taken_aback", chance=1.0, delay_s=(0.2, 0.35)),),
}
"""What may follow each kind of cue; several of the ways may be taken at once."""

CUE_KINDS = tuple(_WAYS)
ANSWERS = {cue: tuple(way.kind for way in ways) for cue, ways in _WAYS.items()}
"""The reactions that fit each kind of cue."""
REACTION_KINDS = tuple(dict.fromkeys(way.kind for ways in _WAYS.values() for way in ways))


def react(
    rng: np.random.Generator, cues: tuple[Cue, ...], persona: Persona, warmth: float, tones: tuple[str, ...]
) -> tuple[Reaction, ...]:
    """Reactions to ``cues``; ``tones`` is the emotion of the partner's voice at each.

    ``warmth`` scales how often a reaction is a kind one, on top of the persona. An answered phrase end has at least a
    nod; nobody smiles at a sad voice.
    """
    found: list[Reaction] = []
    for cue, tone in zip(cues, tones, strict=True):
        draw = rng.random(8)
        if draw[0] >= persona.answers and cue.kind not in ("partner_sudden", "partner_interrupts"):
            continue
        ways: list[tuple[_Way, float]] = []
        for way, chance in zip(_WAYS[cue.kind], draw[1:4], strict=False):
            scale = persona.kindness if way.kind_hearted else 1.0
            if way.kind in ("smile", "laugh_along"):
                scale *= warmth * (0.1 if tone in ("sad", "afraid", "angry") else 1.0)
            if chance < min(way.chance * scale, max(way.chance, 0.85)):
                ways.append((way, draw[4]))
        if not ways and cue.kind == "partner_phrase_end":
            ways = [(_WAYS[cue.kind][0], draw[4])]
        for way, delay in ways:
            low, high = way.delay_s
            size = (0.5 + 0.5 * draw[5]) * (0.7 + 0.6 * persona.expression)
            found.append(Reaction(kind=way.kind, at_s=cue.at_s + low + delay * (high - low), size=size))
    return tuple(sorted(found, key=lambda reaction: reaction.at_s))


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class _Felt:
    emotion: str
    intensity: float
    attack_s: float
    hold_s: float
    release_s: float


_FELT: dict[str, tuple[_Felt, ...]] = {
    "smile": (_Felt(emotion="happy", intensity=0.95, attack_s=0.3, hold_s=0.7, release_s=0.9),),
    "laugh_along": (_Felt(emotion="amused", intensity=1.0, attack_s=0.3, hold_s=1.0, release_s=1.1),),
    "concern": (
        _Felt(emotion="sad", intensity=0.8, attack_s=0.5, hold_s=1.4, release_s=1.2),
        _Felt(emotion="tender", intensity=0.4, attack_s=0.6, hold_s=1.4, release_s=1.2),
    ),
    "frown": (_Felt(emotion="angry", intensity=0.5, attack_s=0.35, hold_s=0.8, release_s=0.9),),
    "recoil": (_Felt(emotion="afraid", intensity=0.6, attack_s=0.25, hold_s=0.7, release_s=0.9),),
    "startle": (_Felt(emotion="surprised", intensity=1.0, attack_s=0.14, hold_s=0.5, release_s=0.8),),
    "taken_aback": (_Felt(emotion="surprised", intensity=0.8, attack_s=0.18, hold_s=0.5, release_s=0.9),),
}
"""The feeling behind each reaction that has one."""

LENGTHS_S = {
    kind: max(felt.attack_s + felt.hold_s + felt.release_s for felt in feelings) for kind, feelings in _FELT.items()
} | {"head_tilt": 1.5, "brow_raise": 0.9}
"""How long a reaction lasts, but for nods."""


def feelings_of(reactions: tuple[Reaction, ...]) -> tuple[Feeling, ...]:
    """The passing feelings that reactions show."""
    return tuple(
        Feeling(
            emotion=felt.emotion,
            intensity=min(felt.intensity * (0.55 + 0.45 * reaction.size), 1.0),
            start_s=reaction.at_s,
            end_s=reaction.at_s + felt.attack_s + felt.hold_s,
            attack_s=felt.attack_s,
            release_s=felt.release_s,
        )
        for reaction in reactions
        for felt in _FELT.get(reaction.kind, ())
    )


def times_of(reactions: tuple[Reaction, ...], *kinds: str) -> FloatArray:
    """When reactions of the given kinds begin."""
    return np.array([reaction.at_s for reaction in reactions if reaction.kind in kinds], dtype=np.float64)
