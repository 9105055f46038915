"""A source as a whole: who is who in its units, who listens to whom, and how each of them sounds."""

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import IO, final

from openlpm.core.rig import State
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.pairing.config import PairingConfig
from openlpm.data.pairing.identities import Seen, people_of
from openlpm.data.pairing.part import Filming, Unit, UnitKind
from openlpm.data.pairing.partners import Appearance, partner_of
from openlpm.data.pairing.timbre import Timbre
from openlpm.data.pairing.voices import Voices
from openlpm.data.parts import Source, Span
from openlpm.data.people.part import People
from openlpm.data.records import Record, digest_of, read_line
from openlpm.data.states.part import States
from openlpm.data.states.rule import runs_of


def settle_sources(records: Iterable[Record], config: PairingConfig) -> Iterator[Record]:
    """Units with the identity of their person and of the partner, and with voices parted by how they sound.

    The records of a source come one after another. What is kept in memory of it is who is in its clips, when, how they
    look, and half a minute of each voice at most; its records wait in a file.
    """
    for _, group in groupby(records, key=lambda record: record.part(Source).name):
        with tempfile.TemporaryFile("w+", encoding="utf-8") as waiting:
            clips: dict[str, _Clip] = {}
            for record in group:
                waiting.write(record.line() + "\n")
                name = _clip_name(record)
                if name not in clips and record.has(People) and record.has(States):
                    clips[name] = _clip_of(record)
            source, voices = _Source(clips, config), Voices()
            for record in _from_beginning(waiting):
                if record.has(Unit) and record.has(Timbre):
                    voices.hear(source.person_in(record), record.part(Timbre))
            for record in _from_beginning(waiting):
                yield voices.parted(source.person_in(record), source.settled(record)) if record.has(Unit) else record


def _from_beginning(waiting: IO[str]) -> Iterator[Record]:
    waiting.seek(0)
    for line in waiting:
        yield read_line(line.rstrip("\n"))


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class _Clip:
    start_s: float
    tracks: tuple[Seen, ...]
    speaks_s: tuple[tuple[tuple[float, float], ...], ...]


def _clip_name(record: Record) -> str:
    return record.parent or record.id


def _clip_of(record: Record) -> _Clip:
    start_s = float(record.part(Span).start_s)
    persons, states = record.part(People).persons, record.part(States).states
    firsts_s = [start_s + person.first_frame / FRAME_RATE_HZ for person in persons]
    return _Clip(
        start_s=start_s,
        tracks=tuple(
            Seen(
                looks_X=person.looks.unpack(), first_s=first_s, end_s=first_s + person.num_frames / FRAME_RATE_HZ
            )
            for person, first_s in zip(persons, firsts_s, strict=True)
        ),
        speaks_s=tuple(
            tuple(
                (first_s + first / FRAME_RATE_HZ, first_s + end / FRAME_RATE_HZ)
                for first, end in runs_of(packed.unpack() == State.SPEAK)
            )
            for packed, first_s in zip(states, firsts_s, strict=True)
        ),
    )  # fmt: skip


@final
class _Source:
    """Everybody in a source."""

    def __init__(self, clips: dict[str, _Clip], config: PairingConfig) -> None:
        self._clips, self._config = clips, config
        names = sorted(clips, key=lambda name: (clips[name].start_s, name))
        numbers = people_of([clips[name].tracks for name in names], config.most_different)
        self._appearances = {
            (name, index): Appearance(
                clip=order,
                person=number,
                first_s=track.first_s,
                end_s=track.end_s,
                speaks_s=clips[name].speaks_s[index],
            )
            for order, (name, numbers_P) in enumerate(zip(names, numbers, strict=True))
            for index, (number, track) in enumerate(zip(numbers_P, clips[name].tracks, strict=True))
        }

    def person_in(self, record: Record) -> int:
        """The number of a unit's person, the same in all clips."""
        return self._appearances[_clip_name(record), record.part(Unit).person].person

    def settled(self, record: Record) -> Record:
        """A unit with who it is and who is listened to."""
        unit, digest = record.part(Unit), record.part(Source).sha256
        name = _clip_name(record)
        who = self._appearances[name, unit.person]
        first_s = self._clips[name].start_s + unit.first_frame / FRAME_RATE_HZ
        end_s = first_s + unit.num_frames / FRAME_RATE_HZ
        partner = partner_of(who, first_s, end_s, tuple(self._appearances.values()), self._config.reach_s)
        heard = bool(unit.partner)
        filming = Filming.SIDE_BY_SIDE if partner.beside else Filming.CUT
        if not partner.beside and not heard and partner.person is None:
            filming = Filming.ALONE
        silent = unit.kind is UnitKind.IDLE and not heard
        known = partner.person is not None and not silent
        return record.with_part(
            replace(
                unit,
                filming=filming,
                identity=identity_word(digest, who.person),
                listens_to=identity_word(digest, partner.person) if known and partner.person is not None else "",
            )
        )


def identity_word(sha256: str, person: int) -> str:
    """The name of a person of a source."""
    return digest_of(["identity", sha256, person])[:16]
