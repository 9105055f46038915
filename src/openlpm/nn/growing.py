"""The memory of training rollouts: never written in place, so that gradients flow through it."""

from typing import final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from openlpm.core.errors import ConfigError
from openlpm.nn.memory import MemoryConfig, Placing, Seen
from openlpm.nn.rope import grid_positions, rotate, rotation_at

_KeyValue = tuple[Tensor, Tensor]


@final
class GrowingMemory:
    """A ``Memory`` that sees what a ``RingMemory`` sees, at the same positions.

    All rows are of one age, so nothing is ever masked; frames that no later chunk can see are let go, and with them
    their graph.
    """

    def __init__(
        self,
        config: MemoryConfig,
        *,
        num_layers: int,
        grid: tuple[int, int],
        device: torch.device | str = "cpu",
        through_time: bool = True,
    ) -> None:
        """``through_time``: whether gradients flow from a chunk into those that it remembers."""
        self.config = config
        self._through_time = through_time
        self.frames = 0
        """Frames committed since the stream began."""
        self._grid = grid
        self._device = device
        self._kept: list[_KeyValue | None] = [None] * num_layers
        self._staged: list[_KeyValue | None] = [None] * num_layers
        self._rotated: list[Tensor | None] = [None] * num_layers
        self._references: list[_KeyValue | None] = [None] * num_layers

    @property
    def num_remembered(self) -> int:
        """Frames that the next chunk sees."""
        return min(self.frames, self.config.num_frames)

    def open_chunk(self, num_frames: int) -> Float[Tensor, " T"]:
        place_M, place_T = self._places(num_frames)
        for layer, kept in enumerate(self._kept):
            if kept is not None:
                key_BMNK, _ = kept
                rotation = rotation_at(grid_positions(place_M, *self._grid), key_BMNK.shape[-1])
                self._rotated[layer] = rotate(key_BMNK, rotation)
        return place_T

    def _places(self, num_frames: int) -> tuple[Tensor, Tensor]:
        """Where what is remembered stands, and the next ``num_frames`` frames."""
        whole = torch.arange(self.num_remembered + num_frames, dtype=torch.float32, device=self._device)
        if self.config.placing is Placing.ABSOLUTE:  # what was let go lay between the sinks and the window
            gone = torch.arange(len(whole), device=self._device) >= self.config.sink_frames
            whole = whole + (self.frames - self.num_remembered) * gone
        return whole[: self.num_remembered], whole[self.num_remembered :]

    def look(self, layer: int, key_BSNK: Float[Tensor, "B S N K"], value_BSNK: Float[Tensor, "B S N K"]) -> Seen:
        keys, values = [key_BSNK], [value_BSNK]
        kept, rotated = self._kept[layer], self._rotated[layer]
        if kept is not None and rotated is not None:
            keys.insert(0, rotated)
            values.insert(0, kept[1])
        references = self._references[layer]
        if references is not None:
            keys.insert(0, references[0])
            values.insert(0, references[1])
        return Seen(key_BLNK=torch.cat(keys, dim=1), value_BLNK=torch.cat(values, dim=1), mask_BL=None)

    def stage(self, layer: int, key_BSNK: Float[Tensor, "B S N K"], value_BSNK: Float[Tensor, "B S N K"]) -> None:
        kept = (key_BSNK, value_BSNK)
        self._staged[layer] = kept if self._through_time else (key_BSNK.detach(), value_BSNK.detach())

    def commit(self, moving_B: Bool[Tensor, " B"] | None = None) -> None:
        if moving_B is not None:
            raise ConfigError("moving_B: rows of a growing memory are of one age; leave it out, or use a RingMemory")
        size = self._grid[0] * self._grid[1]
        remembered, added = self.num_remembered, 0
        for layer, staged in enumerate(self._staged):
            if staged is None:
                raise ConfigError(f"layer {layer} staged nothing: let a step record its keys before the commit")
            kept = self._kept[layer]
            added = staged[0].shape[1] // size
            joined = (
                staged if kept is None else tuple(torch.cat(pair, dim=1) for pair in zip(kept, staged, strict=True))
            )
            key_BMNK, value_BMNK = (self._prune(each, remembered + added, size) for each in joined)
            self._kept[layer], self._staged[layer] = (key_BMNK, value_BMNK), None
        self.frames += added

    def keep_references(
        self,
        layer: int,
        key_RSNK: Float[Tensor, "R S N K"],
        value_RSNK: Float[Tensor, "R S N K"],
        *,
        rows_R: Int[Tensor, " R"] | None = None,
    ) -> None:
        if rows_R is not None:
            raise ConfigError("rows_R: the references of a growing memory change for all rows together; leave it out")
        self._references[layer] = (key_RSNK, value_RSNK)

    def show_references(self, given_RJ: Bool[Tensor, "R J"] | None, *, rows_R: Int[Tensor, " R"] | None = None) -> None:
        if given_RJ is not None or rows_R is not None:
            raise ConfigError("given_RJ: a growing memory shows all its references; keep only those that are wanted")

    def _prune(self, frames_BMNK: Tensor, num_frames: int, size: int) -> Tensor:
        """Sinks and window of ``num_frames`` frames."""
        if num_frames <= self.config.num_frames:
            return frames_BMNK
        sinks, window = self.config.sink_frames * size, self.config.window_frames * size
        return torch.cat([frames_BMNK[:, :sinks], frames_BMNK[:, -window:]], dim=1)
