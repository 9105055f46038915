"""Picture sheets: the middle frames of records, to see in one look what a stage has kept or dropped."""

from collections.abc import Iterable, Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import OpenLPMError
from openlpm.data.footage import read_pictures
from openlpm.data.grid import pictures_on_grid
from openlpm.data.pairing.part import Unit
from openlpm.data.parts import Media, Span
from openlpm.data.people.cut_out import cut_out
from openlpm.data.records import Record
from openlpm.data.stage import RawFiles

_CELL: Final = (160, 120)
_COLUMNS: Final = 8


def sheet(records: Iterable[Record], raw: RawFiles) -> bytes | None:
    """A JPEG of the records' middle frames in their order; None if there is not one to show."""
    cells = [cell for record in records if (cell := _cell(record, raw)) is not None]
    if not cells:
        return None
    rows = -(-len(cells) // _COLUMNS)
    width, height = _CELL
    page_HWC = np.full((rows * height, min(len(cells), _COLUMNS) * width, 3), 24, np.uint8)
    for number, cell_HWC in enumerate(cells):
        top, left = number // _COLUMNS * height, number % _COLUMNS * width
        page_HWC[top : top + height, left : left + width] = cell_HWC
    done, coded = cv2.imencode(".jpg", page_HWC, [cv2.IMWRITE_JPEG_QUALITY, 80])
    return coded.tobytes() if done else None


def spread(records: Sequence[Record], count: int) -> list[Record]:
    """So many of the records, evenly from first to last."""
    if len(records) <= count:
        return list(records)
    return [records[index * len(records) // count] for index in range(count)]


def _cell(record: Record, raw: RawFiles) -> NDArray[np.uint8] | None:
    if not record.has(Media):
        return None
    if record.has(Unit):
        return _unit_cell(record, raw)
    media = record.part(Media)
    first, end = media.first_pts, media.end_pts
    if record.has(Span):
        span = record.part(Span)
        first, end = span.first_pts, span.end_pts
    middle = (first + end) // 2
    wanted = Span(
        first_pts=middle, end_pts=max(end, middle + 1), time_base=media.time_base, first_frame=1, num_frames=1
    )
    try:
        found = next(read_pictures(raw.source(record), media, wanted, most_side=_CELL[0]), None)
    except OpenLPMError:  # the source has gone meanwhile: a report of what is left is still wanted
        return None
    return None if found is None else _fitted(found.picture_HWC)


def _unit_cell(record: Record, raw: RawFiles) -> NDArray[np.uint8] | None:
    """The person in the middle of a unit, as the unit frames it."""
    unit, media = record.part(Unit), record.part(Media)
    middle = unit.num_frames // 2
    left, top, side = (float(each) for each in unit.crops.unpack()[middle])
    try:
        frames = pictures_on_grid(raw.source(record), media, record.part(Span), first_frame=unit.first_frame + middle)
        picture_HWC = next(frames, None)
    except OpenLPMError:
        return None
    if picture_HWC is None:
        return None
    across = picture_HWC.shape[1] / media.width
    shown = cut_out(picture_HWC, ((left + side / 2) * across, (top + side / 2) * across, side * across), _CELL[1])
    return _fitted(np.ascontiguousarray(shown[..., ::-1]))


def _fitted(picture_HWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture in the upper left of a cell."""
    height, width = picture_HWC.shape[:2]
    scale = min(_CELL[0] / width, _CELL[1] / height)
    small_HWC = cv2.resize(picture_HWC, (max(1, int(width * scale)), max(1, int(height * scale))))
    cell_HWC = np.full((_CELL[1], _CELL[0], 3), 24, np.uint8)
    cell_HWC[: small_HWC.shape[0], : small_HWC.shape[1]] = small_HWC
    return cell_HWC
