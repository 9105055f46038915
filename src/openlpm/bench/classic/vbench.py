"""Dimensions of VBench (Huang et al. 2024) that need a network and nothing else, a function a kind of network."""

from typing import Final

import numpy as np

from openlpm.bench.classic.likeness import cosines
from openlpm.bench.classic.metric import About, Better, Footage
from openlpm.bench.classic.network import Network, pictures, spread_frames

_SIDE, _FRAMES = 224, 24
_TOP_SHARE = 0.05
_FEATURES = "takes pictures (N, 3, 224, 224) in [0, 1] and gives features (N, D)"
_SCORES = "takes pictures (N, 3, 224, 224) in [0, 1] and gives a score each (N,)"
_STILL = "highest for a still picture: read it beside a measure of motion"

SUBJECT: Final = About(
    name="vbench_subject_consistency",
    better=Better.HIGHER,
    unit="cosine",
    weights=_FEATURES,
    pitfalls=(_STILL, "says nothing of whether it is the right person, only of whether it stays one"),
    reacts_to=("slow_morph",),
)
BACKGROUND: Final = About(
    name="vbench_background_consistency",
    better=Better.HIGHER,
    unit="cosine",
    weights=_FEATURES,
    pitfalls=(_STILL, "the person fills the picture here: it measures the person, too"),
    reacts_to=("noise",),
)
AESTHETIC: Final = About(
    name="vbench_aesthetic_quality",
    better=Better.HIGHER,
    unit="score",
    weights=_SCORES,
    pitfalls=("taste of the raters it was trained on; the reference picture decides more than the model",),
    reacts_to=("noise",),
)
IMAGING: Final = About(
    name="vbench_imaging_quality",
    better=Better.HIGHER,
    unit="score",
    weights=_SCORES,
    pitfalls=("rewards sharpness, also that of sharpening", "flat drawn styles count as poor"),
    reacts_to=("noise",),
)
DYNAMIC: Final = About(
    name="vbench_dynamic_degree",
    better=Better.HIGHER,
    unit="pixels a frame at 224",
    weights="takes two pictures (N, 3, 224, 224) in [0, 1] and gives the flow between them (N, 2, H, W)",
    pitfalls=("more is not better: shaking and flicker count as motion",),
    reacts_to=("freeze",),
)
SMOOTHNESS: Final = About(
    name="vbench_motion_smoothness",
    better=Better.HIGHER,
    unit="1 less the mean error",
    weights="takes two pictures (N, 3, 224, 224) in [0, 1] and gives the one between them, of the same size",
    pitfalls=(_STILL, "fast and lively motion is punished"),
    reacts_to=("jitter",),
)


def consistency(network: Network, clip: Footage) -> float | None:
    """How alike frames are to the first and to the one before; None of a single frame."""
    chosen = spread_frames(clip.frames_FHWC.shape[0], _FRAMES)
    if chosen.shape[0] < 2:
        return None
    seen_ND = network(pictures(clip.frames_FHWC[chosen], _SIDE))
    first = cosines(seen_ND[1:], np.repeat(seen_ND[:1], seen_ND.shape[0] - 1, axis=0))
    return float(((first + cosines(seen_ND[1:], seen_ND[:-1])) / 2).mean())


def picture_score(network: Network, clip: Footage) -> float:
    """The mean of a score of single frames."""
    chosen = spread_frames(clip.frames_FHWC.shape[0], _FRAMES)
    return float(network(pictures(clip.frames_FHWC[chosen], _SIDE)).mean())


def flow(network: Network, clip: Footage) -> float | None:
    """How far the twentieth that moves most moves from frame to frame; None of a single frame."""
    if clip.frames_FHWC.shape[0] < 2:
        return None
    starts = spread_frames(clip.frames_FHWC.shape[0] - 1, _FRAMES)
    before, after = (pictures(clip.frames_FHWC[starts + step], _SIDE) for step in (0, 1))
    far_NP = np.linalg.norm(network(before, after), axis=1).reshape(len(starts), -1)
    top = max(1, round(_TOP_SHARE * far_NP.shape[1]))
    return float(np.sort(far_NP, axis=1)[:, -top:].mean())


def smoothness(network: Network, clip: Footage) -> float | None:
    """How well a frame is foretold by its neighbours; None of fewer than three frames."""
    if clip.frames_FHWC.shape[0] < 3:
        return None
    starts = spread_frames(clip.frames_FHWC.shape[0] - 2, _FRAMES)
    before, between, after = (pictures(clip.frames_FHWC[starts + step], _SIDE) for step in range(3))
    return float(1 - np.abs(network(before, after) - between.numpy()).mean())
