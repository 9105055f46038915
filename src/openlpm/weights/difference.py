"""Weights told as other weights and something small: a few components of what differs, matrix by matrix.

A difference is a state of its own. ``<key>.factors`` (R, P + Q) holds the components of a matrix of P rows and Q
columns that are added to the other weights; under its own key a tensor stands whole, in place of the other; what has
not changed is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from openlpm.core.errors import ConfigError, WeightsError
from openlpm.weights.int8 import worth_quantising

FACTORS = ".factors"
MIN_SIDE = 24
"""Smaller matrices, and all that is no matrix, stay whole: they are cheap, and matter out of proportion."""
_SCALE_BYTES = 2
_VECTOR_BYTES = 2
_ENTRY_BYTES = 120
"""What a safetensors file says about a tensor, beside its numbers."""


def worth_factoring(shape: tuple[int, ...], rank: int) -> bool:
    """Whether ``rank`` components of a matrix (a kernel's rows are flattened) are smaller than the matrix."""
    if len(shape) < 2:
        return False
    rows, columns = shape[0], torch.Size(shape[1:]).numel()
    return min(rows, columns) >= MIN_SIDE and rank * (rows + columns) < rows * columns


@final
@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """The components of one matrix, the largest first; their squares sum to the squared norm."""

    left_RP: Tensor
    right_RQ: Tensor
    size_R: Tensor
    """Singular values."""

    @property
    def length(self) -> int:
        """Numbers in one component."""
        return self.left_RP.shape[1] + self.right_RQ.shape[1]

    def factors(self, rank: int) -> Tensor:
        """The first components, ``factors_RL``: both sides of each made equally large, so that one scale suits both."""
        root_R1 = self.size_R[:rank, None].sqrt()
        left_RP, right_RQ = self.left_RP[:rank] * root_R1, self.right_RQ[:rank] * root_R1
        tiny = torch.finfo(torch.float32).tiny
        balance_R1 = (right_RQ.abs().amax(1, keepdim=True) / left_RP.abs().amax(1, keepdim=True).clamp_min(tiny)).sqrt()
        balance_R1 = torch.where(balance_R1 > 0, balance_R1, torch.ones_like(balance_R1))
        return torch.cat([left_RP * balance_R1, right_RQ / balance_R1], dim=1).float()


def components(matrix: Tensor) -> Components:
    """A matrix by its singular vectors, computed in float64."""
    left_PR, size_R, right_RQ = torch.linalg.svd(matrix.double().flatten(1), full_matrices=False)
    return Components(left_PR.mT, right_RQ, size_R)


def product(factors_RL: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The matrix of this shape that the factors make."""
    left_RP, right_RQ = factors_RL.float().split([shape[0], factors_RL.shape[1] - shape[0]], dim=1)
    return (left_RP.mT @ right_RQ).reshape(shape)


@final
class Difference:
    """How weights differ from a base, ready to be cut to a rank or to a size.

    Raises:
        ConfigError: the two do not have the same keys and shapes.
    """

    def __init__(self, base: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> None:
        odd = sorted(base.keys() ^ target.keys())
        odd += sorted(key for key in base.keys() & target.keys() if base[key].shape != target[key].shape)
        if odd:
            raise ConfigError(
                f"{', '.join(odd[:4])}: not in both sets of weights, or of two shapes; compare like with like"
            )
        changed = {key: value for key, value in target.items() if not torch.equal(value, base[key])}
        self._matrices = {
            key: components(value.double() - base[key].double())
            for key, value in changed.items()
            if worth_factoring(tuple(value.shape), rank=1)
        }
        self._target = changed

    @property
    def most(self) -> int:
        """The rank at which nothing is lost."""
        return max((len(each.size_R) for each in self._matrices.values()), default=0)

    def evenly(self, rank: int) -> dict[str, int]:
        """The same rank for every matrix."""
        if rank < 0:
            raise ConfigError(f"rank={rank}: give 0 (vectors alone) or more")
        return dict.fromkeys(self._matrices, rank)

    def within(self, size_bytes: int) -> dict[str, int]:
        """Ranks that lose the least energy in so many bytes, at one byte a number of a component.

        Raises:
            ConfigError: what has to stay whole is larger already.
        """
        none = self.evenly(0)
        left = size_bytes - self.size_bytes(none)
        if left < 0:
            raise ConfigError(f"size_bytes={size_bytes}: vectors alone take {self.size_bytes(none)}; give more")
        offers = sorted(
            ((float(size**2) / each.length, key) for key, each in self._matrices.items() for size in each.size_R),
            reverse=True,
        )
        ranks = dict(none)
        for gain, key in offers:
            cost = self._matrices[key].length + _SCALE_BYTES + (0 if ranks[key] else 2 * _ENTRY_BYTES)
            if gain > 0 and cost <= left:
                ranks[key] += 1
                left -= cost
        return ranks

    def size_bytes(self, ranks: Mapping[str, int]) -> int:
        """About what these ranks take as int8 rows, before they are gzipped; files are no larger."""
        size = 0
        for key, value in self._target.items():
            rank = ranks.get(key, 0)
            if key in self._matrices and worth_factoring(tuple(value.shape), rank):
                size += rank * (self._matrices[key].length + _SCALE_BYTES) + (2 * _ENTRY_BYTES if rank else 0)
            elif worth_quantising(value):
                size += value.numel() + len(value) * _SCALE_BYTES + 2 * _ENTRY_BYTES
            else:
                size += _VECTOR_BYTES * value.numel() + _ENTRY_BYTES
        return size

    def state(self, ranks: Mapping[str, int]) -> dict[str, Tensor]:
        """The difference as tensors to store: what ``added`` takes."""
        made: dict[str, Tensor] = {}
        for key, value in self._target.items():
            rank = ranks.get(key, 0)
            if key not in self._matrices or not worth_factoring(tuple(value.shape), rank):
                made[key] = value.detach().clone()
            elif rank:
                made[key + FACTORS] = self._matrices[key].factors(rank)
        return made

    def lost(self, ranks: Mapping[str, int]) -> float:
        """Norm of what these ranks leave out, over the norm of the whole difference of the matrices."""
        sizes = {key: each.size_R.square() for key, each in self._matrices.items()}
        out = sum(
            float(size_R[ranks.get(key, 0) :].sum())
            for key, size_R in sizes.items()
            if worth_factoring(tuple(self._target[key].shape), ranks.get(key, 0))
        )
        return (out / max(sum(float(size_R.sum()) for size_R in sizes.values()), 1e-300)) ** 0.5


def added(base: Mapping[str, Tensor], difference: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights that a base and a difference make together.

    Raises:
        WeightsError: the difference tells of a tensor that the base lacks, or of one of another shape.
    """
    made = dict(base)
    for key, value in difference.items():
        name = key.removesuffix(FACTORS)
        if name not in base:
            raise WeightsError(f"{key} belongs to no tensor of the other weights: this difference is of another model")
        shape = tuple(base[name].shape)
        if key == name:
            fits = tuple(value.shape) == shape
        else:
            fits = len(shape) > 1 and value.ndim == 2 and value.shape[1] == shape[0] + torch.Size(shape[1:]).numel()
        if not fits:
            raise WeightsError(f"{key} of shape {tuple(value.shape)} does not fit {name} of shape {shape}")
        made[name] = value.to(base[name].dtype) if key == name else base[name].float() + product(value, shape)
    return made
