"""Causal attention over a whole clip in one pass, for training: chunk by chunk, as a stream would see it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from openlpm.core.errors import ConfigError
from openlpm.nn.attention import attention
from openlpm.nn.flexible import FlexibleMask
from openlpm.nn.memory import MemoryConfig
from openlpm.nn.rope import Rotation, rotate

_WORTH_BLOCKS = 512
"""From so many tokens on it pays to skip blocks that are hidden."""
_REFERENCE = -1
"""References come before the first chunk: all see them, and they see each other alone."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class CausalLayout:
    """A sequence of latent frames in chunks, then references."""

    chunk_frames: int
    num_frames: int
    num_references: int
    tokens_per_frame: int
    memory: MemoryConfig | None = None
    """Earlier frames that a chunk still sees, as a stream would; None: all of them."""

    def __post_init__(self) -> None:
        if self.chunk_frames < 1:
            raise ConfigError(f"chunk_frames={self.chunk_frames}: a chunk needs at least one latent frame")

    @property
    def num_tokens(self) -> int:
        """Of frames and references."""
        return (self.num_frames + self.num_references) * self.tokens_per_frame

    def frame_of(self, token: Int[Tensor, "*any"]) -> Int[Tensor, "*any"]:
        """The latent frame of a token; -1 for references."""
        frame = token // self.tokens_per_frame
        return torch.where(frame < self.num_frames, frame, _REFERENCE)

    def past(self, frame: Int[Tensor, "*left"], past: Int[Tensor, "*right"]) -> Bool[Tensor, "*both"]:
        """Whether the chunks of ``frame`` see the earlier frames ``past``, references among them."""
        start = torch.where(frame < 0, _REFERENCE, frame // self.chunk_frames * self.chunk_frames)
        seen = past < start
        if self.memory is None:
            return seen
        return seen & ((past >= start - self.memory.window_frames) | (past < self.memory.sink_frames))

    def together(self, frame: Int[Tensor, "*left"], other: Int[Tensor, "*right"]) -> Bool[Tensor, "*both"]:
        """Whether tokens are of one chunk, or are both references."""
        return (other // self.chunk_frames) == (frame // self.chunk_frames)


Sees = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""(row, head, query, key), all but the first two as numbers of tokens, broadcast -> whether the query sees the key."""


def who_sees_whom(layout: CausalLayout, history: CausalLayout | None = None) -> Sees:
    """The mask of a sequence; with a ``history`` its keys come first, and are the only ones of other chunks."""
    recorded = 0 if history is None else history.num_tokens

    def sees(_row: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        frame = layout.frame_of(query)
        if history is None:
            other = layout.frame_of(key)
            return layout.together(frame, other) | layout.past(frame, other)
        # References in the second sequence see each other; the chunks see those of the history.
        before = layout.past(frame, history.frame_of(key))
        return torch.where(key < recorded, before, layout.together(frame, layout.frame_of(key - recorded)))

    return sees


@cache
def _mask(
    layout: CausalLayout, history: CausalLayout | None, device: torch.device
) -> Bool[Tensor, "S L"] | FlexibleMask:
    """Blocks that matter on a GPU, for short sequences and elsewhere a dense mask; every step asks again."""
    sees, queries = who_sees_whom(layout, history), layout.num_tokens
    keys = queries if history is None else history.num_tokens + queries
    if device.type == "cuda" and queries >= _WORTH_BLOCKS:
        return FlexibleMask(sees, queries, keys, device)
    zero = torch.zeros((), dtype=torch.long, device=device)
    query_S, key_L = torch.arange(queries, device=device), torch.arange(keys, device=device)
    return sees(zero, zero, query_S[:, None], key_L)


@final
class KeyRecord:
    """Rotated keys and values of all tokens of one pass, layer by layer, with their gradients."""

    def __init__(self) -> None:
        self.layers: dict[int, tuple[Tensor, Tensor]] = {}
        self.layout: CausalLayout | None = None


@final
class BlockCausal:
    """Chunk i sees references, earlier chunks (as far as memory reaches) and itself; references see references alone.

    For a noisy history there are two passes over the same frames. The first shows them as history, at its noise, and
    writes a ``record``. The second shows them as chunks under way and takes that record as ``history``: a chunk sees
    recorded keys of *earlier* chunks and its own, so no frame and no condition is in a sequence twice. The references
    may be left out of the second sequence, since the first has recorded them.

    On a GPU FlexAttention skips what is masked; elsewhere the mask is dense.
    """

    def __init__(
        self,
        layout: CausalLayout,
        *,
        record: KeyRecord | None = None,
        history: KeyRecord | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        if history is not None and history.layout is None:
            raise ConfigError("history: nothing was recorded; run the first pass with record=... before this one")
        self._record = record
        self._history = history
        if record is not None:
            record.layout = layout
        self._mask = _mask(layout, None if history is None else history.layout, torch.device(device))

    def __call__(
        self,
        query_BSNK: Float[Tensor, "B S N K"],
        key_BSNK: Float[Tensor, "B S N K"],
        value_BSNK: Float[Tensor, "B S N K"],
        rotation: Rotation,
        *,
        layer: int,
    ) -> Float[Tensor, "B S N K"]:
        key_BLNK, value_BLNK = rotate(key_BSNK, rotation), value_BSNK
        if self._record is not None:
            self._record.layers[layer] = (key_BLNK, value_BLNK)
        if self._history is not None:
            past_key_BLNK, past_value_BLNK = self._history.layers[layer]
            key_BLNK = torch.cat([past_key_BLNK, key_BLNK], dim=1)
            value_BLNK = torch.cat([past_value_BLNK, value_BLNK], dim=1)
        query_BSNK = rotate(query_BSNK, rotation)
        if isinstance(self._mask, Tensor):
            return attention(query_BSNK, key_BLNK, value_BLNK, self._mask)
        return self._mask.attention(query_BSNK, key_BLNK, value_BLNK)
