"""Rows about captions and references: films of unseen performers through the whole pipeline."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from openlpm.bench.dataset.acted import act_films
from openlpm.bench.dataset.caption_rows import caption_rows
from openlpm.bench.dataset.reference_rows import reference_rows
from openlpm.bench.result import Row
from openlpm.bench.statistics import share
from openlpm.core.errors import InputError
from openlpm.data.build import build
from openlpm.data.dataset import Dataset, kept
from openlpm.data.filters.stage import open_filters
from openlpm.data.pairing.part import Unit
from openlpm.data.recipe import configs_for
from openlpm.data.registry import names
from openlpm.data.runner import Running
from openlpm.synth.sound.speech_bank import SpeechBank

_LAST: Final = "references"


def told_rows(
    folder: Path, bank: SpeechBank, count: int, shot_s: int, report: Callable[[str, int, int], None]
) -> list[Row]:
    """Write ``count`` films of four shots into a new folder, build units of them with the defaults, and compare.

    Raises:
        InputError: not one unit came out.
    """
    raw = folder / "acted"
    raw.mkdir()
    films = []
    for film in act_films(raw, bank, count, shot_s=shot_s):
        films.append(film)
        report("acted films", len(films), count)
    dataset, stages = Dataset(folder=folder / "told"), names()[: names().index(_LAST) + 1]
    # What filters drop is measured elsewhere; here every performance goes on.
    build(dataset, [raw], {**configs_for(stages), "filters": open_filters()}, Running(workers=1))
    units = list(kept(dataset.current(_LAST)))
    if not units:
        raise InputError("none of the acted films became a unit: look at the manifests of filters, people and pairing")
    frames = sum(film.shot_frames * len(film.shots) for film in films)
    used = sum(record.part(Unit).num_frames for record in units)
    return [
        *caption_rows(films, units),
        *reference_rows(films, units),
        Row.of("acted_frames_in_units", share(used, frames)),
    ]
