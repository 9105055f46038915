"""Fréchet distances between clips and their truth: FID on pictures, FVD on short videos.

Heusel et al. (2017, "GANs trained by a two time-scale update rule", eq. 6); Unterthiner et al. (2018, "Towards accurate
generative models of video"). A distance belongs to a set; its jackknife pseudo-values belong to cases, and their mean
is the distance with the bias of small sets taken out to first order.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.bench.classic.metric import About, Better, Footage
from openlpm.bench.classic.network import Network, pictures, spread_frames
from openlpm.core.errors import ConfigError

Features = NDArray[np.float64]
_FRAMES_A_CASE, _FID_SIDE = 5, 299
_WINDOW, _FVD_SIDE, _WINDOWS_A_CASE = 16, 224, 2

FID: Final = About(
    name="fid",
    better=Better.LOWER,
    unit="squared feature units",
    weights="takes frames (N, 3, 299, 299) in [0, 1] and gives features (N, D)",
    pitfalls=(
        "of sets of equal size alone: it falls as sets grow",
        "blind to time: frames in any order, or a face that never moves, score the same",
        "features of photographs say little of drawn characters",
    ),
    reacts_to=("noise",),
)
FVD: Final = About(
    name="fvd",
    better=Better.LOWER,
    unit="squared feature units",
    weights="takes windows (N, 3, 16, 224, 224) in [-1, 1] and gives features (N, D)",
    pitfalls=(
        "0 for motion played backwards, where the features do not know the arrow of time",
        "moved by texture more than by motion",
        "of sets of equal size and equal windows alone",
    ),
    reacts_to=("noise", "freeze"),
)


def frechet_distance(ours_ND: Features, theirs_ND: Features) -> float:
    """Squared Fréchet distance of the normal distributions that fit two sets of features.

    The trace of the root of the product of both covariances is the nuclear norm of the product of the centred sets, so
    that no root of a D x D matrix is needed and sets smaller than D are no trouble.

    Raises:
        ConfigError: fewer than two features in a set, or features of different width.
    """
    if min(ours_ND.shape[0], theirs_ND.shape[0]) < 2 or ours_ND.shape[1] != theirs_ND.shape[1]:
        raise ConfigError(f"features of shapes {ours_ND.shape} and {theirs_ND.shape}: give two or more of one width")
    apart_D = ours_ND.mean(axis=0) - theirs_ND.mean(axis=0)
    centred = [(each - each.mean(axis=0)) / np.sqrt(each.shape[0] - 1) for each in (ours_ND, theirs_ND)]
    # Turning each set by its Q leaves singular values alone and large sets no larger than their features are wide.
    ours_RD, theirs_RD = (np.linalg.qr(each).R for each in centred)
    root = float(np.linalg.svd(ours_RD @ theirs_RD.T, compute_uv=False).sum())
    own = sum(float((each**2).sum()) for each in centred)
    return max(0.0, float(apart_D @ apart_D) + own - 2 * root)


def pseudo_values(ours: Mapping[str, Features], theirs: Mapping[str, Features]) -> dict[str, float]:
    """What each case adds to the distance: n times that of all less n - 1 times that without it.

    Raises:
        ConfigError: fewer than three cases.
    """
    names = [name for name in ours if name in theirs]
    if len(names) < 3:
        raise ConfigError(f"{len(names)} cases with a truth: a Fréchet distance by cases needs 3 or more")

    def distance(chosen: Sequence[str]) -> float:
        return frechet_distance(
            np.concatenate([ours[name] for name in chosen]), np.concatenate([theirs[name] for name in chosen])
        )

    count, whole = len(names), distance(names)
    return {name: count * whole - (count - 1) * distance([other for other in names if other != name]) for name in names}


@final
class Fid:
    """``ClassicMetric`` of single pictures."""

    def __init__(self, path: Path) -> None:
        self._network = Network(path, FID.weights)

    @property
    def about(self) -> About:
        return FID

    @property
    def sha256(self) -> str:
        return self._network.sha256

    def values(self, clips: Mapping[str, Footage], truths: Mapping[str, Footage]) -> dict[str, float]:
        ours, theirs = {}, {}
        for clip in clips.values():
            truth = truths.get(clip.case)
            if truth is not None:
                # The same moments of both, so that sets are of equal size.
                shared = spread_frames(min(clip.frames_FHWC.shape[0], truth.frames_FHWC.shape[0]), _FRAMES_A_CASE)
                ours[clip.case], theirs[clip.case] = (
                    self._network(pictures(each.frames_FHWC[shared], _FID_SIDE)) for each in (clip, truth)
                )
        return pseudo_values(ours, theirs)


@final
class Fvd:
    """``ClassicMetric`` of windows of sixteen frames."""

    def __init__(self, path: Path) -> None:
        self._network = Network(path, FVD.weights)

    @property
    def about(self) -> About:
        return FVD

    @property
    def sha256(self) -> str:
        return self._network.sha256

    def values(self, clips: Mapping[str, Footage], truths: Mapping[str, Footage]) -> dict[str, float]:
        ours, theirs = {}, {}
        for clip in clips.values():
            truth = truths.get(clip.case)
            count = 0 if truth is None else min(clip.frames_FHWC.shape[0], truth.frames_FHWC.shape[0])
            if truth is not None and count >= _WINDOW:
                starts = spread_frames(count - _WINDOW + 1, _WINDOWS_A_CASE)
                ours[clip.case], theirs[clip.case] = (
                    self._network(_windows(each.frames_FHWC, starts)) for each in (clip, truth)
                )
        return pseudo_values(ours, theirs)


def _windows(frames_FHWC: NDArray[np.uint8], starts: NDArray[np.intp]) -> torch.Tensor:
    """Windows as (N, 3, 16, side, side) in [-1, 1]."""
    windows = [pictures(frames_FHWC[start : start + _WINDOW], _FVD_SIDE) for start in starts]
    return torch.stack(windows).transpose(1, 2) * 2 - 1
