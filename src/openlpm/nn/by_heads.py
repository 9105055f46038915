"""Attention head after head on a CPU: the same sums as ``nn.attention.attention``, faster where MKL is slow."""

import time
from collections.abc import Callable
from functools import lru_cache
from itertools import product

import torch
from jaxtyping import Float
from torch import Tensor

from openlpm.nn.attention import attention

_CLEARLY_FASTER = 1.1
_TRIALS = 7


def is_supported() -> bool:
    """Whether this PyTorch has the kernel."""
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def attention_by_heads(
    query_BSNK: Float[Tensor, "B S N K"], key_BLNK: Float[Tensor, "B L N K"], value_BLNK: Float[Tensor, "B L N K"]
) -> Float[Tensor, "B S N K"]:
    """Softmax attention where all queries see all keys, in float32; passes no gradient.

    All queries of a head are multiplied at once and by oneDNN; PyTorch's own kernel cuts them into pieces of 32 for
    MKL. The keys of a head must lie one after another in memory, and so must its values, else this takes seconds.
    """
    batch, _, heads, width = query_BSNK.shape
    key_BNLK, value_BNKL = key_BLNK.transpose(1, 2), value_BLNK.permute(0, 2, 3, 1)
    query_BNSK = (query_BSNK * width**-0.5).transpose(1, 2).contiguous()
    gathered_BSNK = torch.empty_like(query_BSNK)
    for row, head in product(range(batch), range(heads)):
        weight_SL = _product(query_BNSK[row, head], key_BNLK[row, head])
        torch.softmax(weight_SL, dim=-1, out=weight_SL)
        gathered_BSNK[row, :, head] = _product(weight_SL, value_BNKL[row, head])
    return gathered_BSNK


@lru_cache(maxsize=8)
def is_faster(num_queries: int, num_keys: int, num_heads: int, head_width: int) -> bool:
    """Whether ``attention_by_heads`` is clearly faster on this processor, by a short trial.

    On one thread, because threads wait for each other on a machine that is busy with something else.
    """
    if not is_supported():
        return False
    query_BSNK = torch.zeros(1, num_queries, num_heads, head_width)
    key_BLNK = torch.zeros(1, num_heads, num_keys, head_width).transpose(1, 2)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        by_heads, at_once = (
            _seconds(lambda gather=gather: gather(query_BSNK, key_BLNK, key_BLNK))
            for gather in (attention_by_heads, attention)
        )
    finally:
        torch.set_num_threads(threads)
    return by_heads * _CLEARLY_FASTER < at_once


def _seconds(call: Callable[[], Tensor]) -> float:
    """The best of a few trials: whatever else runs on the machine only adds to a time."""
    best = float("inf")
    for _ in range(_TRIALS):
        started = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - started)
    return best


def _product(left_SK: Tensor, right_LK: Tensor) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(left_SK, right_LK, None, "none", [], "")  # noqa: SLF001 - has no other name
