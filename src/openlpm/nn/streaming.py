"""Attention of a stream: a chunk sees the references, what is remembered, and itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from openlpm.nn.attention import attention
from openlpm.nn.by_heads import attention_by_heads
from openlpm.nn.memory import Memory
from openlpm.nn.narrow_attention import TYPE, flash_attention, narrow_attention, narrowed
from openlpm.nn.ring import RingMemory
from openlpm.nn.rope import Rotation, rotate


@final
@dataclass(frozen=True, slots=True)
class Streaming:
    """The tokens of one chunk see each other, and before them all that ``memory`` holds.

    The chunk must have been opened (``Memory.open_chunk``), and its frames stand where that said. References are in the
    memory, not in the sequence.
    """

    memory: Memory
    record: bool = False
    """Whether this pass's keys and values are staged for the memory's next ``commit``."""

    def __call__(
        self,
        query_BSNK: Float[Tensor, "B S N K"],
        key_BSNK: Float[Tensor, "B S N K"],
        value_BSNK: Float[Tensor, "B S N K"],
        rotation: Rotation,
        *,
        layer: int,
    ) -> Float[Tensor, "B S N K"]:
        entered = None
        if isinstance(self.memory, RingMemory):
            entered = self.memory.enter(layer, query_BSNK, key_BSNK, value_BSNK, rotation)
        if entered is None:
            seen = self.memory.look(layer, rotate(key_BSNK, rotation), value_BSNK)
            turned_BSNK = rotate(query_BSNK, rotation)
        else:
            turned_BSNK, seen = entered
        if self.record:
            self.memory.stage(layer, key_BSNK, value_BSNK)
        if seen.mask_BL is not None:
            return attention(turned_BSNK, seen.key_BLNK, seen.value_BLNK, seen.mask_BL[:, None, None])
        if seen.key_BLNK.dtype == TYPE:
            narrow_BSNK = turned_BSNK if turned_BSNK.dtype == TYPE else narrowed(turned_BSNK)
            return narrow_attention(narrow_BSNK, seen.key_BLNK, seen.value_BLNK, query_BSNK.dtype)
        if seen.flash:
            return flash_attention(turned_BSNK, seen.key_BLNK, seen.value_BLNK)
        gather = attention_by_heads if seen.by_heads else attention
        return gather(turned_BSNK, seen.key_BLNK, seen.value_BLNK)


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Referring:
    """The sequence is J references; they see references alone, and their keys are kept in the memories."""

    memories: Sequence[Memory]
    given_BJ: Bool[Tensor, "B J"] | None = None
    """Which references a row has (None: all); nobody sees the others."""
    rows_B: Int[Tensor, " B"] | None = None
    """To which rows of the memories the B rows belong (None: to all, in order)."""

    def __call__(
        self,
        query_BSNK: Float[Tensor, "B S N K"],
        key_BSNK: Float[Tensor, "B S N K"],
        value_BSNK: Float[Tensor, "B S N K"],
        rotation: Rotation,
        *,
        layer: int,
    ) -> Float[Tensor, "B S N K"]:
        turned_BSNK = rotate(key_BSNK, rotation)
        for memory in self.memories:
            memory.keep_references(layer, turned_BSNK, value_BSNK, rows_R=self.rows_B)
        mask_B1SS = None
        if self.given_BJ is not None:
            num_tokens = key_BSNK.shape[1]
            given_BS = self.given_BJ.repeat_interleave(num_tokens // self.given_BJ.shape[1], dim=1)
            # A reference that is not given sees itself, because a query that sees nothing has no answer.
            itself_SS = torch.eye(num_tokens, dtype=torch.bool, device=key_BSNK.device)
            mask_B1SS = (given_BS[:, None] | itself_SS)[:, None]
        return attention(rotate(query_BSNK, rotation), turned_BSNK, value_BSNK, mask_B1SS)
