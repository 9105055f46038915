"""The memory of running streams: buffers of fixed size, written in place."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from openlpm.core.errors import ConfigError
from openlpm.nn import rope_kernel
from openlpm.nn.memory import MemoryConfig, Placing, Seen, chunk_positions, chunk_slots, slot_positions
from openlpm.nn.narrow_attention import LARGEST, SCALE, TYPE, narrow_into
from openlpm.nn.rope import Rotation, grid_positions, rotate, rotate_into, rotation_at, turn_of_time


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class RingShape:
    """Sizes that a ``RingMemory`` is allocated for."""

    num_rows: int
    """Streams side by side."""
    num_layers: int
    num_heads: int
    head_width: int
    grid: tuple[int, int]
    """Rows and columns of tokens in a latent frame."""
    chunk_frames: int
    num_references: int

    def __post_init__(self) -> None:
        for name in ("num_rows", "num_layers", "num_heads", "head_width", "chunk_frames"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}={getattr(self, name)}: a memory needs at least 1")

    @property
    def tokens_per_frame(self) -> int:
        """Tokens of a latent frame, or of a reference."""
        return self.grid[0] * self.grid[1]


@final
@dataclass(frozen=True, slots=True, eq=False)
class RowMemory:
    """All that a ``RingMemory`` knows about one row, copied."""

    keys: Tensor
    """As they stand after ``frames``."""
    values: Tensor
    reference_keys: Tensor
    references_J: Tensor
    frames: Tensor


@final
class RingMemory:
    """A ``Memory`` for inference. Nothing depends on how full it is: no shape, no branch, no wait for the device.

    For each layer, row and head, keys and values lie as [references | sinks, window | current chunk], so that a step
    writes its own part and attends to the whole without copying. What is empty is masked. Keys lie as they are seen,
    rotated, and nowhere else: when the window moves on, a commit turns it back in time by as much. A frame is turned so
    as often as chunks fit into the window, then it is forgotten; what rounding that adds stays as small.
    """

    def __init__(
        self,
        config: MemoryConfig,
        shape: RingShape,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        last_is_kept: bool = False,
        narrow: bool = False,
    ) -> None:
        """``last_is_kept``: the step that is remembered is a chunk's last, so nothing need be set aside for it.

        ``narrow``: attention sees copies in 8 bits (``nn.narrow_attention``) wherever nothing is hidden.
        """
        if shape.chunk_frames > config.window_frames:
            raise ConfigError(
                f"chunk_frames={shape.chunk_frames}: a window of {config.window_frames} frames cannot hold a chunk; "
                "make the window longer"
            )
        self.config = config
        self.shape = shape
        size = shape.tokens_per_frame
        begin, end = shape.num_references * size, (shape.num_references + config.num_frames) * size
        self._references, self._slots, self._current = slice(0, begin), slice(begin, end), slice(end, None)

        def empty(frames: int, kind: torch.dtype = dtype) -> Tensor:
            lead = (shape.num_layers, shape.num_rows, shape.num_heads)
            return torch.zeros(*lead, frames * size, shape.head_width, dtype=kind, device=device).transpose(2, 3)

        whole = shape.num_references + config.num_frames + shape.chunk_frames
        self._staged = None if last_is_kept else (empty(shape.chunk_frames), empty(shape.chunk_frames))
        self._seen_XBLNK = empty(whole)
        self._values_XBLNK = empty(whole)
        self._narrow = tuple(empty(whole, TYPE) for _ in "kv") if narrow else None
        self._mask_BL = torch.zeros(shape.num_rows, whole * size, dtype=torch.bool, device=device)
        self.nothing_hidden = False
        """Set by whoever knows, without asking the device, that all rows in use are full and show all references:
        attention without a mask is faster."""
        self.flash = False
        """Set by whoever has found that FlashAttention 3 is there (``nn.narrow_attention``), and faster."""
        self.by_heads = False
        """Set by whoever has found that attention is faster head after head (``nn.by_heads``)."""
        self._references_BJ = torch.zeros(shape.num_rows, shape.num_references, dtype=torch.bool, device=device)
        self._frames_B = torch.zeros(shape.num_rows, dtype=torch.int64, device=device)

    @property
    def num_committed(self) -> Int[Tensor, " B"]:
        """Frames that each row has committed since its stream began."""
        return self._frames_B

    @property
    def num_seen(self) -> int:
        """Tokens that a chunk sees when all is full, itself included."""
        return self._mask_BL.shape[1]

    @property
    def num_bytes(self) -> int:
        """Size of the buffers."""
        buffers = (*self._buffers(), self._mask_BL)
        return sum(buffer.numel() * buffer.element_size() for buffer in buffers)

    def positions(self) -> Int[Tensor, "B M"]:
        """Where each slot stands for the next chunk; -1 is empty."""
        return slot_positions(self.config, self._frames_B)

    def open_chunk(self, num_frames: int) -> Float[Tensor, "B T"]:
        if num_frames != self.shape.chunk_frames:
            raise ConfigError(f"num_frames={num_frames}: this memory was made for chunks of {self.shape.chunk_frames}")
        positions_BM = self.positions()
        current_BT = torch.ones_like(positions_BM[:, :1], dtype=torch.bool).expand(-1, num_frames)
        visible_BG = torch.cat([self._references_BJ, positions_BM >= 0, current_BT], dim=1)
        self._mask_BL.copy_(visible_BG[..., None].expand(-1, -1, self.shape.tokens_per_frame).flatten(1))
        return chunk_positions(self.config, self._frames_B, num_frames).float()

    def look(self, layer: int, key_BSNK: Float[Tensor, "B S N K"], value_BSNK: Float[Tensor, "B S N K"]) -> Seen:
        self._refuse_gradients(key_BSNK)
        self._seen_XBLNK[layer, :, self._current] = key_BSNK
        self._values_XBLNK[layer, :, self._current] = value_BSNK
        mask_BL = None if self.nothing_hidden else self._mask_BL
        keys, values = self._seen_XBLNK, self._values_XBLNK
        if self._narrow is not None and self.nothing_hidden:
            keys, values = self._narrow
            narrow_into(keys[layer, :, self._current], key_BSNK)
            narrow_into(values[layer, :, self._current], value_BSNK)
        return Seen(
            key_BLNK=keys[layer], value_BLNK=values[layer], mask_BL=mask_BL, flash=self.flash, by_heads=self.by_heads
        )

    def enter(
        self,
        layer: int,
        query_BSNK: Float[Tensor, "B S N K"],
        key_BSNK: Float[Tensor, "B S N K"],
        value_BSNK: Float[Tensor, "B S N K"],
        rotation: Rotation,
    ) -> tuple[Tensor, Seen] | None:
        """Rotated queries, and what ``look`` gives for rotated keys, in one pass; None where no kernel does it."""
        if not (rope_kernel.is_supported(query_BSNK) and query_BSNK.dtype == self._seen_XBLNK.dtype):
            return None
        keys, values = self._seen_XBLNK[layer], self._values_XBLNK[layer]
        narrow = None if self._narrow is None or not self.nothing_hidden else [each[layer] for each in self._narrow]
        current = self._current
        places = rope_kernel.Places(
            key=keys[:, current],
            value=values[:, current],
            narrow=None if narrow is None else (narrow[0][:, current], narrow[1][:, current]),
            factor=SCALE,
        )
        given = (query_BSNK, key_BSNK, value_BSNK)
        made_BSNK = rope_kernel.enter(given, rotation.cos, rotation.sin, places, LARGEST)
        if narrow is not None:
            keys, values = narrow
        mask_BL = None if self.nothing_hidden else self._mask_BL
        return made_BSNK, Seen(key_BLNK=keys, value_BLNK=values, mask_BL=mask_BL, flash=self.flash)

    def stage(self, layer: int, key_BSNK: Float[Tensor, "B S N K"], value_BSNK: Float[Tensor, "B S N K"]) -> None:
        self._refuse_gradients(key_BSNK)
        if self._staged is not None:  # else it is what ``look`` was given last
            self._staged[0][layer], self._staged[1][layer] = key_BSNK, value_BSNK

    def commit(self, moving_B: Bool[Tensor, " B"] | None = None) -> None:
        frames, before_B = self.shape.chunk_frames, self._frames_B
        after_B = before_B + (frames if moving_B is None else frames * moving_B)
        turn = self._turn_back(before_B, after_B)
        if turn is not None:
            sinks = self.config.sink_frames * self.shape.tokens_per_frame
            _turn_in_time(self._seen_XBLNK[:, :, self._slots][:, :, sinks:], turn)
        slots_BT = chunk_slots(self.config, before_B, frames)
        if self._staged is None and rope_kernel.is_supported(self._seen_XBLNK):
            self._put_at_once(slots_BT if moving_B is None else torch.where(moving_B[:, None], slots_BT, -1), turn)
        else:
            self._put(slots_BT, turn, moving_B)
        self._narrow_again(self._slots)
        self._frames_B.copy_(after_B)

    def _narrow_again(self, where: slice) -> None:
        """Copies in 8 bits of what has changed."""
        for narrow, wide in zip(self._narrow or (), (self._seen_XBLNK, self._values_XBLNK), strict=False):
            narrow_into(narrow[:, :, where].flatten(0, 1), wide[:, :, where].flatten(0, 1))

    def _put_at_once(self, slots_BT: Tensor, turn: Rotation | None) -> None:
        """The last step's keys and values into slots, by a kernel; -1 is no slot."""
        buffers = (self._seen_XBLNK, self._values_XBLNK)
        angles = None if turn is None else (turn.cos, turn.sin)
        for buffer_XBLNK, turned in zip(buffers, (angles, None), strict=True):
            kept, new = buffer_XBLNK[:, :, self._slots], buffer_XBLNK[:, :, self._current]
            rope_kernel.place_into(kept, new, slots_BT, turned)

    def _put(self, slots_BT: Tensor, turn: Rotation | None, moving_B: Tensor | None) -> None:
        """What is to be remembered into slots, in the rows that move."""
        placed = None
        if self._staged is not None:
            positions_BT = chunk_positions(self.config, self._frames_B, self.shape.chunk_frames).float()
            placed = rotation_at(grid_positions(positions_BT, *self.shape.grid), self.shape.head_width)
        index = (slice(None), torch.arange(self.shape.num_rows, device=slots_BT.device)[:, None], slots_BT)
        buffers = (self._seen_XBLNK, self._values_XBLNK)
        for buffer_XBLNK, new_XBSNK in zip(buffers, self._new(turn, placed), strict=True):
            kept_XBMPNK = buffer_XBLNK[:, :, self._slots].unflatten(2, (self.config.num_frames, -1))
            new_XBTPNK = new_XBSNK.unflatten(2, (self.shape.chunk_frames, -1))
            if moving_B is not None:
                new_XBTPNK = torch.where(moving_B[:, None, None, None, None], new_XBTPNK, kept_XBMPNK[index])
            kept_XBMPNK[index] = new_XBTPNK

    def _turn_back(self, before_B: Tensor, after_B: Tensor) -> Rotation | None:
        """By how much the window moves on; None: it never does."""
        if self.config.placing is Placing.ABSOLUTE:
            return None
        left_B = [(each - self.config.num_frames).clamp_min(0) for each in (before_B, after_B)]
        return turn_of_time((left_B[0] - left_B[1]).float()[:, None], self.shape.head_width)

    def _new(self, turn: Rotation | None, placed: Rotation | None) -> tuple[Tensor, Tensor]:
        """Keys of the chunk where they will stand, and its values."""
        if self._staged is not None and placed is not None:
            layers = [rotate(key_BSNK, placed) for key_BSNK in self._staged[0]]
            key_XBSNK, value_XBSNK = torch.stack(layers), self._staged[1]
        else:
            key_XBSNK = self._seen_XBLNK[:, :, self._current]
            value_XBSNK = self._values_XBLNK[:, :, self._current]
        if turn is not None:
            _turn_in_time(key_XBSNK, turn)
        return key_XBSNK, value_XBSNK

    def keep_references(
        self,
        layer: int,
        key_RSNK: Float[Tensor, "R S N K"],
        value_RSNK: Float[Tensor, "R S N K"],
        *,
        rows_R: Int[Tensor, " R"] | None = None,
    ) -> None:
        self._refuse_gradients(key_RSNK)
        rows = slice(None) if rows_R is None else rows_R
        self._seen_XBLNK[layer, :, self._references][rows] = key_RSNK.to(self._seen_XBLNK.dtype)
        self._values_XBLNK[layer, :, self._references][rows] = value_RSNK.to(self._values_XBLNK.dtype)
        for narrow, wide in zip(self._narrow or (), (self._seen_XBLNK, self._values_XBLNK), strict=False):
            narrow_into(narrow[layer, :, self._references], wide[layer, :, self._references])

    def show_references(self, given_RJ: Bool[Tensor, "R J"] | None, *, rows_R: Int[Tensor, " R"] | None = None) -> None:
        rows = slice(None) if rows_R is None else rows_R
        self._references_BJ[rows] = True if given_RJ is None else given_RJ

    def snapshot(self, row: int) -> RowMemory:
        """Everything that is remembered of a row between two chunks."""
        return RowMemory(
            keys=self._seen_XBLNK[:, row, self._slots].clone(),
            values=self._values_XBLNK[:, row, : self._current.start].clone(),
            reference_keys=self._seen_XBLNK[:, row, self._references].clone(),
            references_J=self._references_BJ[row].clone(),
            frames=self._frames_B[row].clone(),
        )

    def restore(self, row: int, saved: RowMemory) -> None:
        """Go on with a row where it was saved, in this memory or in another of the same sizes."""
        self._seen_XBLNK[:, row, self._slots] = saved.keys
        self._values_XBLNK[:, row, : self._current.start] = saved.values
        self._seen_XBLNK[:, row, self._references] = saved.reference_keys
        self._references_BJ[row] = saved.references_J
        self._frames_B[row] = saved.frames
        self._narrow_again(slice(0, self._current.start))

    def reset(self, row: int) -> None:
        """Empty a row for a new stream; zeros, because a masked value still meets a weight of zero."""
        for buffer in self._buffers():
            buffer[:, row] = 0
        self._references_BJ[row] = False
        self._frames_B[row] = 0

    def _buffers(self) -> tuple[Tensor, ...]:
        """Whatever holds keys and values: layers by rows by tokens."""
        return (self._seen_XBLNK, self._values_XBLNK, *(self._staged or ()), *(self._narrow or ()))

    def _refuse_gradients(self, key_BSNK: Tensor) -> None:
        if key_BSNK.requires_grad:
            raise ConfigError("a ring memory is written in place and passes no gradient: use a GrowingMemory")


def _turn_in_time(keys_XBSNK: Tensor, turn: Rotation) -> None:
    """Move keys of all layers in time, in place; ``turn`` is of rows, (B, 1, P)."""
    in_time = keys_XBSNK[..., : 2 * turn.cos.shape[-1]].flatten(0, 1)
    layers = keys_XBSNK.shape[0]
    whole = Rotation(cos=turn.cos.repeat(layers, 1, 1), sin=turn.sin.repeat(layers, 1, 1))
    rotate_into(in_time, in_time, whole)
