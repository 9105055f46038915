"""All rows of ``openlpm bench data``."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import final

from openlpm.bench.dataset.cuts import cut_rows
from openlpm.bench.dataset.defects import defect_rows
from openlpm.bench.dataset.persons import drawn_face_rows, real_state_rows, talk_rows
from openlpm.bench.dataset.running import running_rows
from openlpm.bench.dataset.seen import seen_in
from openlpm.bench.dataset.talks import filmed as filmed_talks
from openlpm.bench.dataset.talks import rendered
from openlpm.bench.dataset.told import told_rows
from openlpm.bench.result import Row
from openlpm.core.errors import ConfigError
from openlpm.core.seeds import Split
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.defects.clean import drawn, filmed, resized, stretched, write_larger, write_silent
from openlpm.synth.sound.speech_bank import build as build_bank

_UTTERANCES, _TALK_UTTERANCES = 24, 120
_ROWS, _COLUMNS = 480, 640
_TIMED_TALKS = 2
"""With people who talk, without whom the later stages would have nothing to be timed or killed with."""


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


def measure_data(effort: Effort, material: Material, report: Callable[[str, int, int], None]) -> list[Row]:
    """All rows; defects, cuts and speed first, then people, states and pairs."""
    seen = seen_in(material.recordings)
    bank = build_bank(Split.TEST, _UTTERANCES, seed=11)
    clips = []
    for clip in drawn(Split.TEST, effort.performers, bank, effort.num_frames):
        clips.append(clip)
        report("performers", len(clips), effort.performers)
    performers = list(clips)
    real = [each.path for each in seen if each.clean == "table"][: effort.recordings]
    clips += [stretched(clip, effort.num_frames) for clip in filmed(real, effort.num_frames)]
    with tempfile.TemporaryDirectory(prefix="openlpm-bench-") as name:
        folder = Path(name)
        raw = folder / "raw"
        raw.mkdir()
        rows = defect_rows(clips, folder, float(FRAME_RATE_HZ), report)
        rows += cut_rows(clips, seen, folder, effort.films)
        rows += told_rows(folder, bank, effort.acted, report)
        for number, clip in enumerate(performers[: effort.timed]):
            write_silent(raw / f"clip{number}.mp4", resized(clip, _ROWS, _COLUMNS))
        rows += drawn_face_rows(bank, effort.faces)
        if material.talks is None:
            talk_bank = build_bank(Split.TEST, _TALK_UTTERANCES, seed=12)
            talks = list(filmed_talks(talk_bank, folder, effort.minutes, report))
        else:
            talks = rendered(material.talks)
        rows += talk_rows(talks, folder, report)
        for number, talk in enumerate(talks[:_TIMED_TALKS]):
            write_larger(raw / f"talk{number}.mp4", talk.path, _ROWS)
        if material.recordings is not None and material.landmarks is not None:
            rows += real_state_rows(material.recordings, material.landmarks, report)
        return rows + running_rows(raw, folder, report)
