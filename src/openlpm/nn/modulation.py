"""Adaptive layer norm: scale, shift and gate that come from the time of the flow.

A sequence of S tokens is G groups of equal length, each with one modulation: G = 1 when the whole sequence shares one
time, G = number of latent frames (and references) when each frame has its own. The modulation is broadcast inside a
group, so a (B, S, D) copy of it never exists.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from openlpm.nn.precision import widened


def modulated_norm(
    x_BSD: Float[Tensor, "B S D"], shift_BGD: Float[Tensor, "B G D"], scale_BGD: Float[Tensor, "B G D"], *, eps: float
) -> Float[Tensor, "B S D"]:
    """``layer_norm(x) * (1 + scale) + shift``, computed in float32 at least."""
    normed_BSD = F.layer_norm(widened(x_BSD), x_BSD.shape[-1:], eps=eps)
    grouped_BGPD = normed_BSD.unflatten(1, (shift_BGD.shape[1], -1))
    out_BGPD = torch.addcmul(shift_BGD[:, :, None], grouped_BGPD, 1 + scale_BGD[:, :, None])
    return out_BGPD.flatten(1, 2).to(x_BSD.dtype)


def gated_add(
    x_BSD: Float[Tensor, "B S D"], update_BSD: Float[Tensor, "B S D"], gate_BGD: Float[Tensor, "B G D"]
) -> Float[Tensor, "B S D"]:
    """``x + gate * update``, computed in float32 at least."""
    groups = (gate_BGD.shape[1], -1)
    grouped_BGPD = torch.addcmul(
        widened(x_BSD).unflatten(1, groups), widened(update_BSD).unflatten(1, groups), gate_BGD[:, :, None]
    )
    return grouped_BGPD.flatten(1, 2).to(x_BSD.dtype)
