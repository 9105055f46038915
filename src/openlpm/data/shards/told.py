"""What captions and references of a record give to its sample; records without them give nothing."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from openlpm.data.records import Record
from openlpm.data.shards.facts import ReferenceFact
from openlpm.data.stage import RawFiles


def emotion_of(record: Record) -> str:
    """The strongest emotion that captions name."""
    return ""


def references_of(record: Record, raw: RawFiles, size: int) -> Iterator[tuple[ReferenceFact, NDArray[np.uint8]]]:
    """The reference pictures of a unit with what they show."""
    return iter(())
