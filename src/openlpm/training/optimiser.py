"""Muon for matrices and convolution kernels, Adam for the rest, in one optimiser.

Muon: momentum orthogonalised by Newton-Schulz iterations (K. Jordan, 2024), its step scaled to AdamW's size so that
both share one learning rate (arXiv 2502.16982). Works on plain and on sharded (DTensor) parameters.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.nn import functional

from openlpm.core.errors import ConfigError
from openlpm.parallel.scale import local, own_part, share

_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5
_PIECE = 1 << 29
"""Numbers that Adam updates at a time: two gigabytes of float32, of which it holds two copies meanwhile."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class OptimiserConfig:
    """Rates of both rules; only what Muon moves is decayed."""

    lr: float
    weight_decay: float = 0.01
    """Of matrices under Muon; norms, biases, tables (and everything without Muon) are never decayed."""
    momentum: float = 0.95
    betas: tuple[float, float] = (0.9, 0.99)
    eps: float = 1e-8
    use_muon: bool = True

    def __post_init__(self) -> None:
        if self.lr <= 0:
            raise ConfigError(f"lr={self.lr}: a learning rate is positive")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Rhythm:
    """Parameters that move together: where several networks are trained at once, each in its own rhythm."""

    prefix: str = ""
    """Of the parameters' names."""
    suffix: str = ""
    """The same of their ends: where one network plays several roles (``training.roles``)."""
    every: int = 1
    """Steps from one move to the next; the first step moves all."""
    optimiser: OptimiserConfig | None = None
    """Their own; None: that of the others. Its rate follows the same schedule."""

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ConfigError(f"every={self.every}: give a whole number of steps, 1 or more")


def _gathered(locals_: list[Tensor], parameters: list[nn.Parameter]) -> list[Tensor]:
    """Whole matrices from every process's part, in one collective: single ones would cost more than the arithmetic."""
    first = parameters[0]
    if not isinstance(first, DTensor) or first.device_mesh.size() == 1:
        return locals_
    mesh = first.device_mesh
    padded: list[Tensor] = []
    for part, p in zip(locals_, parameters, strict=True):
        missing = share(p.shape[0], mesh.size()) - part.shape[0]
        flat = part.reshape(part.shape[0], p.numel() // p.shape[0])
        padded.append(functional.pad(flat, (0, 0, 0, missing)).flatten())
    mine = torch.cat(padded)
    everyone = [torch.empty_like(mine) for _ in range(mesh.size())]
    dist.all_gather(everyone, mine, group=mesh.get_group())
    parts = torch.stack(everyone).split([part.numel() for part in padded], dim=1)
    return [
        part.reshape(-1, p.numel() // p.shape[0])[: p.shape[0]].reshape(p.shape)
        for part, p in zip(parts, parameters, strict=True)
    ]


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
    """One step rule for matrices, one for vectors.

    ``rate`` is the learning rate of the next step, a scalar on the device: fill it. All state lives on the device, so a
    step can be recorded. Every parameter belongs to the first of ``rhythms`` that its name fits.

    Raises:
        ConfigError: a parameter fits no rhythm, or a rhythm no parameter.
    """

    def __init__(
        self,
        named_parameters: Iterable[tuple[str, nn.Parameter]],
        config: OptimiserConfig,
        rhythms: Sequence[Rhythm] = (Rhythm(),),
    ) -> None:
        self._config, self._rhythms = config, tuple(rhythms)
        sorted_in: dict[tuple[int, bool], list[nn.Parameter]] = defaultdict(list)
        for name, parameter in named_parameters:
            if parameter.requires_grad:
                rhythm = self._rhythm_of(name)
                matrix = self._config_of(rhythm).use_muon and is_matrix(name, parameter)
                sorted_in[(rhythm, matrix)].append(parameter)
        for number, rhythm in enumerate(self._rhythms):
            if not any(key[0] == number for key in sorted_in):
                raise ConfigError(
                    f"prefix={rhythm.prefix!r}, suffix={rhythm.suffix!r}: no trained parameter has such a name; leave "
                    "it out"
                )
        groups: list[dict[str, Any]] = [
            {"params": parameters, "matrices": matrix, "rhythm": number}
            for (number, matrix), parameters in sorted_in.items()
        ]
        first = next(iter(sorted_in.values()))[0]
        self.rate = torch.tensor(config.lr, device=first.device)
        super().__init__(groups, {"lr": self.rate})

    def _rhythm_of(self, name: str) -> int:
        for number, rhythm in enumerate(self._rhythms):
            if name.startswith(rhythm.prefix) and name.endswith(rhythm.suffix):
                return number
        raise ConfigError(f"{name} fits no rhythm: add one with a prefix of its name, or one without a prefix")

    def _config_of(self, rhythm: int) -> OptimiserConfig:
        return self._rhythms[rhythm].optimiser or self._config

    def moving(self, step: int) -> tuple[int, ...]:
        """The rhythms that move at a step, by number."""
        return tuple(number for number, rhythm in enumerate(self._rhythms) if step % rhythm.every == 0)

    def parameters_of(self, rhythm: int) -> list[nn.Parameter]:
        """The parameters of a rhythm."""
        return [p for group in self.param_groups if group["rhythm"] == rhythm for p in group["params"]]

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
            slots.update(mean=torch.zeros_like(p), square=torch.zeros_like(p), count=torch.zeros((), device=p.device))
        return slots

    @torch.no_grad()
    def step(self, moving: Sequence[int] | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One update of every parameter that has a gradient, of the rhythms that are ``moving`` (None: of all)."""
        for group in self.param_groups:
            if moving is not None and group["rhythm"] not in moving:
                continue
            parameters = [p for p in group["params"] if p.grad is not None]
            config = self._config_of(group["rhythm"])
            rate = self.rate * (config.lr / self._config.lr)
            if parameters and group["matrices"]:
                self._muon(parameters, rate, config)
            for some in _in_pieces(parameters) if not group["matrices"] else ():
                self._adamw(some, rate, config)

    def _muon(self, parameters: list[nn.Parameter], rate: Tensor, config: OptimiserConfig) -> None:
        grads = [local(p.grad) for p in parameters if p.grad is not None]
        momenta = [local(self._slots(p, matrices=True)["momentum"]) for p in parameters]
        torch._foreach_lerp_(momenta, grads, 1 - config.momentum)
        steps = torch._foreach_lerp(grads, momenta, config.momentum)  # noqa: SLF001 (has no public name)
        by_shape: dict[tuple[int, int], list[tuple[nn.Parameter, Tensor]]] = defaultdict(list)
        for p, whole in zip(parameters, _gathered(list(steps), parameters), strict=True):
            by_shape[(whole.shape[0], whole.numel() // whole.shape[0])].append((p, whole))
        weights: list[Tensor] = []
        updates: list[Tensor] = []
        for (rows, columns), same in by_shape.items():
            stacked_NPQ = torch.stack([whole.reshape(rows, columns) for _, whole in same])
            update_NPQ = orthogonalise(stacked_NPQ) * (0.2 * max(rows, columns) ** 0.5)
            for (p, whole), update in zip(same, update_NPQ, strict=True):
                weights.append(local(p))
                updates.append(own_part(update.reshape(whole.shape), p))
        torch._foreach_mul_(weights, 1 - rate * config.weight_decay)
        torch._foreach_mul_(updates, -rate)
        torch._foreach_add_(weights, updates)

    def _adamw(self, parameters: list[nn.Parameter], rate: Tensor, config: OptimiserConfig) -> None:
        counts = [self._slots(p, matrices=False)["count"] for p in parameters]
        torch._foreach_add_(counts, 1)
        grads = [local(p.grad) for p in parameters if p.grad is not None]
        means = [local(self.state[p]["mean"]) for p in parameters]
        squares = [local(self.state[p]["square"]) for p in parameters]
        unbiased_mean, unbiased_square = (1 - beta ** counts[0] for beta in config.betas)
        torch._foreach_lerp_(means, grads, 1 - config.betas[0])
        torch._foreach_mul_(squares, config.betas[1])
        torch._foreach_addcmul_(squares, grads, grads, value=1 - config.betas[1])
        roots = torch._foreach_sqrt(squares)  # noqa: SLF001 (has no public name)
        torch._foreach_div_(roots, unbiased_square.sqrt())
        torch._foreach_add_(roots, config.eps)
        steps = torch._foreach_div(means, roots)  # noqa: SLF001 (has no public name)
        torch._foreach_mul_(steps, -rate / unbiased_mean)
        torch._foreach_add_([local(p) for p in parameters], steps)


def _in_pieces(parameters: list[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    """Parameters that are updated together: what is computed in between is held for so many at a time."""
    piece: list[nn.Parameter] = []
    held = 0
    for parameter in parameters:
        size = local(parameter.detach()).numel()
        if piece and held + size > _PIECE:
            yield piece
            piece, held = [], 0
        piece.append(parameter)
        held += size
    if piece:
        yield piece


def is_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Whether Muon applies: every matrix and kernel of 16 rows and columns or more, entrances and exits among them.

    Word pieces, positions, window slots and modulations are left to Adam.
    """
    if parameter.ndim < 2 or min(parameter.shape[0], parameter.numel() // parameter.shape[0]) < 16:
        return False
    return not any(word in name for word in ("pieces", "positions", "modulation", "slots"))
