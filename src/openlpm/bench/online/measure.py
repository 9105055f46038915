"""The whole table of a streaming model, section by section."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import final

import torch

from openlpm.bench.cases import CaseConfig
from openlpm.bench.groups import Group, GroupSizes
from openlpm.bench.online.beside import BesideConfig, measure_beside
from openlpm.bench.online.capacity import capacity_rows
from openlpm.bench.online.curves import Curves, rows_of
from openlpm.bench.online.hour import hour_rows
from openlpm.bench.online.performer import Column, StreamPerformer, load_streaming, streams_as
from openlpm.bench.online.reaction import reaction_rows
from openlpm.bench.online.sections import JUDGED, Section
from openlpm.bench.online.speed import speed_rows
from openlpm.bench.online.streams import StreamsConfig, StreamsStopped, measure_streams
from openlpm.bench.performer import ModelPerformer
from openlpm.bench.progress import OnProgress
from openlpm.bench.reading import Judges
from openlpm.bench.result import Row
from openlpm.core.errors import ConfigError
from openlpm.rollout.assembly import CharacterModel, load_model, read_config
from openlpm.rollout.online import OnlineConfig
from openlpm.rollout.request import DEFAULT_STEPS


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """Who is measured."""

    folder: Path
    base: Path
    """Beside whom."""
    device: torch.device
    undistilled: OnlineConfig | None = None
    """How the model streams if it was never taught to; None: as its config says."""
    judges: Path | None = None
    """Folder of the judges, for processes of their own; None: the bundled ones."""
    columns: tuple[Column, ...] = tuple(Column)
    precision: torch.dtype = torch.float32
    """Of transformers and autoencoder where pictures are judged and streams are counted; for its own rows a processor
    chooses (``rollout.fit``)."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Effort:
    """How much is measured."""

    beside: BesideConfig
    streams: StreamsConfig
    base_steps: int = DEFAULT_STEPS
    video_s: float = 60.0
    """Of which the median chunk is taken."""
    warm: int | None = None
    """Chunks before anything is timed; None: until the memory has been full for a while."""
    minutes: float = 60.0
    """Of simulated time."""
    timed_chunks: int = 60
    """Of the model itself at the beginning and at the end of that time."""
    characters: int = 8
    utterances: int = 3
    """That each of them hears begin."""
    most_streams: int = 1024
    capacity_chunks: int = 12


def full_effort(streams: StreamsConfig, *, clips: int | None, group_clips: int | None, batch: int) -> Effort:
    """128 clips, all actions and 32 listeners beside Base, and everything else as published."""
    sizes = GroupSizes() if group_clips is None else GroupSizes().at_most(group_clips)
    count = clips or 128
    groups = {group: sizes.of(group) for group in (Group.ACTIONS, Group.LISTENERS)}
    cases = CaseConfig(count=count)
    beside = BesideConfig(cases=cases, strangers=256, batch=min(batch, count), group_clips=groups)
    return Effort(beside=beside, streams=streams)


def quick_effort(streams: StreamsConfig, *, clips: int | None) -> Effort:
    """To see that everything works: two clips of two seconds, seconds for minutes, hardly a chunk that is timed."""
    count = clips or 2
    cases = CaseConfig(count=count, num_frames=48)
    return Effort(
        beside=BesideConfig(cases=cases, strangers=12, batch=count, group_clips={}),
        streams=streams,
        base_steps=2,
        video_s=1.0,
        warm=1,
        minutes=0.5,
        timed_chunks=2,
        characters=1,
        utterances=1,
        most_streams=2,
        capacity_chunks=1,
    )


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What a section found."""

    rows: list[Row]
    curves: Curves | None = None
    """Of long streams, where it made them."""


def measure_online(
    subject: Subject,
    sections: tuple[Section, ...],
    effort: Effort,
    *,
    judges: Judges | None,
    on_progress: OnProgress = lambda _what, _done, _total: None,
) -> Iterator[Measured]:
    """Section by section, each as soon as it is measured: whoever stops keeps what there is.

    Raises:
        ConfigError: the model cannot stream, the extra ``[tts]`` (espeak-ng) is not installed, or there are no judges
            and some of the sections are ``JUDGED``.
        WeightsError: there is no model, or a damaged one.
        OpenLPMError: a process of its own fails.
    """
    if sections:
        streams_as(subject.folder, subject.undistilled)
    if Section.BESIDE in sections:
        read_config(subject.base)  # what is not there is missed now and not after an hour

    @cache
    def model() -> CharacterModel:
        return load_streaming(subject.folder, subject.device, subject.undistilled, subject.precision)

    def court() -> Judges:
        if judges is None:
            raise ConfigError(f"judges=None: {' and '.join(JUDGED)} are judged; load the judges")
        return judges

    work: dict[Section, Callable[[], list[Row]]] = {
        **_timed(subject, effort),
        Section.BESIDE: lambda: _beside(model(), subject, court(), effort, on_progress),
        Section.CAPACITY: lambda: capacity_rows(
            model(),
            most=effort.most_streams,
            chunks=effort.capacity_chunks,
            warm=effort.warm,
            on_progress=lambda done, total: on_progress(Section.CAPACITY, done, total),
        ),
    }
    for number, section in enumerate(sections):
        on_progress("sections", number, len(sections))
        if section is Section.STREAMS:
            try:
                curves = measure_streams(model(), subject.columns, court(), effort.streams, on_progress=on_progress)
            except StreamsStopped as stopped:
                yield Measured(rows=rows_of(stopped.curves), curves=stopped.curves)
                raise
            yield Measured(rows=rows_of(curves), curves=curves)
        else:
            yield Measured(rows=work[section]())
    on_progress("sections", len(sections), len(sections))


def _timed(subject: Subject, effort: Effort) -> dict[Section, Callable[[], list[Row]]]:
    """What has two cores and a process to itself."""
    folder, online = str(subject.folder), subject.undistilled
    return {
        Section.SPEED: lambda: speed_rows(folder, online, seconds=effort.video_s, warm=effort.warm),
        Section.HOUR: lambda: hour_rows(
            folder, online, minutes=effort.minutes, chunks=effort.timed_chunks, warm=effort.warm
        ),
        Section.REACTION: lambda: reaction_rows(
            folder,
            online,
            judges=subject.judges,
            characters=effort.characters,
            utterances=effort.utterances,
            warm=effort.warm,
        ),
    }


def _beside(
    model: CharacterModel, subject: Subject, judges: Judges, effort: Effort, on_progress: OnProgress
) -> list[Row]:
    base = ModelPerformer(load_model(subject.base, judges.device), steps=effort.base_steps)
    online = {column: StreamPerformer(model, column) for column in subject.columns}
    return measure_beside(online, base, judges, effort.beside, on_progress=on_progress)
