"""Turns as they are taken: when one breathes in, holds the turn through a pause, yields it, or is interrupted."""

from dataclasses import dataclass
from typing import final

import numpy as np

from openlpm.core.record import Event
from openlpm.synth.act.cues import Phrase
from openlpm.synth.act.gestures import FloatArray
from openlpm.synth.act.happening import happening

_NEW_TURN_S = 1.6
"""Own speech after this much silence is a new turn, even if nobody spoke in between."""
_HOLD_S = 0.45
"""The shortest pause in a turn that has to be held."""
_YIELD_S = 0.7
_CUT_S = 0.5  # an interrupted phrase ends within this time


@final
@dataclass(frozen=True, slots=True)
class Turns:
    """The performer's turns, as arrays of seconds."""

    start_K: FloatArray
    end_K: FloatArray
    """Only of turns that are yielded: the speaker came to an end."""
    hold_start_H: FloatArray
    """Pauses inside turns."""
    hold_end_H: FloatArray


def find_turns(own: tuple[Phrase, ...], partner: tuple[Phrase, ...], broken_in_s: tuple[float, ...] = ()) -> Turns:
    """The turns among the performer's phrases; those that are interrupted (``broken_in_s``) are not yielded."""
    starts: list[float] = []
    ends: list[float] = []
    holds: list[tuple[float, float]] = []
    for index, phrase in enumerate(own):
        before = own[index - 1] if index else None
        if before is None or _ends_turn(before, phrase, partner):
            starts.append(phrase.start_s)
            if before is not None and not _is_cut(before, broken_in_s):
                ends.append(before.end_s)
        elif phrase.start_s - before.end_s >= _HOLD_S:
            holds.append((before.end_s, phrase.start_s))
    if own and not _is_cut(own[-1], broken_in_s):
        ends.append(own[-1].end_s)
    return Turns(
        np.array(starts),
        np.array(ends),
        np.array([start for start, _ in holds]),
        np.array([end for _, end in holds]),
    )


def _is_cut(phrase: Phrase, broken_in_s: tuple[float, ...]) -> bool:
    return any(at_s <= phrase.end_s <= at_s + _CUT_S for at_s in broken_in_s)


def _ends_turn(before: Phrase, after: Phrase, partner: tuple[Phrase, ...]) -> bool:
    if after.start_s - before.end_s > _NEW_TURN_S:
        return True
    return any(before.end_s - 0.1 <= phrase.start_s < after.start_s for phrase in partner)


def turn_events(turns: Turns, hums: tuple[Phrase, ...]) -> list[Event]:
    """The turns as events."""
    found = [happening("turn_start", start, start) for start in turns.start_K.tolist()]
    found += [happening("in_breath", start - 0.5, start) for start in turns.start_K.tolist()]
    found += [happening("turn_yield", end - 0.3, end + _YIELD_S) for end in turns.end_K.tolist()]
    found += [
        happening("turn_hold", start, end)
        for start, end in zip(turns.hold_start_H.tolist(), turns.hold_end_H.tolist(), strict=True)
    ]
    return found + [happening("backchannel", hum.start_s, hum.end_s) for hum in hums]
