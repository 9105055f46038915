"""Muon for matrices and convolution kernels, AdamW for the rest, in one optimiser.

Muon: momentum orthogonalised by Newton-Schulz iterations (K. Jordan, 2024), its step scaled to AdamW's size so that
both share one learning rate (arXiv 2502.16982). Works on plain and on sharded (DTensor) parameters.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from openlpm.core.errors import ConfigError

_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class OptimiserConfig:
    """Rates and decays shared by both rules."""

    lr: float
    weight_decay: float = 0.01
    momentum: float = 0.95
    betas: tuple[float, float] = (0.9, 0.99)
    eps: float = 1e-8
    use_muon: bool = True

    def __post_init__(self) -> None:
        if self.lr <= 0:
            raise ConfigError(f"lr={self.lr}: a learning rate is positive")


def _local(tensor: Tensor) -> Tensor:
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def _whole(local: Tensor, like: Tensor) -> Tensor:
    """The full matrix of which ``local`` is this process's part."""
    if not isinstance(like, DTensor):
        return local
    part = DTensor.from_local(
        local, like.device_mesh, like.placements, run_check=False, shape=like.shape, stride=like.stride()
    )
    return part.full_tensor()


def _own_part(whole: Tensor, like: Tensor) -> Tensor:
    if not isinstance(like, DTensor):
        return whole
    mesh, rows = like.device_mesh, -(-like.shape[0] // like.device_mesh.size())
    first = mesh.get_local_rank() * rows
    return whole[first : first + rows]


def orthogonalise(matrices_NPQ: Tensor) -> Tensor:
    """Nearest semi-orthogonal matrices, roughly: singular values come out between about 0.7 and 1.2."""
    a, b, c = _NEWTON_SCHULZ
    x = matrices_NPQ.bfloat16() if matrices_NPQ.is_cuda else matrices_NPQ.float()
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(_ITERATIONS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.mT if tall else x).float()


@final
class MuonAdamW(torch.optim.Optimizer):
    """One step rule for matrices, one for vectors; ``lr`` of every group may be changed between steps."""

    def __init__(self, named_parameters: Iterable[tuple[str, nn.Parameter]], config: OptimiserConfig) -> None:
        matrices: list[nn.Parameter] = []
        others: list[nn.Parameter] = []
        for name, parameter in named_parameters:
            if parameter.requires_grad:
                (matrices if config.use_muon and is_matrix(name, parameter) else others).append(parameter)
        groups = [{"params": matrices, "matrices": True}, {"params": others, "matrices": False}]
        self._config = config
        super().__init__([group for group in groups if group["params"]], {"lr": config.lr})

    def allocate(self) -> None:
        """Create the state of every parameter, so that a checkpoint can be loaded into it."""
        for group in self.param_groups:
            for p in group["params"]:
                self._slots(p, matrices=group["matrices"])

    def _slots(self, p: nn.Parameter, *, matrices: bool) -> dict[str, Tensor]:
        slots: dict[str, Tensor] = self.state[p]
        if not slots and matrices:
            slots["momentum"] = torch.zeros_like(p)
        elif not slots:
            slots.update(mean=torch.zeros_like(p), square=torch.zeros_like(p), count=torch.zeros(()))
        return slots

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] (no loss: no closure)
        """One update of every parameter that has a gradient."""
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if parameters and group["matrices"]:
                self._muon(parameters, group["lr"])
            elif parameters:
                self._adamw(parameters, group["lr"])

    def _muon(self, parameters: list[nn.Parameter], lr: float) -> None:
        by_shape: dict[tuple[int, int], list[nn.Parameter]] = defaultdict(list)
        for p in parameters:
            self._slots(p, matrices=True)
            by_shape[(p.shape[0], p[0].numel())].append(p)
        grads = [_local(p.grad) for p in parameters if p.grad is not None]
        momenta = [_local(self.state[p]["momentum"]) for p in parameters]
        torch._foreach_lerp_(momenta, grads, 1 - self._config.momentum)
        for (rows, columns), same in by_shape.items():
            wholes = []
            for p in same:
                assert p.grad is not None
                nesterov = torch.lerp(_local(p.grad), _local(self.state[p]["momentum"]), self._config.momentum)
                wholes.append(_whole(nesterov, p).reshape(rows, columns))
            update_NPQ = orthogonalise(torch.stack(wholes)) * (0.2 * max(rows, columns) ** 0.5)
            for p, update in zip(same, update_NPQ, strict=True):
                weights = _local(p.data)
                weights.mul_(1 - lr * self._config.weight_decay)
                weights.add_(_own_part(update.reshape(p.shape), p), alpha=-lr)

    def _adamw(self, parameters: list[nn.Parameter], lr: float) -> None:
        config = self._config
        for p in parameters:
            self._slots(p, matrices=False)["count"] += 1
        grads = [_local(p.grad) for p in parameters if p.grad is not None]
        means = [_local(self.state[p]["mean"]) for p in parameters]
        squares = [_local(self.state[p]["square"]) for p in parameters]
        count = float(self.state[parameters[0]]["count"])
        torch._foreach_lerp_(means, grads, 1 - config.betas[0])
        torch._foreach_mul_(squares, config.betas[1])
        torch._foreach_addcmul_(squares, grads, grads, value=1 - config.betas[1])
        roots = torch._foreach_sqrt(squares)  # noqa: SLF001 (has no public name)
        torch._foreach_div_(roots, (1 - config.betas[1] ** count) ** 0.5)
        torch._foreach_add_(roots, config.eps)
        weights = [_local(p.data) for p in parameters]
        torch._foreach_addcdiv_(weights, means, roots, value=-lr / (1 - config.betas[0] ** count))


def is_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Whether Muon applies: hidden matrices and kernels, not embeddings, tables, entrances or exits to pixels."""
    if parameter.ndim < 2 or min(parameter.shape[0], parameter[0].numel()) < 16:
        return False
    return not any(word in name for word in ("pieces", "positions", "modulation", "table", "unknown"))
