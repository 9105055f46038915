"""What pictures look like, whatever they show: how sharp they are, how they change, and how natural they are.

The last are statistics that blur, noise and blocks alter: of locally normalised luma, as Mittal, Soundararajan and
Bovik (2013) propose, in closed form.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

WINDOW_FRAMES = 8
"""Of so many frames one is described."""
_LUMA = (0.299, 0.587, 0.114)
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))
_LEAST_CONTRAST = 4 / 255
"""What nobody sees does not count: at one step of 255 an encoder's rounding in flat places was most of the distance."""
_SCALES = 2
_CHANGE_SCALES = (256, 64, 16)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Pictures:
    """Of F successive frames."""

    sharp_F: NDArray[np.float64]
    """Root mean square of the Laplacian of the luma at half size: edges, not what an encoder adds to flat places."""
    change_F: NDArray[np.float64]
    """Mean absolute difference to the frame before; 0 for the first."""
    tremor_F: NDArray[np.float64]
    """Mean absolute difference to the mean of both neighbours; 0 for the first and the last."""
    looks_WX: NDArray[np.float64]
    """A description of every ``WINDOW_FRAMES``-th frame and of its change to the next."""


@torch.inference_mode()
def look_at(frames_FCHW: Tensor) -> Pictures:
    """Measure pictures (F, 3, H, W) in [0, 1], two frames or more, where they are."""
    weights_C11 = torch.tensor(_LUMA, device=frames_FCHW.device)[:, None, None]
    luma_FHW = (frames_FCHW.float() * weights_C11).sum(dim=1)
    difference_F = (luma_FHW[1:] - luma_FHW[:-1]).abs().mean(dim=(1, 2))
    between_F = (luma_FHW[1:-1] - (luma_FHW[:-2] + luma_FHW[2:]) / 2).abs().mean(dim=(1, 2))
    chosen = slice(None, frames_FCHW.shape[0] - 1, WINDOW_FRAMES)
    now_WHW, next_WHW = luma_FHW[chosen], luma_FHW[1:][chosen]
    looks = [_naturalness(now_WHW), _colours(frames_FCHW[chosen].float()), _motion(now_WHW, next_WHW)]
    return Pictures(
        sharp_F=_numbers(_edges(functional.avg_pool2d(luma_FHW[:, None], 2)[:, 0]).square().mean(dim=(1, 2)).sqrt()),
        change_F=np.pad(_numbers(difference_F), (1, 0)),
        tremor_F=np.pad(_numbers(between_F), (1, 1))[: frames_FCHW.shape[0]],
        looks_WX=_numbers(torch.cat(looks, dim=1)),
    )


def _laplacian(luma_FHW: Tensor) -> Tensor:
    return _edges(luma_FHW).abs().mean(dim=(1, 2))


def _edges(luma_FHW: Tensor) -> Tensor:
    centre = luma_FHW[:, 1:-1, 1:-1]
    around = luma_FHW[:, :-2, 1:-1] + luma_FHW[:, 2:, 1:-1] + luma_FHW[:, 1:-1, :-2] + luma_FHW[:, 1:-1, 2:]
    return 4 * centre - around


def _naturalness(luma_WHW: Tensor) -> Tensor:
    parts: list[Tensor] = []
    picture_WCHW = luma_WHW[:, None]
    for _ in range(_SCALES):
        mean_WCHW = _blurred(picture_WCHW)
        spread_WCHW = (_blurred(picture_WCHW.square()) - mean_WCHW.square()).clamp_min(0).sqrt()
        normal_WHW = ((picture_WCHW - mean_WCHW) / (spread_WCHW + _LEAST_CONTRAST))[:, 0]
        parts += [normal_WHW.abs().mean(dim=(1, 2)), normal_WHW.square().mean(dim=(1, 2))]
        parts += [spread_WCHW.mean(dim=(1, 2, 3)).add(1e-4).log(), _laplacian(picture_WCHW[:, 0]).add(1e-4).log()]
        for down, across in _NEIGHBOURS:
            product_WHW = normal_WHW * torch.roll(normal_WHW, (down, across), dims=(1, 2))
            parts += [product_WHW.mean(dim=(1, 2)), product_WHW.abs().mean(dim=(1, 2))]
        picture_WCHW = functional.avg_pool2d(picture_WCHW, 2)
    return torch.stack(parts, dim=1)


def _blurred(picture_WCHW: Tensor) -> Tensor:
    """Twice a mean of five: nearly a Gaussian, and cheap."""
    for _ in range(2):
        padded = functional.pad(picture_WCHW, (2, 2, 2, 2), mode="replicate")
        picture_WCHW = functional.avg_pool2d(padded, 5, stride=1)
    return picture_WCHW


def _colours(frames_WCHW: Tensor) -> Tensor:
    return torch.cat([frames_WCHW.mean(dim=(2, 3)), frames_WCHW.std(dim=(2, 3))], dim=1)


def _motion(now_WHW: Tensor, next_WHW: Tensor) -> Tensor:
    parts: list[Tensor] = []
    for rows in _CHANGE_SCALES:
        change_WHW = functional.adaptive_avg_pool2d(next_WHW - now_WHW, rows)
        parts.append(change_WHW.abs().mean(dim=(1, 2)).add(1e-3).log())
    return torch.stack(parts, dim=1)


def _numbers(values: Tensor) -> NDArray[np.float64]:
    return values.double().cpu().numpy()
