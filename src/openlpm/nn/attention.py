"""Attention, and the seam through which a model is told how its tokens may see each other."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, final, runtime_checkable

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from openlpm.nn.norm import RMSNorm
from openlpm.nn.rope import Rotation, rotate


class NormScope(StrEnum):
    """Over what the norm of queries and keys takes its statistics."""

    WIDTH = "width"
    """All heads together (Wan)."""
    HEAD = "head"
    """Each head by itself."""


@runtime_checkable
class Attend(Protocol):
    """Self-attention of one layer: who sees whom, and what is remembered.

    Keys arrive before rotation, so that a memory can keep them and rotate them later for its own window.
    """

    def __call__(
        self,
        query_BSNK: Float[Tensor, "B S N K"],
        key_BSNK: Float[Tensor, "B S N K"],
        value_BSNK: Float[Tensor, "B S N K"],
        rotation: Rotation,
        *,
        layer: int,
    ) -> Float[Tensor, "B S N K"]:
        """What every token gathers; ``rotation`` belongs to the S tokens given, ``layer`` names the caller."""
        ...


def attention(
    query_BSNK: Float[Tensor, "B S N K"],
    key_BLNK: Float[Tensor, "B L N K"],
    value_BLNK: Float[Tensor, "B L N K"],
    mask_SL: Bool[Tensor, "*lead S1 L"] | None = None,
) -> Float[Tensor, "B S N K"]:
    """Softmax attention of every query over every key, without positions.

    ``mask_SL`` is True where a query sees a key, and broadcasts against (B, N, S, L); None: all see all.
    """
    gathered_BNSK = F.scaled_dot_product_attention(
        query_BSNK.transpose(1, 2), key_BLNK.transpose(1, 2), value_BLNK.transpose(1, 2), attn_mask=mask_SL
    )
    return gathered_BNSK.transpose(1, 2)


@final
@dataclass(frozen=True, slots=True)
class Bidirectional:
    """Every token sees every token; nothing is remembered."""

    def __call__(
        self,
        query_BSNK: Float[Tensor, "B S N K"],
        key_BSNK: Float[Tensor, "B S N K"],
        value_BSNK: Float[Tensor, "B S N K"],
        rotation: Rotation,
        *,
        layer: int,
    ) -> Float[Tensor, "B S N K"]:
        return attention(rotate(query_BSNK, rotation), rotate(key_BSNK, rotation), value_BSNK)


@final
class HeadNorm(nn.Module):
    """Splits a projection into heads and normalises it, per head or over all heads."""

    def __init__(self, width: int, num_heads: int, *, scope: NormScope, eps: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.scope = scope
        self.norm = RMSNorm(width if scope is NormScope.WIDTH else width // num_heads, eps=eps)

    def forward(self, x_BSD: Float[Tensor, "B S D"]) -> Float[Tensor, "B S N K"]:
        if self.scope is NormScope.WIDTH:
            return self.norm(x_BSD).unflatten(-1, (self.num_heads, -1))
        return self.norm(x_BSD.unflatten(-1, (self.num_heads, -1)))
