"""The pictures of a unit: one person alone, 24 a second, square."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import InputError
from openlpm.data.grid import pictures_on_grid
from openlpm.data.pairing.part import Unit
from openlpm.data.parts import Media, Span
from openlpm.data.people.cut_out import cut_out
from openlpm.data.records import Record
from openlpm.data.stage import RawFiles


def unit_pictures(record: Record, raw: RawFiles, size: int = 256) -> Iterator[NDArray[np.uint8]]:
    """Each frame of a unit, one at a time: 8-bit RGB, (size, size, 3), what the unit's crop shows of the source.

    Raises:
        InputError: the record is no unit, or its source cannot be opened or has fewer frames than it had.
    """
    unit, media = record.part(Unit), record.part(Media)
    squares_F3 = unit.crops.unpack()
    frames = pictures_on_grid(raw.source(record), media, record.part(Span), first_frame=unit.first_frame)
    frame = -1
    for frame, picture_HWC in enumerate(islice(frames, unit.num_frames)):
        # A decoder's picture may be a pixel larger or smaller than the source says it is.
        across, down = picture_HWC.shape[1] / media.width, picture_HWC.shape[0] / media.height
        left, top, side = (float(each) for each in squares_F3[frame])
        middle = ((left + side / 2) * across, (top + side / 2) * down)
        yield cut_out(picture_HWC, (*middle, side * across), size)
    if frame + 1 < unit.num_frames:
        raise InputError(
            f"unit {record.id} has {unit.num_frames} frames, its source only {frame + 1}: build the dataset again"
        )
