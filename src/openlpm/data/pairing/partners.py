"""Who somebody listens to: who is beside them, or who speaks in the shots around theirs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

Stretches = tuple[tuple[float, float], ...]


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Appearance:
    """One person in one clip, in seconds of the source."""

    clip: int
    person: int
    """The number of the person, the same in all clips of the source."""
    first_s: float
    end_s: float
    speaks_s: Stretches


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Partner:
    """Who it is, if anybody knows, and whether they are in the picture together."""

    person: int | None
    beside: bool


def partner_of(
    who: Appearance, first_s: float, end_s: float, everybody: Sequence[Appearance], reach_s: float
) -> Partner:
    """The partner of ``who`` from ``first_s`` to ``end_s``.

    Somebody who is in the picture for half of the time or more is beside them; of several the one who speaks longest
    meanwhile, then the one who is seen longest. Else it is who speaks nearest in time in another clip, or, where nobody
    else ever does, who is seen nearest.
    """
    others = [each for each in everybody if each.person != who.person]
    beside = [
        each
        for each in others
        if each.clip == who.clip and 2 * _shared(each.first_s, each.end_s, first_s, end_s) >= end_s - first_s
    ]
    if beside:
        best = max(
            beside,
            key=lambda each: (
                sum(_shared(*stretch, first_s, end_s) for stretch in each.speaks_s),
                _shared(each.first_s, each.end_s, first_s, end_s),
                -each.person,
            ),
        )
        return Partner(person=best.person, beside=True)
    spoken = [
        (_apart(*stretch, first_s, end_s), each.person)
        for each in others
        if each.clip != who.clip
        for stretch in each.speaks_s
    ]
    shown = [(_apart(each.first_s, each.end_s, first_s, end_s), each.person) for each in others]
    for candidates in (spoken, shown):
        apart_s, person = min(candidates, default=(reach_s + 1, -1))
        if apart_s <= reach_s:
            return Partner(person=person, beside=False)
    return Partner(person=None, beside=False)


def _shared(first_s: float, end_s: float, other_first_s: float, other_end_s: float) -> float:
    return max(min(end_s, other_end_s) - max(first_s, other_first_s), 0.0)


def _apart(first_s: float, end_s: float, other_first_s: float, other_end_s: float) -> float:
    return max(first_s - other_end_s, other_first_s - end_s, 0.0)
