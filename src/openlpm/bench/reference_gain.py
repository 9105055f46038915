"""What each kind of reference picture adds: the same clips performed with more and more of them."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from openlpm.bench import controls, statistics
from openlpm.bench.reading import ClipReading
from openlpm.bench.result import Row
from openlpm.synth.look.references import ReferenceKind

NAME = "reference_gain"
STEPS: dict[str, tuple[ReferenceKind, ...]] = {
    "global": ("global",),
    "views": ("global", "view"),
    "expressions": ("global", "view", "expression"),
}
"""What a performer is shown, by the kind that is added last."""


def similarities(readings: Sequence[ClipReading], references_KD: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean cosine of each clip's frames to its own reference; -1 for frames that cannot be embedded."""
    scores = [
        np.nan_to_num(reading.identity_FD @ reference_D, nan=-1.0).mean()
        for reading, reference_D in zip(readings, references_KD, strict=True)
    ]
    return np.array(scores, dtype=np.float64)


def gain_rows(
    shown: Mapping[str, Sequence[ClipReading]], truth: Sequence[ClipReading], references_KD: NDArray[np.float32]
) -> list[Row]:
    """Likeness with a single picture, and the paired gain of each further kind, beside truth and another character.

    ``shown`` has the readings of each of ``STEPS``; a reference is the embedding of all pictures.
    """
    alike = {name: similarities(shown[name], references_KD) for name in STEPS}
    other_KD = references_KD[controls.another_clip(len(truth))]
    return [
        Row.of(f"{NAME}/global_alone", statistics.mean(alike["global"])),
        Row.of(f"{NAME}/views", statistics.mean(alike["views"] - alike["global"])),
        Row.of(f"{NAME}/expressions", statistics.mean(alike["expressions"] - alike["views"])),
        Row.of(f"{NAME}/truth", statistics.mean(similarities(truth, references_KD))),
        Row.of(f"{NAME}/other_identity", statistics.mean(similarities(truth, other_KD))),
    ]


def no_gain_rows() -> list[Row]:
    """The rows when nothing was performed."""
    return [Row(name=f"{NAME}/{kind}", value=None, n=0) for kind in ("global_alone", "views", "expressions")]
