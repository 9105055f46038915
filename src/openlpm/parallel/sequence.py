"""One chunk over several devices: each has some columns of every latent frame, and attends for some of the heads.

Everything in a transformer but self-attention works token by token, so a process runs the whole model on its columns.
Around attention tokens are exchanged for heads and back (Ulysses, arXiv 2309.14509): a memory then holds all tokens of
its process's heads, in the order in which one process alone would have them.
"""

from dataclasses import dataclass
from typing import final

import torch
import torch.distributed as dist
import torch.distributed._functional_collectives as collectives
from jaxtyping import Float
from torch import Tensor

from openlpm.core.errors import ConfigError
from openlpm.nn.attention import Attend
from openlpm.nn.rope import Rotation, grid_positions, rotation_at


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnSplit:
    """How a picture is shared out."""

    rank: int
    size: int
    num_heads: int
    grid: tuple[int, int]
    """Rows and columns of tokens in a whole latent frame."""
    patch_columns: int = 2
    """Columns of a latent to a column of tokens."""
    group: dist.ProcessGroup | None = None
    """The processes that share a picture; None: all of them."""

    def __post_init__(self) -> None:
        if self.num_heads % self.size or self.grid[1] % self.size:
            raise ConfigError(
                f"size={self.size}: must divide num_heads={self.num_heads} and the {self.grid[1]} columns of tokens"
            )

    @property
    def heads(self) -> int:
        """Of each process's memory."""
        return self.num_heads // self.size

    def around(self, attend: Attend, positions_T: Float[Tensor, "*rows T"], head_width: int) -> "SplitHeads":
        """What attends between two exchanges; ``positions_T`` is where the frames (or references) stand."""
        return SplitHeads(attend, self, rotation_at(grid_positions(positions_T, *self.grid), head_width))

    @property
    def is_last(self) -> bool:
        """Whether this is the last process."""
        return self.rank == self.size - 1

    def from_first(self, *tensors: Tensor) -> None:
        """Write what the first process has into these tensors of the others."""
        for tensor in tensors:
            dist.broadcast(tensor, src=0)

    def mine(self, whole_W: Float[Tensor, "*lead W"]) -> Float[Tensor, "*lead w"]:
        """This process's columns of latents (the last dimension)."""
        return whole_W.chunk(self.size, dim=-1)[self.rank].contiguous()

    def joined(self, mine_W: Float[Tensor, "*lead w"]) -> Float[Tensor, "*lead W"]:
        """The whole of what every process has a part of."""
        parts = [torch.empty_like(mine_W) for _ in range(self.size)]
        dist.all_gather(parts, mine_W.contiguous(), group=self.group)
        return torch.cat(parts, dim=-1)


@final
@dataclass(frozen=True, slots=True, eq=False)
class SplitHeads:
    """An ``Attend`` around another, which sees all tokens and some heads; positions are those of the whole picture."""

    inner: Attend
    split: ColumnSplit
    whole: Rotation
    """Of all tokens."""

    def __call__(
        self,
        query_BSNK: Float[Tensor, "B S N K"],
        key_BSNK: Float[Tensor, "B S N K"],
        value_BSNK: Float[Tensor, "B S N K"],
        rotation: Rotation,
        *,
        layer: int,
    ) -> Float[Tensor, "B S N K"]:
        query, key, value = self._to_heads(query_BSNK, key_BSNK, value_BSNK)
        return self._to_tokens(self.inner(query, key, value, self.whole, layer=layer))

    def _to_heads(self, *given: Tensor) -> tuple[Tensor, ...]:
        """My tokens of all heads become all tokens of my heads, for queries, keys and values in one exchange."""
        rows, size = self.split.grid[0], self.split.size
        sent = torch.stack([each.unflatten(2, (size, -1)).permute(2, 0, 1, 3, 4) for each in given], dim=1)
        # process, which, B, T, H, w, N, K
        grid = self._exchanged(sent).unflatten(3, (-1, rows, self.split.grid[1] // size))
        return grid.permute(1, 2, 3, 4, 0, 5, 6, 7).flatten(2, 5).unbind(0)

    def _to_tokens(self, x_BSNK: Tensor) -> Tensor:
        """And back."""
        rows, size = self.split.grid[0], self.split.size
        grid = x_BSNK.unflatten(1, (-1, rows, size, self.split.grid[1] // size))  # B, T, H, process, w, N, K
        sent = grid.permute(3, 0, 1, 2, 4, 5, 6).flatten(2, 4).contiguous()
        got = self._exchanged(sent)
        return got.permute(1, 2, 0, 3, 4).flatten(2, 3)

    def _exchanged(self, sent: Tensor) -> Tensor:
        """The first dimension counts processes: each gets what the others have for it, and gradients go back."""
        if torch.is_grad_enabled() and sent.requires_grad:
            group = self.split.group or dist.group.WORLD
            assert group is not None
            return collectives.all_to_all_single_autograd(sent, None, None, group)
        got = torch.empty_like(sent)
        dist.all_to_all_single(got, sent, group=self.split.group)
        return got
