"""All rows of ``openlpm bench data``."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import final

from openlpm.bench.dataset.cuts import cut_rows
from openlpm.bench.dataset.defects import defect_rows
from openlpm.bench.dataset.running import running_rows
from openlpm.bench.dataset.seen import seen_in
from openlpm.bench.dataset.told import told_rows
from openlpm.bench.result import Row
from openlpm.core.errors import ConfigError
from openlpm.core.seeds import Split
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.defects.clean import drawn, filmed, resized, stretched, write_silent
from openlpm.synth.sound.speech_bank import build as build_bank

_UTTERANCES = 24
_ROWS, _COLUMNS = 480, 640


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
    """Clips at 480 rows for speed and kills."""
    acted: int = 12
    """Films of two performers each, for captions and references."""

    def __post_init__(self) -> None:
        if self.performers < 4 or self.num_frames < 48 or self.films < 1 or self.timed < 4:
            raise ConfigError(f"{self}: give 4 performers, 48 frames, a film and 4 timed clips at least")


def measure_data(effort: Effort, recordings: Path | None, report: Callable[[str, int, int], None]) -> list[Row]:
    """The rows; ``recordings`` is a folder with the real clips, without which only drawn ones count."""
    seen = seen_in(recordings)
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
        return rows + running_rows(raw, folder, report)
