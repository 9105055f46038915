"""All rows of ``openlpm bench data``."""

import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.bench.dataset.cuts import cut_rows
from openlpm.bench.dataset.defects import defect_rows
from openlpm.bench.dataset.desync import desync_rows
from openlpm.bench.dataset.persons import drawn_face_rows, real_state_rows, talk_rows
from openlpm.bench.dataset.running import running_rows
from openlpm.bench.dataset.seen import seen_in
from openlpm.bench.dataset.talks import Talk, rendered
from openlpm.bench.dataset.talks import filmed as filmed_talks
from openlpm.bench.dataset.told import told_rows
from openlpm.bench.result import Row
from openlpm.core.errors import ConfigError
from openlpm.core.seeds import Split
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.defects.clean import drawn, filmed, resized, stretched, write_larger, write_silent
from openlpm.synth.look.render import render_frames
from openlpm.synth.sound.speech_bank import SpeechBank
from openlpm.synth.sound.speech_bank import build as build_bank

_UTTERANCES, _TALK_UTTERANCES = 24, 120
_ROWS, _COLUMNS = 480, 640
_TIMED_TALKS = 2
_WORTH_COMPILING_MIN = 4.0
"""Minutes of conversations from which on the renderer is compiled first for a processor, which takes two."""


class Part(StrEnum):
    """Rows that are measured together."""

    FILTERS = "filters"
    CUTS = "cuts"
    DESYNC = "desync"
    """Sound that was moved against the mouths."""
    CAPTIONS = "captions"
    """With references."""
    FACES = "faces"
    TALKS = "talks"
    """States, tracks, pairs and voices of drawn conversations."""
    REAL = "real"
    """States of filmed people."""
    RUNNING = "running"
    """Speed and kills; conversations are made for it."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Effort:
    """How much is measured."""

    performers: int = 24
    num_frames: int = 84
    recordings: int = 100
    """At most so many of the real clips."""
    films: int = 16
    """Films that are cut here."""
    timed: int = 6
    """Clips at 480 rows for speed and kills, beside two conversations."""
    acted: int = 6
    """Films of two performers each, for captions and references."""
    acted_s: int = 8
    """Seconds of each of their four shots."""
    minutes: float = 1.0
    """Of conversations that are drawn and judged, half of them cut, half side by side; 60 for numbers to publish."""
    faces: int = 60
    """Pictures in which drawn faces are looked for."""

    def __post_init__(self) -> None:
        if self.minutes * 60 < 20 or self.faces < 4:
            raise ConfigError(
                f"minutes={self.minutes}, faces={self.faces}: give a third of a minute and 4 pictures at least"
            )
        if self.performers < 4 or self.num_frames < 48 or self.films < 1 or self.timed < 4:
            raise ConfigError(f"{self}: give 4 performers, 48 frames, a film and 4 timed clips at least")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Material:
    """What there is beside what is drawn here."""

    recordings: Path | None = None
    """A folder with the real clips, without which only drawn ones count."""
    talks: Path | None = None
    """A folder of ``openlpm synth render`` with conversations of test people, which are drawn here without it."""
    landmarks: Path | None = None
    """The interpreter that has mediapipe; without it states of filmed people are not measured."""
    device: str = "cpu"
    """What draws conversations and clips that speak."""
    work: Path | None = None
    """Where conversations and what is built of them stay, so that a stopped run goes on; else nothing stays."""


def measure_data(
    effort: Effort, material: Material, report: Callable[[str, int, int], None], parts: Collection[Part] = tuple(Part)
) -> Iterator[Row]:
    """The rows of ``parts`` as they are found, so that who stops has those that are there.

    Defects, cuts, sound out of step and captions come first, then people, states and pairs, speed and kills last.
    """
    bank = build_bank(Split.TEST, _UTTERANCES, seed=11)
    performers = _performers(effort, bank, report) if {Part.FILTERS, Part.CUTS, Part.RUNNING} & set(parts) else []
    with tempfile.TemporaryDirectory(prefix="openlpm-bench-") as name:
        folder = Path(name)
        if {Part.FILTERS, Part.CUTS} & set(parts):
            seen = seen_in(material.recordings)
            real = [each.path for each in seen if each.clean == "table"][: effort.recordings]
            clips = performers + [stretched(clip, effort.num_frames) for clip in filmed(real, effort.num_frames)]
            if Part.FILTERS in parts:
                yield from defect_rows(clips, folder, float(FRAME_RATE_HZ), report)
            if Part.CUTS in parts:
                yield from cut_rows(clips, seen, folder, effort.films)
        if Part.DESYNC in parts:
            yield from desync_rows(folder / "desync", bank, effort.performers, report, device=material.device)
        if Part.CAPTIONS in parts:
            yield from told_rows(folder, bank, effort.acted, effort.acted_s, report)
        if Part.FACES in parts:
            yield from drawn_face_rows(bank, effort.faces)
        lasting = folder if material.work is None else material.work
        talks = _talks(effort, material, lasting, report) if {Part.TALKS, Part.RUNNING} & set(parts) else []
        if Part.TALKS in parts:
            yield from talk_rows(talks, lasting, report)
        if Part.REAL in parts and material.recordings is not None and material.landmarks is not None:
            yield from real_state_rows(material.recordings, material.landmarks, report)
        if Part.RUNNING in parts:
            yield from running_rows(_raw(folder, performers[: effort.timed], talks), folder, report)


def _performers(effort: Effort, bank: SpeechBank, report: Callable[[str, int, int], None]) -> list[NDArray[np.uint8]]:
    clips: list[NDArray[np.uint8]] = []
    for clip in drawn(Split.TEST, effort.performers, bank, effort.num_frames):
        clips.append(clip)
        report("performers", len(clips), effort.performers)
    return clips


def _talks(effort: Effort, material: Material, folder: Path, report: Callable[[str, int, int], None]) -> list[Talk]:
    if material.talks is not None:
        return rendered(material.talks)
    folder.mkdir(parents=True, exist_ok=True)
    slow = material.device == "cpu" and effort.minutes >= _WORTH_COMPILING_MIN
    render = torch.compile(render_frames, dynamic=False) if slow else render_frames
    bank = build_bank(Split.TEST, _TALK_UTTERANCES, seed=12)
    return list(filmed_talks(bank, folder, effort.minutes, report, device=material.device, render=render))


def _raw(folder: Path, clips: Sequence[NDArray[np.uint8]], talks: Sequence[Talk]) -> Path:
    """A folder of videos with 480 rows: some of people who talk, without whom later stages would have nothing to do."""
    raw = folder / "raw"
    raw.mkdir()
    for number, clip in enumerate(clips):
        write_silent(raw / f"clip{number}.mp4", resized(clip, _ROWS, _COLUMNS))
    for number, talk in enumerate(talks[:_TIMED_TALKS]):
        write_larger(raw / f"talk{number}.mp4", talk.path, _ROWS)
    return raw
