"""CSIM: the cosine between what a face network sees in a clip and in the reference picture."""

from typing import Final

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


def csim(network: Network, clip: Footage) -> float | None:
    """Likeness to the reference picture; None without one."""
    if clip.reference_HWC is None:
        return None
    chosen = spread_frames(clip.frames_FHWC.shape[0], _FRAMES_A_CASE)
    seen_ND = network(pictures(clip.frames_FHWC[chosen], _SIDE))
    wanted_1D = network(pictures(clip.reference_HWC[None], _SIDE))
    return float(cosines(seen_ND, np.repeat(wanted_1D, seen_ND.shape[0], axis=0)).mean())
