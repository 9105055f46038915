"""What a stream remembers: keys and values of past latent frames, and where they stand for the chunk that comes next.

A memory holds the first frames of a stream for ever (sinks) and the latest ones (the window). For every chunk they are
placed anew: sinks at 0, 1, ..., the frames of the window after them in order, then the chunk, so that positions stay
within ``MemoryConfig.num_frames`` plus a chunk however old the stream is. So keys are not to be kept as they were first
rotated: a growing memory keeps them as they were before and rotates them for each chunk, a ring turns them on.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, final, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from openlpm.core.errors import ConfigError


class Placing(StrEnum):
    """Where what is remembered stands on the time axis."""

    ANCHORED = "anchored"
    """Anew for every chunk, right before it: positions stay as small as in training."""
    ABSOLUTE = "absolute"
    """Where each frame was made: positions grow with the stream. For ablations."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryConfig:
    """How much of its own past a stream remembers, in latent frames."""

    sink_frames: int
    """First frames of the stream, kept for ever."""
    window_frames: int
    """Latest frames, beside the sinks."""
    placing: Placing = Placing.ANCHORED

    def __post_init__(self) -> None:
        if self.sink_frames < 0:
            raise ConfigError(f"sink_frames={self.sink_frames}: give 0 for a stream that forgets its beginning")
        if self.window_frames < 1:
            raise ConfigError(f"window_frames={self.window_frames}: a stream must remember at least its last frame")

    @property
    def num_frames(self) -> int:
        """Frames that a full memory holds; also where the current chunk then stands."""
        return self.sink_frames + self.window_frames


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """All that the queries of a chunk attend to: references, memory, and the chunk itself."""

    key_BLNK: Float[Tensor, "B L N K"]
    """Rotated. These and the values may be in 8 bits, then without a mask (``nn.narrow_attention``)."""
    value_BLNK: Float[Tensor, "B L N K"]
    mask_BL: Bool[Tensor, "B L"] | None
    """True where there is something to see; None: everywhere."""
    flash: bool = False
    """Whether to attend with FlashAttention 3 (``nn.narrow_attention``)."""
    by_heads: bool = False
    """Whether to attend head after head (``nn.by_heads``): it suits these keys, and is faster."""


@runtime_checkable
class Memory(Protocol):
    """Past of B rows for all layers of one transformer. Rows are streams and know nothing of each other."""

    def open_chunk(self, num_frames: int) -> Float[Tensor, "*rows T"]:
        """Place the memory for a chunk of ``num_frames``; returns where the chunk's frames stand (``positions_T``)."""
        ...

    def look(self, layer: int, key_BSNK: Float[Tensor, "B S N K"], value_BSNK: Float[Tensor, "B S N K"]) -> Seen:
        """What a step of the opened chunk sees, given its own rotated keys and its values; nothing is remembered."""
        ...

    def stage(self, layer: int, key_BSNK: Float[Tensor, "B S N K"], value_BSNK: Float[Tensor, "B S N K"]) -> None:
        """Set a chunk's keys (not rotated) and values aside for ``commit``; a later call replaces an earlier one."""
        ...

    def commit(self, moving_B: Bool[Tensor, " B"] | None = None) -> None:
        """Remember what was staged, in the rows that move (None: all); the other rows stay as they are."""
        ...

    def keep_references(
        self,
        layer: int,
        key_RSNK: Float[Tensor, "R S N K"],
        value_RSNK: Float[Tensor, "R S N K"],
        *,
        rows_R: Int[Tensor, " R"] | None = None,
    ) -> None:
        """Keep rotated keys and the values of the references of some rows (None: of all), in place of earlier ones."""
        ...

    def show_references(self, given_RJ: Bool[Tensor, "R J"] | None, *, rows_R: Int[Tensor, " R"] | None = None) -> None:
        """Which of the kept references of some rows are seen (None: all)."""
        ...


def slot_positions(config: MemoryConfig, frames_B: Int[Tensor, " B"]) -> Int[Tensor, "B M"]:
    """Where each slot of a ring stands after ``frames_B`` frames; -1 is an empty slot.

    The first slots hold the sinks. Frame f of the others lies in slot ``sink + (f - sink) % window``.
    """
    sinks, window = config.sink_frames, config.window_frames
    slot_M = torch.arange(config.num_frames, device=frames_B.device)
    past_B1 = frames_B[:, None] - sinks  # frames beside the sinks
    newest_BM = past_B1 - 1 - (past_B1 - 1 - (slot_M - sinks)) % window  # of those that fell into the slot, the last
    placed_BM = sinks + newest_BM
    if config.placing is Placing.ANCHORED:
        placed_BM = placed_BM - (past_B1 - window).clamp_min(0)
    empty_BM = torch.where(slot_M < sinks, slot_M >= frames_B[:, None], (newest_BM < 0) | (past_B1 <= 0))
    return torch.where(empty_BM, -1, torch.where(slot_M < sinks, slot_M, placed_BM))


def chunk_positions(config: MemoryConfig, frames_B: Int[Tensor, " B"], num_frames: int) -> Int[Tensor, "B T"]:
    """Where the next ``num_frames`` frames stand: right after what is remembered."""
    steps_T = torch.arange(num_frames, device=frames_B.device)
    first_B = frames_B.clamp_max(config.num_frames) if config.placing is Placing.ANCHORED else frames_B
    return first_B[:, None] + steps_T


def chunk_slots(config: MemoryConfig, frames_B: Int[Tensor, " B"], num_frames: int) -> Int[Tensor, "B T"]:
    """Into which slot of a ring each of the next ``num_frames`` frames goes."""
    frame_BT = frames_B[:, None] + torch.arange(num_frames, device=frames_B.device)
    past_BT = frame_BT - config.sink_frames
    return torch.where(past_BT < 0, frame_BT, config.sink_frames + past_BT % config.window_frames)
