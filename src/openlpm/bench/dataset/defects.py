"""Recall and precision of every filter against planted defects."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openlpm.bench.result import Bar, Row
from openlpm.bench.statistics import Estimate, share
from openlpm.core.seeds import generator
from openlpm.data.defects.clean import write_silent
from openlpm.data.defects.planting import SCORES, Defect, plant
from openlpm.data.filters.stage import FiltersConfig, FilterScores, score_clip
from openlpm.data.ingest.probing import Limits, look_into
from openlpm.data.parts import Rights, Source, Span
from openlpm.data.records import Record, plain
from openlpm.data.stage import RawFiles

_BAR = Bar(at_least=0.95)
_ANY = Limits(most_streams=16, most_pixels=10**8, longest_s=1e5, fastest_hz=1000, most_damaged=1.0)
Report = Callable[[str, int, int], None]


def defect_rows(clips: Sequence[NDArray[np.uint8]], folder: Path, rate_hz: float, report: Report) -> list[Row]:
    """Two rows a defect, and one about clean clips; each clip is written, planted with each defect, and scored.

    Recall: planted clips that a score of that defect drops. Precision: among the planted and as many clean clips that
    such a score drops, those with the defect. Clips of chance are kept apart: a clip draws its own strength.
    """
    config, kinds = FiltersConfig(), list(Defect)
    found: dict[Defect, list[bool]] = {kind: [] for kind in kinds}
    alarms: dict[Defect, list[bool]] = {kind: [] for kind in kinds}
    dropped: list[bool] = []
    for number, clip in enumerate(clips):
        scores = _scores(write_silent(folder / "clip.mp4", clip))
        said = {kind: drops(scores, kind, config) for kind in kinds}
        dropped.append(any(said.values()))
        for kind in kinds:
            alarms[kind].append(said[kind])
            other = clips[(number + 1) % len(clips)]
            planted = plant(clip, kind, generator("bench", "defect", number, kind.value), other, rate_hz)
            found[kind].append(drops(_scores(write_silent(folder / "clip.mp4", planted)), kind, config))
        report("defects", number + 1, len(clips))
    rows: list[Row] = []
    for kind in kinds:
        hits, false = sum(found[kind]), sum(alarms[kind])
        rows.append(Row.of(f"filter_recall/{kind.value}", share(hits, len(clips)), bar=_BAR))
        precision = share(hits, hits + false) if hits + false else Estimate.single(float("nan"), n=0)
        rows.append(Row.of(f"filter_precision/{kind.value}", precision, bar=_BAR))
    rows.append(Row.of("clean_clips_dropped", share(sum(dropped), len(dropped))))
    return rows


def drops(scores: FilterScores, defect: Defect, config: FiltersConfig) -> bool:
    """Whether a score that is there for this defect is out of its range."""
    return any(not getattr(config, name).holds(getattr(scores, name)) for name in SCORES[defect])


def _scores(path: Path) -> FilterScores:
    media = look_into(path, _ANY)
    span = Span(
        first_pts=media.first_pts,
        end_pts=media.end_pts,
        time_base=media.time_base,
        first_frame=0,
        num_frames=media.num_packets,
    )
    source = Source(name=path.name, sha256="", size_bytes=0, rights=Rights())
    record = Record(stage="bench", parent=None, parts={part.NAME: plain(part) for part in (source, media, span)})
    scores = score_clip(record, RawFiles(roots=((path.name, path),)))
    assert scores is not None
    return scores
