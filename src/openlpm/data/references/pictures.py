"""The reference pictures of a unit."""

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import InputError
from openlpm.data.grid import pictures_on_grid
from openlpm.data.parts import Media
from openlpm.data.people.cut_out import cut_out
from openlpm.data.records import Record
from openlpm.data.references.part import Reference, References
from openlpm.data.stage import RawFiles
from openlpm.dit.condition import ReferenceKind


class ReferencePicture(NamedTuple):
    """One of them."""

    kind: ReferenceKind
    subtype: int
    """As ``dit.condition.ReferenceSlot`` counts; its name is ``part.names_of(kind)[subtype]``."""
    picture_HWC: NDArray[np.uint8]
    """8-bit RGB, square."""


def reference_pictures(record: Record, raw: RawFiles, size: int = 256) -> list[ReferencePicture]:
    """The references of a unit in the order of its part; each clip is read once, as far as it is needed.

    Raises:
        InputError: the record has no references part, or its source cannot be read any more.
    """
    references = record.part(References).references
    found: dict[int, NDArray[np.uint8]] = {}
    order = sorted(range(len(references)), key=lambda k: (references[k].span.first_pts, references[k].frame))
    for _, indices in groupby(order, key=lambda k: references[k].span.first_pts):
        found.update(_of_one_clip(record, raw, [(k, references[k]) for k in indices], size))
    return [ReferencePicture(each.kind, each.subtype_index, found[k]) for k, each in enumerate(references)]


def _of_one_clip(
    record: Record, raw: RawFiles, wanted: list[tuple[int, Reference]], size: int
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Pictures of one clip by the numbers of their references, which rise in time."""
    media = record.part(Media)
    begin = wanted[0][1].frame
    pictures = pictures_on_grid(raw.source(record), media, wanted[0][1].span, first_frame=begin)
    frame, picture_HWC = begin - 1, None
    for index, reference in wanted:
        while frame < reference.frame:
            picture_HWC = next(pictures, None)
            frame += 1
        if picture_HWC is None:
            raise InputError(f"unit {record.id}: a reference frame is not in its source; build the dataset again")
        across, down = picture_HWC.shape[1] / media.width, picture_HWC.shape[0] / media.height
        left, top, side = reference.square
        yield index, cut_out(picture_HWC, ((left + side / 2) * across, (top + side / 2) * down, side * across), size)
