"""Causal attention over a whole clip in one pass, for training: chunk by chunk, as a stream would see it."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from openlpm.core.errors import ConfigError
from openlpm.nn.attention import attention
from openlpm.nn.memory import MemoryConfig
from openlpm.nn.rope import Rotation, rotate

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

    def frames(self, device: torch.device | str = "cpu") -> Int[Tensor, " S"]:
        """The latent frame of every token; -1 for references."""
        frames_T = torch.arange(self.num_frames, device=device)
        references_J = torch.full((self.num_references,), _REFERENCE, device=device)
        return torch.cat([frames_T, references_J]).repeat_interleave(self.tokens_per_frame)

    def past(self, frame_S1: Int[Tensor, "S 1"], past_S: Int[Tensor, " L"]) -> Bool[Tensor, "S L"]:
        """Which tokens of earlier frames ``past_S``, references among them, the chunks of frames ``frame_S1`` see."""
        start_S1 = torch.where(frame_S1 < 0, _REFERENCE, frame_S1 // self.chunk_frames * self.chunk_frames)
        seen_SL = past_S < start_S1
        if self.memory is not None:
            kept_SL = (past_S >= start_S1 - self.memory.window_frames) | (past_S < self.memory.sink_frames)
            seen_SL &= kept_SL
        return seen_SL

    def together(self, frame_S1: Int[Tensor, "S 1"], frame_S: Int[Tensor, " S"]) -> Bool[Tensor, "S S"]:
        """Which tokens are of one chunk, or are both references."""
        return (frame_S // self.chunk_frames) == (frame_S1 // self.chunk_frames)


@final
class KeyRecord:
    """Rotated keys and values of all tokens of one pass, layer by layer, with their gradients."""

    def __init__(self) -> None:
        self.layers: dict[int, tuple[Tensor, Tensor]] = {}
        self.frame_S: Tensor | None = None


@final
class BlockCausal:
    """Chunk i sees references, earlier chunks (as far as memory reaches) and itself; references see references alone.

    For a noisy history there are two passes over the same frames. The first shows them as history, at its noise, and
    writes a ``record``. The second shows them as chunks under way and takes that record as ``history``: a chunk sees
    recorded keys of *earlier* chunks and its own, so no frame and no condition is in a sequence twice. The references
    may be left out of the second sequence, since the first has recorded them.

    The mask is dense: FlexAttention skips what is masked and is faster on CUDA, but belongs here only with a test that
    ran there. Where chunks are whole blocks of 128 tokens, ``chunk_S`` is all that its block mask needs.
    """

    def __init__(
        self,
        layout: CausalLayout,
        *,
        record: KeyRecord | None = None,
        history: KeyRecord | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        frame_S = layout.frames(device)
        self._record = record
        self._history = history
        if record is not None:
            record.frame_S = frame_S
        self._mask_SL = self._mask(layout, frame_S)

    def _mask(self, layout: CausalLayout, frame_S: Int[Tensor, " S"]) -> Bool[Tensor, "S L"]:
        frame_S1 = frame_S[:, None]
        together_SS = layout.together(frame_S1, frame_S)
        if self._history is None:
            return together_SS | layout.past(frame_S1, frame_S)
        past_S = self._history.frame_S
        if past_S is None:
            raise ConfigError("history: nothing was recorded; run the first pass with record=... before this one")
        # References in the second sequence see each other; the chunks see those of the history.
        return torch.cat([layout.past(frame_S1, past_S), together_SS], dim=1)

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
        return attention(rotate(query_BSNK, rotation), key_BLNK, value_BLNK, self._mask_SL)
