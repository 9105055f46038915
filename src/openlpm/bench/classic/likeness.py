"""CSIM: the cosine between what a face network sees in a clip and in the reference picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from openlpm.bench.classic.metric import About, Better, Footage
from openlpm.bench.classic.network import Network, pictures, spread_frames

_SIDE, _FRAMES_A_CASE = 112, 24

CSIM: Final = About(
    name="csim",
    better=Better.HIGHER,
    unit="cosine",
    weights="takes pictures (N, 3, 112, 112) in [0, 1] and gives embeddings (N, D)",
    pitfalls=(
        "rewards stillness: a frozen reference scores 1; read it beside a measure of motion",
        "networks trained on photographs of people put all drawn characters close together",
        "sees the whole picture: hair, clothes and background count unless the network cuts the face out",
    ),
    reacts_to=("swapped_identity",),
)


def cosines(ours_ND: NDArray[np.float64], theirs_ND: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cosine of every row with the row beside it; 0 where one of them is 0."""
    lengths_N = np.linalg.norm(ours_ND, axis=1) * np.linalg.norm(theirs_ND, axis=1)
    products_N = (ours_ND * theirs_ND).sum(axis=1)
    return np.divide(products_N, lengths_N, out=np.zeros_like(products_N), where=lengths_N > 0)


@final
class Csim:
    """``ClassicMetric`` of likeness to the reference picture; cases without one have no value."""

    def __init__(self, path: Path) -> None:
        self._network = Network(path, CSIM.weights)

    @property
    def about(self) -> About:
        return CSIM

    @property
    def sha256(self) -> str:
        return self._network.sha256

    def values(self, clips: Mapping[str, Footage], truths: Mapping[str, Footage]) -> dict[str, float]:
        found: dict[str, float] = {}
        for clip in clips.values():
            if clip.reference_HWC is None:
                continue
            chosen = spread_frames(clip.frames_FHWC.shape[0], _FRAMES_A_CASE)
            seen_ND = self._network(pictures(clip.frames_FHWC[chosen], _SIDE))
            wanted_1D = self._network(pictures(clip.reference_HWC[None], _SIDE))
            found[clip.case] = float(cosines(seen_ND, np.repeat(wanted_1D, seen_ND.shape[0], axis=0)).mean())
        return found
