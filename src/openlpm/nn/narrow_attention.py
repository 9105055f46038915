"""Attention through FlashAttention 3 (package ``fa3-fwd``, for Hopper): in bfloat16, and in 8 bits (E4M3).

Queries, keys and values are stored as ``SCALE`` times what they are, for all heads alike: normalised queries and keys,
and values of a network, are of order one, and 8-bit numbers are as precise at 0.01 as at 100. Elsewhere the same
numbers are multiplied in float32, so that the mathematics can be tested anywhere.
"""

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from openlpm.nn import rope_kernel
from openlpm.nn.attention import attention

TYPE = torch.float8_e4m3fn
SCALE = 4.0
LARGEST = torch.finfo(TYPE).max


@cache
def is_supported(device: torch.device) -> bool:
    """Whether this device attends in 8 bits: a Hopper GPU, and the package installed."""
    if device.type != "cuda" or find_spec("fa3_fwd") is None:
        return False
    return torch.cuda.get_device_capability(device) == (9, 0)


def narrow_into(target_BSNK: Tensor, x_BSNK: Float[Tensor, "B S N K"]) -> None:
    """Write ``x`` in 8 bits into a buffer of ``TYPE``; what is too large becomes the largest."""
    if rope_kernel.is_supported(x_BSNK):
        rope_kernel.scale_into(target_BSNK, x_BSNK, SCALE, LARGEST)
    else:
        target_BSNK.copy_((x_BSNK.float() * SCALE).clamp(-LARGEST, LARGEST))


def narrowed(x_BSNK: Float[Tensor, "B S N K"]) -> Tensor:
    """``narrow_into`` in a tensor of its own."""
    made_BSNK = torch.empty(x_BSNK.shape, dtype=TYPE, device=x_BSNK.device)
    narrow_into(made_BSNK, x_BSNK)
    return made_BSNK


def narrow_attention(query_BSNK: Tensor, key_BLNK: Tensor, value_BLNK: Tensor, dtype: torch.dtype) -> Tensor:
    """``nn.attention.attention`` of tensors of ``TYPE``; returned in ``dtype``, by the GPU's kernel in bfloat16."""
    if query_BSNK.is_cuda:
        descale_BN = _descale(query_BSNK.shape[0], query_BSNK.shape[2], query_BSNK.device)
        found = _kernels().fwd(
            query_BSNK,
            key_BLNK,
            value_BLNK,
            q_descale=descale_BN,
            k_descale=descale_BN,
            v_descale=descale_BN,
            softmax_scale=query_BSNK.shape[-1] ** -0.5,
            num_splits=1,
        )
        return found[0].to(dtype)
    query, key, value = (each.float().div(SCALE).transpose(1, 2) for each in (query_BSNK, key_BLNK, value_BLNK))
    return F.scaled_dot_product_attention(query, key, value).transpose(1, 2).to(dtype)


def flash_attention(
    query_BSNK: Float[Tensor, "B S N K"], key_BLNK: Float[Tensor, "B L N K"], value_BLNK: Float[Tensor, "B L N K"]
) -> Float[Tensor, "B S N K"]:
    """``nn.attention.attention`` where all queries see all keys; by the plain code off the GPU."""
    if not query_BSNK.is_cuda:
        return attention(query_BSNK, key_BLNK, value_BLNK)
    return _kernels().fwd(query_BSNK, key_BLNK, value_BLNK, num_splits=1)[0]


@cache
def _kernels() -> Any:
    """What the package registers, in every process that attends, whether or not it asked ``is_supported``."""
    import_module("fa3_fwd._C")
    return torch.ops.fa3_fwd


@cache
def _descale(rows: int, heads: int, device: torch.device) -> Tensor:
    return torch.full((rows, heads), 1 / SCALE, device=device)
