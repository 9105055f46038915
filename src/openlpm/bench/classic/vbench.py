"""Dimensions of VBench (Huang et al. 2024) that need a network and nothing else, a class for each kind of network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, final

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


@final
class Consistency:
    """``ClassicMetric``: how alike frames are to the first and to the one before."""

    def __init__(self, path: Path, about: About) -> None:
        self._network, self._about = Network(path, about.weights), about

    @property
    def about(self) -> About:
        return self._about

    @property
    def sha256(self) -> str:
        return self._network.sha256

    def values(self, clips: Mapping[str, Footage], truths: Mapping[str, Footage]) -> dict[str, float]:
        found: dict[str, float] = {}
        for clip in clips.values():
            chosen = spread_frames(clip.frames_FHWC.shape[0], _FRAMES)
            if chosen.shape[0] < 2:
                continue
            seen_ND = self._network(pictures(clip.frames_FHWC[chosen], _SIDE))
            first = cosines(seen_ND[1:], np.repeat(seen_ND[:1], seen_ND.shape[0] - 1, axis=0))
            found[clip.case] = float(((first + cosines(seen_ND[1:], seen_ND[:-1])) / 2).mean())
        return found


@final
class PictureScore:
    """``ClassicMetric``: the mean of a score of single frames."""

    def __init__(self, path: Path, about: About) -> None:
        self._network, self._about = Network(path, about.weights), about

    @property
    def about(self) -> About:
        return self._about

    @property
    def sha256(self) -> str:
        return self._network.sha256

    def values(self, clips: Mapping[str, Footage], truths: Mapping[str, Footage]) -> dict[str, float]:
        return {
            clip.case: float(
                self._network(
                    pictures(clip.frames_FHWC[spread_frames(clip.frames_FHWC.shape[0], _FRAMES)], _SIDE)
                ).mean()
            )
            for clip in clips.values()
        }


@final
class Flow:
    """``ClassicMetric``: how far the twentieth that moves most moves from frame to frame."""

    def __init__(self, path: Path) -> None:
        self._network = Network(path, DYNAMIC.weights)

    @property
    def about(self) -> About:
        return DYNAMIC

    @property
    def sha256(self) -> str:
        return self._network.sha256

    def values(self, clips: Mapping[str, Footage], truths: Mapping[str, Footage]) -> dict[str, float]:
        found: dict[str, float] = {}
        for clip in clips.values():
            if clip.frames_FHWC.shape[0] > 1:
                starts = spread_frames(clip.frames_FHWC.shape[0] - 1, _FRAMES)
                before, after = (pictures(clip.frames_FHWC[starts + step], _SIDE) for step in (0, 1))
                far_NP = np.linalg.norm(self._network(before, after), axis=1).reshape(len(starts), -1)
                top = max(1, round(_TOP_SHARE * far_NP.shape[1]))
                found[clip.case] = float(np.sort(far_NP, axis=1)[:, -top:].mean())
        return found


@final
class Smoothness:
    """``ClassicMetric``: how well a frame is foretold by its neighbours."""

    def __init__(self, path: Path) -> None:
        self._network = Network(path, SMOOTHNESS.weights)

    @property
    def about(self) -> About:
        return SMOOTHNESS

    @property
    def sha256(self) -> str:
        return self._network.sha256

    def values(self, clips: Mapping[str, Footage], truths: Mapping[str, Footage]) -> dict[str, float]:
        found: dict[str, float] = {}
        for clip in clips.values():
            if clip.frames_FHWC.shape[0] > 2:
                starts = spread_frames(clip.frames_FHWC.shape[0] - 2, _FRAMES)
                before, between, after = (pictures(clip.frames_FHWC[starts + step], _SIDE) for step in range(3))
                error = np.abs(self._network(before, after) - between.numpy()).mean()
                found[clip.case] = float(1 - error)
        return found
