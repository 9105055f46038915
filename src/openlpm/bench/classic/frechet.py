"""Fréchet distances between clips and their truth: FID on pictures, FVD on short videos.

Heusel et al. (2017, "GANs trained by a two time-scale update rule", eq. 6); Unterthiner et al. (2018, "Towards accurate
generative models of video"). A distance belongs to a set; its jackknife pseudo-values belong to cases, and their mean
is the distance with the bias of small sets taken out to first order.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.bench.classic.metric import About, Better
from openlpm.bench.classic.network import Network, pictures, spread_frames
from openlpm.bench.classic.networked import Clips
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


def fid(network: Network, clips: Clips, truths: Clips) -> dict[str, float]:
    """Of single pictures."""

    def moments(count: int) -> NDArray[np.intp]:
        return spread_frames(count, _FRAMES_A_CASE)

    return _against_truth(clips, truths, moments, lambda frames_FHWC, at: network(pictures(frames_FHWC[at], _FID_SIDE)))


def fvd(network: Network, clips: Clips, truths: Clips) -> dict[str, float]:
    """Of windows of sixteen frames; shorter clips have no value."""

    def starts(count: int) -> NDArray[np.intp]:
        return spread_frames(max(count - _WINDOW + 1, 0), _WINDOWS_A_CASE)

    return _against_truth(clips, truths, starts, lambda frames_FHWC, at: network(_windows(frames_FHWC, at)))


def _against_truth(
    clips: Clips,
    truths: Clips,
    moments: Callable[[int], NDArray[np.intp]],
    features: Callable[[NDArray[np.uint8], NDArray[np.intp]], Features],
) -> dict[str, float]:
    """Pseudo-values of features at the same moments of both, so that sets are of equal size."""
    ours, theirs = {}, {}
    for clip in clips.values():
        truth = truths.get(clip.case)
        if truth is None:
            continue
        at = moments(min(clip.frames_FHWC.shape[0], truth.frames_FHWC.shape[0]))
        if at.size:
            ours[clip.case], theirs[clip.case] = (features(each.frames_FHWC, at) for each in (clip, truth))
    return pseudo_values(ours, theirs)


def _windows(frames_FHWC: NDArray[np.uint8], starts: NDArray[np.intp]) -> torch.Tensor:
    """Windows as (N, 3, 16, side, side) in [-1, 1]."""
    windows = [pictures(frames_FHWC[start : start + _WINDOW], _FVD_SIDE) for start in starts]
    return torch.stack(windows).transpose(1, 2) * 2 - 1
