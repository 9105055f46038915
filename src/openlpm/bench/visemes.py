"""Visemes: whether each shape of the mouth comes when it is said, whichever is frequent."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from openlpm.bench.metrics import speaking
from openlpm.bench.reading import ClipReading
from openlpm.bench.result import Bar, Row
from openlpm.bench.scoring import Scored, scored_rows
from openlpm.bench.signals import FloatTrack, Mask
from openlpm.bench.statistics import Values
from openlpm.core.record import PerformanceRecord
from openlpm.core.rig import VISEMES

NAME = "viseme_f1"
S_BAR = Bar(at_least=0.85)

ReadVisemes = Callable[[FloatTrack], NDArray[np.integer]]
"""``viseme_reader.VisemeReader.read``: a rig as a critic reads it -> the viseme of every frame."""


def class_counts(
    read_F: NDArray[np.integer], true_F: NDArray[np.integer], asked_F: Mask, num_classes: int
) -> NDArray[np.float64]:
    """What one clip adds to a macro-F1: for every class its hits, how often it was read and how often it was true."""
    read_A, true_A = read_F[asked_F], true_F[asked_F]
    hits_C = np.bincount(true_A[read_A == true_A], minlength=num_classes)
    counts = (hits_C, np.bincount(read_A, minlength=num_classes), np.bincount(true_A, minlength=num_classes))
    return np.concatenate(counts).astype(np.float64)


def macro_f1(sums_EX: Values) -> Values:
    """The mean F1 of all classes that the truth holds, from summed ``class_counts``; NaN where it holds none."""
    hits_EC, read_EC, true_EC = np.split(sums_EX, 3, axis=1)
    f1_EC = 2 * hits_EC / np.maximum(read_EC + true_EC, 1.0)
    present_EC = true_EC > 0
    count_E = present_EC.sum(axis=1)
    return np.where(count_E == 0, np.nan, (f1_EC * present_EC).sum(axis=1)) / np.maximum(count_E, 1)


def viseme_rows(
    records: Sequence[PerformanceRecord],
    truth: Sequence[ClipReading],
    generated: Sequence[ClipReading],
    other: Sequence[int],
    read: ReadVisemes,
) -> list[Row]:
    """Macro-F1 over the visemes of speaking frames; the control is the mouth of clip ``other[k]`` in clip k.

    What a mouth says is read from how it moves, since a single picture does not tell.
    """

    def terms(readings: Sequence[ClipReading]) -> Values:
        return np.stack(
            [
                class_counts(read(reading.rig_FR), _visemes(record), speaking(record.state_F), len(VISEMES))
                for reading, record in zip(readings, records, strict=True)
            ]
        )

    scored = Scored(
        generated_NX=terms(generated),
        truth_NX=terms(truth),
        control_NX=terms([truth[index] for index in other]),
        value=macro_f1,
    )
    return scored_rows(NAME, scored, s_bar=S_BAR)


def _visemes(record: PerformanceRecord) -> NDArray[np.int8]:
    assert record.truth is not None
    return record.truth.viseme_F
