"""What the pipeline made of conversations, beside what is true: states, who is followed and paired, what is heard."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from openlpm.bench.dataset.talks import Side, Talk
from openlpm.bench.people import switch_row
from openlpm.bench.result import Bar, Row
from openlpm.bench.states import JudgedPerson, state_rows
from openlpm.bench.statistics import Estimate, of_sums, ratio_of_sums
from openlpm.core.units import samples_at_frame
from openlpm.data.dataset import Dataset, read_manifest
from openlpm.data.pairing.part import Filming, Unit
from openlpm.data.pairing.tracks import voices
from openlpm.data.parts import Source, Span
from openlpm.data.people.faces import box_of, overlap
from openlpm.data.people.part import People
from openlpm.data.records import Decision, Record
from openlpm.data.states.part import States
from openlpm.data.states.rule import DISCARD
from openlpm.synth.act.filming import Layout

PAIRING_BAR, LEAKAGE_BAR = Bar(at_least=0.98), Bar(at_most=-30.0)
_SAME: Final = 0.5
_FILMING: Final = {Layout.CUT: Filming.CUT, Layout.SIDE_BY_SIDE: Filming.SIDE_BY_SIDE}
_FLOOR: Final = 1e-12


def judged_rows(dataset: Dataset, talks: Sequence[Talk]) -> list[Row]:
    """All rows about conversations in a dataset that was built to its stage ``pairing``; other files do not count."""
    by_name = {talk.path.name: talk for talk in talks}
    judged: list[JudgedPerson] = []
    switches: list[int] = []
    lengths: list[int] = []
    followed: list[Record] = list(_records(dataset, "people", by_name))
    states = {record.parent: record for record in read_manifest(dataset.current("states"))}
    for record in followed:
        talk = _talk_of(record, by_name)
        first, count = record.part(Span).first_frame, record.part(People).num_frames
        for index, side in enumerate(talk.sides):
            if np.isfinite(side.points_FP2[first, 0, 0]):
                person_F = _person_in_each_frame(record.part(People), side, first)
                found_F = _states_found(states.get(record.id), person_F)
                judged.append(_judged(talk, index, slice(first, first + count), found_F))
                met = person_F[person_F >= 0]
                switches.append(int((np.diff(met) != 0).sum()))
                lengths.append(count)
    shots = sum(record.part(Span).num_frames for record in _records(dataset, "shots", by_name) if _kept(record))
    return [
        *state_rows(judged),
        Row.of("state_accuracy/reached", Estimate.single(sum(lengths_of(followed)) / max(shots, 1), n=len(followed))),
        switch_row(switches, lengths),
        *_unit_rows(dataset, by_name),
    ]


def lengths_of(records: Sequence[Record]) -> list[int]:
    """Frames of each clip."""
    return [record.part(Span).num_frames for record in records]


def _records(dataset: Dataset, stage: str, by_name: dict[str, Talk]) -> Iterator[Record]:
    """What a stage made of the conversations."""
    for record in read_manifest(dataset.current(stage)):
        if _file_of(record) in by_name:
            yield record


def _file_of(record: Record) -> str:
    return record.part(Source).name.rpartition("/")[2]


def _kept(record: Record) -> bool:
    return record.decision is Decision.KEEP


def _talk_of(record: Record, by_name: dict[str, Talk]) -> Talk:
    return by_name[_file_of(record)]


def _judged(talk: Talk, index: int, frames: slice, found_F: NDArray[np.int8]) -> JudgedPerson:
    side = talk.sides[index]
    return JudgedPerson(
        clip=f"{talk.path.stem}-{frames.start}",
        group=f"{talk.layout}/{side.style}",
        true_F=side.state_F[frames],
        found_F=found_F[: side.state_F[frames].shape[0]],
    )


def _person_in_each_frame(people: People, side: Side, first: int) -> NDArray[np.int64]:
    """Which person of a clip is where a side is, frame by frame; -1 for none."""
    best_F, found_F = np.full(people.num_frames, _SAME), np.full(people.num_frames, -1)
    for index, person in enumerate(people.persons):
        for frame, box_4 in enumerate(person.boxes.unpack(), start=person.first_frame):
            true_P2 = side.points_FP2[min(first + frame, side.points_FP2.shape[0] - 1)]
            if np.isfinite(box_4[0]) and np.isfinite(true_P2).all():
                shared = float(overlap(box_4[None], box_of(true_P2)[None])[0, 0])
                if shared > best_F[frame]:
                    best_F[frame], found_F[frame] = shared, index
    return found_F


def _states_found(record: Record | None, person_F: NDArray[np.int64]) -> NDArray[np.int8]:
    """The states of whoever is where somebody is; unknown if the clip was dropped before or by the states."""
    found_F = np.full(person_F.shape[0], DISCARD, np.int8)
    if record is None or not _kept(record):
        return found_F
    for index, (person, packed) in enumerate(zip(record.part(People).persons, record.part(States).states, strict=True)):
        state_F = np.full(person_F.shape[0], DISCARD, np.int8)
        state_F[person.first_frame :][: person.num_frames] = packed.unpack()
        found_F = np.where(person_F == index, state_F, found_F)
    return found_F.astype(np.int8)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class _Met:
    """A unit with who it really shows."""

    record: Record
    unit: Unit
    talk: Talk
    side: int
    first_frame: int
    """Of the file."""


def _unit_rows(dataset: Dataset, by_name: dict[str, Talk]) -> list[Row]:
    met = [
        found
        for record in _records(dataset, "pairing", by_name)
        if _kept(record) and (found := _met(record, _talk_of(record, by_name))) is not None
    ]
    number = np.array([each.unit.num_frames for each in met], np.float64)
    right, filmed = _paired(met), [float(each.unit.filming is _FILMING[each.talk.layout]) for each in met]
    return [
        Row.of("pairing_accuracy", ratio_of_sums(np.array(right) * number, number), bar=PAIRING_BAR),
        Row.of("pairing_accuracy/filming", ratio_of_sums(np.array(filmed) * number, number)),
        *_leakage_rows(dataset, met),
    ]


def _met(record: Record, talk: Talk) -> _Met | None:
    unit, first = record.part(Unit), record.part(Span).first_frame
    people = record.part(People)
    frames = slice(unit.first_frame, unit.first_frame + unit.num_frames)
    counts = [int((_person_in_each_frame(people, side, first)[frames] == unit.person).sum()) for side in talk.sides]
    if not any(counts):
        return None
    return _Met(record=record, unit=unit, talk=talk, side=int(np.argmax(counts)), first_frame=first + frames.start)


def _paired(met: Sequence[_Met]) -> list[float]:
    """Whether each unit has the identity that mostly stands for its side, and listens to that of the other.

    A unit without a partner is right where nobody speaks in it, and where the other side is in no unit of its file.
    """
    seen: dict[tuple[str, str], list[float]] = {}
    for each in met:
        counts = seen.setdefault((each.talk.path.name, each.unit.identity), [0.0, 0.0])
        counts[each.side] += each.unit.num_frames
    side_of = {key: int(np.argmax(counts)) for key, counts in seen.items()}
    right: list[float] = []
    for each in met:
        name = each.talk.path.name
        is_own = side_of[name, each.unit.identity] == each.side
        others = {word for (file, word), side in side_of.items() if file == name and side != each.side}
        quiet = not each.unit.own and not each.unit.partner
        listens = each.unit.listens_to in others if each.unit.listens_to else quiet or not others
        right.append(float(is_own and listens))
    return right


def _leakage_rows(dataset: Dataset, met: Sequence[_Met]) -> list[Row]:
    """How loud the other voice is in speaker-only tracks, against the own one; and the own one in listener-only tracks.

    ``leakage_db``: where the person is quiet, which is what labels can suppress; ``with_overlap``: the other voice in
    all of the track, also while both speak, which no label can take apart. ``heard`` is the share of the own voice that
    is in the track at all. ``listener``: the same of what the person hears, with the parties exchanged.
    """
    raw = dataset.raw()
    terms: list[list[float]] = []
    for each in met:
        speak_A, listen_A = voices(each.record, raw)
        own_A, other_A = (_voice(side, each) for side in (each.talk.sides[each.side], each.talk.sides[1 - each.side]))
        terms.append([*_leaked(speak_A, own_A, other_A), *_leaked(listen_A, other_A, own_A)])
    terms_NX = np.array(terms, np.float64).reshape(-1, 8)

    def decibels(leaked: int, kept: int) -> Estimate:
        return of_sums(terms_NX, lambda sums_EX: _decibels(sums_EX[:, leaked], sums_EX[:, kept]))

    return [
        Row.of("leakage_db", decibels(0, 2), unit="dB", bar=LEAKAGE_BAR),
        Row.of("leakage_db/with_overlap", decibels(1, 2), unit="dB"),
        Row.of("leakage_db/heard", ratio_of_sums(terms_NX[:, 2], terms_NX[:, 3])),
        Row.of("leakage_db/listener", decibels(4, 6), unit="dB"),
        Row.of("leakage_db/listener_heard", ratio_of_sums(terms_NX[:, 6], terms_NX[:, 7])),
    ]


def _leaked(
    track_A: NDArray[np.float32], wanted_A: NDArray[np.float64], other_A: NDArray[np.float64]
) -> tuple[float, float, float, float]:
    """Energy of the other voice where the wanted one is quiet, and in all of a track.

    Then that of the wanted voice in the track, and altogether.
    """
    gain_A = (np.abs(track_A) > 0).astype(np.float64)
    quiet_A = np.convolve(np.square(wanted_A), np.ones(801) / 801, mode="same") < 1e-7
    other, wanted = np.square(other_A) * gain_A, np.square(wanted_A)
    return float(other[quiet_A].sum()), float(other.sum()), float((wanted * gain_A).sum()), float(wanted.sum())


def _decibels(other_E: NDArray[np.float64], own_E: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(own_E > 0, 10 * np.log10(np.maximum(other_E, _FLOOR) / np.maximum(own_E, _FLOOR)), np.nan)


def _voice(side: Side, met: _Met) -> NDArray[np.float64]:
    """A voice alone while a unit runs."""
    start, count = samples_at_frame(met.first_frame), samples_at_frame(met.unit.num_frames)
    cut_A = side.voice_A[start : start + count].astype(np.float64)
    return np.pad(cut_A, (0, count - cut_A.shape[0]))
