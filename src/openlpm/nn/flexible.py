"""Attention that skips what a mask hides (FlexAttention), for GPUs."""

from collections.abc import Callable
from functools import cache
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

_Mask = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


@cache
def _compiled() -> Callable[..., Tensor]:
    """Imported where it is used: the import loads torch's compiler, and warns."""
    from torch.nn.attention.flex_attention import flex_attention

    return torch.compile(flex_attention, dynamic=False)


@final
class FlexibleMask:
    """Who sees whom among ``num_queries`` and ``num_keys`` tokens: ``sees`` of (row, head, query, key) by number."""

    def __init__(self, sees: _Mask, num_queries: int, num_keys: int, device: torch.device) -> None:
        from torch.nn.attention.flex_attention import create_block_mask

        # A lambda, because torch counts arguments, which type checkers of tests hide in every function with a name.
        mask: _Mask = lambda row, head, query, key: sees(row, head, query, key)  # noqa: E731, PLW0108
        self._blocks = create_block_mask(mask, None, None, num_queries, num_keys, device=device)

    def attention(
        self,
        query_BSNK: Float[Tensor, "B S N K"],
        key_BLNK: Float[Tensor, "B L N K"],
        value_BLNK: Float[Tensor, "B L N K"],
    ) -> Float[Tensor, "B S N K"]:
        """What ``nn.attention.attention`` gathers under the dense mask; in the type of the values."""
        query, key, value = (each.to(value_BLNK.dtype).transpose(1, 2) for each in (query_BSNK, key_BLNK, value_BLNK))
        return _compiled()(query, key, value, block_mask=self._blocks).transpose(1, 2)
