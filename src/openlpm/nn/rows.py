"""What stands between the products of a block in 8-bit floating point, a row in one pass (Triton).

A compiler reads a row once for what it sums over it and once more for what it makes of it, and so computes GELU twice.
Here a row stays in registers: it is read once, and written once in the type of the next product. Off the GPU the same
is computed by the plain code.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor

from openlpm.nn.fp8 import quantised
from openlpm.nn.modulation import gated_add, modulated_norm

_THERE = find_spec("triton") is not None
_WARPS = 16


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Update:
    """A product that is to be added to what passes a block."""

    product_BSD: Tensor
    """Without its bias."""
    bias_D: Tensor
    gate_BGD: Tensor | None = None
    """In float32; only the first of two updates may have one."""


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Norm:
    """A layer norm, then a factor and a shift: of the layer (D) or of the time of the flow (B, G, D, in float32)."""

    eps: float
    scale: Tensor
    """Of the time: what is added to 1."""
    shift: Tensor


def narrow_rows(x_BSI: Tensor, bias_I: Tensor | None = None, *, gelu: bool = False) -> tuple[Tensor, Tensor]:
    """All rows of ``x`` (plus a bias, through GELU) as ``nn.fp8.quantised`` gives them."""
    x_RI = x_BSI.flatten(0, 1)
    if not _by_kernel(x_RI):
        wide_RI = x_RI if bias_I is None else x_RI + bias_I.to(x_RI.dtype)
        return quantised(F.gelu(wide_RI, approximate="tanh") if gelu else wide_RI)
    from openlpm.nn import kernels  # loads Triton

    launch: Any = kernels.narrow_row
    narrow_RI, scale_R1 = _narrow_like(x_RI)
    with _at(x_RI):
        launch[(len(x_RI),)](
            x_RI,
            x_RI if bias_I is None else bias_I,
            narrow_RI,
            scale_R1,
            x_RI.stride(0),
            D=x_RI.shape[1],
            PADDED=_padded(x_RI.shape[1]),
            BIAS=bias_I is not None,
            GELU=gelu,
            num_warps=_WARPS,
        )
    return narrow_RI, scale_R1


def add_and_norm(x_BSD: Tensor, updates: tuple[Update, ...], norm: Norm) -> tuple[Tensor, Tensor, Tensor]:
    """``x`` with up to two updates added, and the norm of that as rows in 8 bits with their scales."""
    if not _by_kernel(x_BSD):
        made_BSD = add(x_BSD, updates)
        return made_BSD, *quantised(_normed(made_BSD, norm).flatten(0, 1))
    made_BSD = torch.empty_like(x_BSD) if updates else x_BSD
    narrow_RI, scale_R1 = _narrow_like(x_BSD.flatten(0, 1))
    _settle(x_BSD, updates, norm, made_BSD, narrow_RI, scale_R1)
    return made_BSD, narrow_RI, scale_R1


def add(x_BSD: Tensor, updates: tuple[Update, ...]) -> Tensor:
    """``x`` with updates added."""
    if _by_kernel(x_BSD):
        made_BSD = torch.empty_like(x_BSD)
        _settle(x_BSD, updates, None, made_BSD, x_BSD, x_BSD)
        return made_BSD
    for update in updates:
        wide_BSD = update.product_BSD + update.bias_D.to(x_BSD.dtype)
        x_BSD = x_BSD + wide_BSD if update.gate_BGD is None else gated_add(x_BSD, wide_BSD, update.gate_BGD)
    return x_BSD


def root_norms(joined_BSM: Tensor, bias_M: Tensor, weight_ND: Tensor, eps: float) -> Tensor:
    """M / D projections side by side, with their bias, (M / D, B, S, D); the first N by their root mean square."""
    count, (normed, width) = joined_BSM.shape[-1] // weight_ND.shape[1], weight_ND.shape
    if not _by_kernel(joined_BSM):
        parts = (joined_BSM + bias_M.to(joined_BSM.dtype)).unflatten(-1, (count, width)).unbind(2)
        wide = [
            F.rms_norm(part.float(), (width,), weight.float(), eps)
            for part, weight in zip(parts[:normed], weight_ND, strict=True)
        ]
        return torch.stack([*(each.to(joined_BSM.dtype) for each in wide), *parts[normed:]])
    from openlpm.nn import kernels  # loads Triton

    launch: Any = kernels.root_norm
    made = joined_BSM.new_empty(count, *joined_BSM.shape[:2], width)
    rows = joined_BSM.shape[0] * joined_BSM.shape[1]
    with _at(joined_BSM):
        launch[rows, count](
            joined_BSM,
            bias_M,
            weight_ND,
            made,
            rows,
            eps,
            D=width,
            COUNT=count,
            NORMED=normed,
            PADDED=_padded(width),
            num_warps=_WARPS // 2,
        )
    return made


def _normed(x_BSD: Tensor, norm: Norm) -> Tensor:
    if norm.scale.ndim == 1:
        scale_D, shift_D = norm.scale.float(), norm.shift.float()
        return F.layer_norm(x_BSD.float(), x_BSD.shape[-1:], scale_D, shift_D, norm.eps).to(x_BSD.dtype)
    return modulated_norm(x_BSD, norm.shift, norm.scale, eps=norm.eps)


def _settle(
    x_BSD: Tensor, updates: tuple[Update, ...], norm: Norm | None, made_BSD: Tensor, narrow_RI: Tensor, scale_R1: Tensor
) -> None:
    from openlpm.nn import kernels  # loads Triton

    launch: Any = kernels.settle
    batch, tokens, width = x_BSD.shape
    first = updates[0] if updates else None
    second = updates[1] if len(updates) > 1 else None
    gate = None if first is None else first.gate_BGD
    assert second is None or second.gate_BGD is None  # a block has one gate at a time
    timed = norm is not None and norm.scale.ndim == 3
    grouped = gate if gate is not None else norm.scale if timed and norm is not None else None
    groups = 1 if grouped is None else grouped.shape[1]
    nothing = x_BSD
    with _at(x_BSD):
        launch[(batch * tokens,)](
            x_BSD,
            nothing if first is None else first.product_BSD,
            nothing if first is None else first.bias_D,
            nothing if gate is None else gate,
            nothing if second is None else second.product_BSD,
            nothing if second is None else second.bias_D,
            nothing if norm is None else norm.scale,
            nothing if norm is None else norm.shift,
            made_BSD,
            narrow_RI,
            scale_R1,
            tokens,
            tokens // groups,
            *((0, 0) if gate is None else gate.stride()[:2]),
            *((0, 0) if norm is None or not timed else norm.scale.stride()[:2]),
            0.0 if norm is None else norm.eps,
            D=width,
            PADDED=_padded(width),
            UPDATES=len(updates),
            GATED=gate is not None,
            NORM=0 if norm is None else 2 if timed else 1,
            num_warps=_WARPS,
        )


def _by_kernel(x: Tensor) -> bool:
    return _THERE and x.is_cuda and x.dtype == torch.bfloat16 and x.is_contiguous() and not torch.is_grad_enabled()


def _narrow_like(x_RI: Tensor) -> tuple[Tensor, Tensor]:
    narrow_RI = torch.empty(x_RI.shape, dtype=torch.float8_e4m3fn, device=x_RI.device)
    return narrow_RI, torch.empty(len(x_RI), 1, dtype=torch.float32, device=x_RI.device)


def _padded(width: int) -> int:
    return 1 << (width - 1).bit_length()


def _at(x: Tensor) -> AbstractContextManager[Any]:
    """Triton launches on the device of the moment, not on that of the tensors."""
    return torch.cuda.device(x.device) if x.is_cuda else nullcontext()
