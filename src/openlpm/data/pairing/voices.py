"""The voices of a source: learnt from all of its units, then each unit's two tracks freed of the other's voice."""

from dataclasses import replace
from typing import final

from openlpm.data.pairing.apart import Ear, Examples, Who, columns_of, ear_for, features_of
from openlpm.data.pairing.gating import without_others
from openlpm.data.pairing.part import Unit
from openlpm.data.pairing.timbre import Timbre
from openlpm.data.records import Record


@final
class Voices:
    """Of each person of a source what the own voice is like, and what is heard when others speak."""

    def __init__(self) -> None:
        self._own: dict[int, Examples] = {}
        self._other: dict[int, Examples] = {}
        self._ears: dict[int, Ear | None] = {}

    def hear(self, person: int, timbre: Timbre) -> None:
        """Keep what a unit of a person teaches; all units come before the first one is ``parted``."""
        features, who_F = features_of(timbre.columns.unpack()), timbre.who.unpack()
        self._own.setdefault(person, Examples()).add(features, columns_of(who_F == Who.OWN))
        self._other.setdefault(person, Examples()).add(features, columns_of(who_F == Who.OTHER))

    def parted(self, person: int, record: Record) -> Record:
        """A unit of that person without its ``Timbre``, and with stretches without what sounds like another voice.

        Where nothing can be learnt they stay as labels have them.
        """
        if not record.has(Timbre):
            return record
        timbre, unit = record.part(Timbre), record.part(Unit)
        record = replace(record, parts={name: part for name, part in record.parts.items() if name != Timbre.NAME})
        ear = self._ear(person)
        if ear is None:
            return record
        odds_L = ear.odds(features_of(timbre.columns.unpack()))
        together_L = columns_of(timbre.who.unpack() == Who.BOTH)
        own = without_others(unit.own, odds_L, together_L)
        return record.with_part(replace(unit, own=own, partner=without_others(unit.partner, -odds_L, together_L)))

    def _ear(self, person: int) -> Ear | None:
        if person not in self._ears:
            others = self._other.get(person, Examples())
            for number in sorted(self._own):
                if number != person:
                    others = others.extend(self._own[number])
            self._ears[person] = ear_for(self._own.get(person, Examples()), others)
        return self._ears[person]
