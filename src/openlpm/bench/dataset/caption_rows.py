"""How right captions are: tags against what performers did, and what is said of listeners."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openlpm.bench.dataset.acted import ActedFilm, moment_of
from openlpm.bench.dataset.tag_truth import UNCOUNTED, tag_truth
from openlpm.bench.result import Bar, Row
from openlpm.bench.statistics import Estimate, mean, of_sums
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.captions.constant import changing_words
from openlpm.data.captions.part import Captions, Tag
from openlpm.data.captions.tags import INDEX, TAGS, Group
from openlpm.data.captions.telling import thresholds
from openlpm.data.pairing.part import Unit, UnitKind
from openlpm.data.records import Record

_LEAST_FRAMES: Final = 24
"""Of a tag that is true in fewer frames nothing is said."""

Counts = NDArray[np.float64]
"""Of every tag how many frames were rightly told, told, and true: (tags, 3)."""


def caption_rows(films: Sequence[ActedFilm], units: Sequence[Record]) -> list[Row]:
    """The rows of units that went through the stage ``captions``."""
    told = [index for index, tag in enumerate(TAGS) if tag in thresholds()]
    held = [
        counts_of(record.part(Captions).tags, tag_truth(moment.shot.truth)[moment.frames])
        for record in units
        if (moment := moment_of(films, record)) is not None and moment.shot.truth is not None
    ]
    counts_NTK = np.array(held).reshape(len(held), len(TAGS), 3)
    seen_T = counts_NTK[:, :, 2].sum(axis=0) >= _LEAST_FRAMES
    rows = [_row("caption_tag_f1", counts_NTK, [t for t in told if seen_T[t]], bar=Bar(at_least=0.85))]
    for group in (Group.EMOTION, Group.EXPRESSION, Group.GAZE, Group.HEAD, Group.BODY, Group.ACTION):
        chosen = [t for t in told if seen_T[t] and TAGS[t].group is group]
        rows.append(_row(f"caption_tag_f1/{group}", counts_NTK, chosen))
    rows.append(Row.of("caption_tags_told", Estimate.single(len(told) / len(TAGS), n=len(TAGS))))
    changing = [float(bool(changing_words(text))) for record in units for text in _of_listeners(record)]
    rows.append(Row.of("listener_captions_that_change", mean(np.array(changing)), bar=Bar(at_most=0.0)))
    return rows


def tag_f1s(films: Sequence[ActedFilm], units: Sequence[Record]) -> dict[str, tuple[float, int]]:
    """F1 of each tag, told or not, and the frames in which it is true."""
    total_TK = np.sum(
        [
            counts_of(record.part(Captions).tags, tag_truth(moment.shot.truth)[moment.frames])
            for record in units
            if (moment := moment_of(films, record)) is not None and moment.shot.truth is not None
        ],
        axis=0,
    )
    return {
        f"{tag.group}/{tag.name}": (float(_f1(total_TK[index][None])[0]), int(total_TK[index, 2]))
        for index, tag in enumerate(TAGS)
    }


def counts_of(tags: Sequence[Tag], truth_FT: NDArray[np.uint8]) -> Counts:
    """How the tags of a unit compare with what is true in its frames."""
    told_FT = np.zeros(truth_FT.shape, np.bool_)
    for tag in tags:
        index = INDEX.get((tag.group, tag.name))
        if index is not None:
            told_FT[round(tag.start_s * FRAME_RATE_HZ) : round(tag.end_s * FRAME_RATE_HZ), index] = True
    counted_FT, true_FT = truth_FT != UNCOUNTED, truth_FT == 1
    told_FT &= counted_FT
    return np.stack([(told_FT & true_FT).sum(axis=0), told_FT.sum(axis=0), true_FT.sum(axis=0)], axis=1).astype(float)


def _row(name: str, counts_NTK: Counts, chosen: list[int], bar: Bar | None = None) -> Row:
    """Macro F1 of some tags, with an interval over units."""
    if not chosen:
        return Row.of(name, Estimate.single(float("nan"), n=0), bar=bar)
    terms_NX = counts_NTK[:, chosen].reshape(counts_NTK.shape[0], -1)
    return Row.of(name, of_sums(terms_NX, lambda sums_EX: _macro(sums_EX, len(chosen))), bar=bar)


def _macro(sums_EX: NDArray[np.float64], num_tags: int) -> NDArray[np.float64]:
    f1_ET = _f1(sums_EX.reshape(-1, 3)).reshape(sums_EX.shape[0], num_tags)
    return np.nanmean(f1_ET, axis=1)


def _f1(counts_MK: NDArray[np.float64]) -> NDArray[np.float64]:
    """F1 of each row; a tag that is neither true nor told in a resample is none of its business."""
    both_M = counts_MK[:, 1] + counts_MK[:, 2]
    return np.where(both_M > 0, 2 * counts_MK[:, 0] / np.maximum(both_M, 1.0), np.nan)


def _of_listeners(record: Record) -> list[str]:
    """Everything that a unit is told while its person listens."""
    captions = record.part(Captions)
    texts = [captions.lasting]
    if record.part(Unit).kind is UnitKind.LISTEN:
        texts += [captions.caption, *(segment.caption for segment in captions.segments)]
    return texts
