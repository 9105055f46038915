"""Rotary positions in one pass over memory, for GPUs (Triton); ``nn.rope`` says what is computed.

Written out, the rotation of half a second of 17 B takes eight passes in float32. Here every number is read once and
written once, in its own type, wherever it lies: a memory's buffer is filled without a copy.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, final

import torch
from torch import Tensor

_THERE = find_spec("triton") is not None

_HEADS = 8
"""Heads that one program turns: with 128 channels, eight numbers a thread."""


def is_supported(x: Tensor) -> bool:
    """Whether the kernel takes this tensor: on a GPU, no gradient asked for, channels side by side."""
    plain = _THERE and x.is_cuda and x.dtype in (torch.bfloat16, torch.float16, torch.float32)
    return plain and x.stride(-1) == 1 and not torch.is_grad_enabled() and not torch.compiler.is_compiling()


def turn_into(target_BSNK: Tensor, x_BSNK: Tensor, cos_SP: Tensor, sin_SP: Tensor) -> None:
    """Rotate P pairs of channels of every token into ``target_BSNK``, which may be ``x_BSNK`` itself.

    Angles are (S, P) or (B, S, P) in float32. Other strides than that of channels do not matter.
    """
    from openlpm.nn import kernels  # loads Triton

    turn: Any = kernels.turn
    batch, tokens, heads, width = x_BSNK.shape
    cos_BSP, sin_BSP = _angles(cos_SP, sin_SP, (batch, tokens, width // 2))
    grid = (tokens, batch, -(-heads // _HEADS))
    pairs = 1 << (width // 2 - 1).bit_length()
    with _at(x_BSNK):
        turn[grid](
            x_BSNK,
            target_BSNK,
            cos_BSP,
            sin_BSP,
            *x_BSNK.stride()[:3],
            *target_BSNK.stride()[:3],
            *cos_BSP.stride()[:2],
            heads,
            P=width // 2,
            PADDED=pairs,
            HEADS=_HEADS,
        )


def scale_into(target_BSNK: Tensor, x_BSNK: Tensor, factor: float, largest: float) -> None:
    """Write ``x`` times a factor into a buffer of another type, between ``-largest`` and ``largest``."""
    from openlpm.nn import kernels  # loads Triton

    scale: Any = kernels.scale
    batch, tokens, heads, width = x_BSNK.shape
    with _at(x_BSNK):
        scale[tokens, batch, -(-heads // _HEADS)](
            x_BSNK,
            target_BSNK,
            *x_BSNK.stride()[:3],
            *target_BSNK.stride()[:3],
            heads,
            factor,
            largest,
            K=width,
            PADDED=1 << (width - 1).bit_length(),
            HEADS=_HEADS,
        )


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Places:
    """Where a chunk's keys and values go, (B, S, N, K) each and of equal strides."""

    key: Tensor
    value: Tensor
    narrow: tuple[Tensor, Tensor] | None = None
    """Also in 8 bits: keys, values."""
    factor: float = 1.0
    """What numbers in 8 bits are multiplied with."""


def enter(
    given: tuple[Tensor, Tensor, Tensor], cos_SP: Tensor, sin_SP: Tensor, places: Places, largest: float
) -> Tensor:
    """Put rotated keys, and values, where they go, and return rotated queries, of the narrow type if there is one.

    ``given`` are queries, keys and values before rotation, (B, S, N, K) each.
    """
    from openlpm.nn import kernels  # loads Triton

    launch: Any = kernels.enter
    query = given[0]
    batch, tokens, heads, width = query.shape
    cos_BSP, sin_BSP = _angles(cos_SP, sin_SP, (batch, tokens, width // 2))
    narrow = places.narrow or (places.key, places.value)
    made = torch.empty(query.shape, dtype=narrow[0].dtype, device=query.device)
    with _at(query):
        launch[tokens, batch, -(-heads // _HEADS)](
            *given,
            cos_BSP,
            sin_BSP,
            made,
            places.key,
            places.value,
            *narrow,
            *(stride for each in (*given, made, places.key) for stride in each.stride()[:3]),
            *cos_BSP.stride()[:2],
            heads,
            places.factor,
            largest,
            P=width // 2,
            PADDED=1 << (width // 2 - 1).bit_length(),
            HEADS=_HEADS,
            NARROW=places.narrow is not None,
        )
    return made


def place_into(kept_XBMNK: Tensor, new_XBSNK: Tensor, slots_BT: Tensor, turn: tuple[Tensor, Tensor] | None) -> None:
    """Put a chunk's tokens, of all layers, into the slots of its frames; -1 is nowhere.

    ``turn`` are cosines and sines, (B, 1, P), by which the first P pairs of channels are turned on the way.
    """
    from openlpm.nn import kernels  # loads Triton

    launch: Any = kernels.place
    layers, rows, tokens, heads, width = new_XBSNK.shape
    cos_B1P, sin_B1P = (each.contiguous() for each in turn or (slots_BT, slots_BT))
    with _at(new_XBSNK):
        launch[tokens, layers * rows, -(-heads // _HEADS)](
            new_XBSNK,
            kept_XBMNK,
            slots_BT,
            cos_B1P,
            sin_B1P,
            *new_XBSNK.stride()[:4],
            *kept_XBMNK.stride()[:4],
            slots_BT.stride(0),
            cos_B1P.stride(0),
            tokens // slots_BT.shape[1],
            rows,
            heads,
            P=width // 2,
            TURNED=0 if turn is None else cos_B1P.shape[-1],
            PADDED=1 << (width // 2 - 1).bit_length(),
            HEADS=_HEADS,
        )


def _angles(cos_SP: Tensor, sin_SP: Tensor, shape: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
    cos_BSP, sin_BSP = cos_SP.expand(shape), sin_SP.expand(shape)
    if cos_BSP.stride() != sin_BSP.stride() or cos_BSP.stride(2) != 1:
        return cos_BSP.contiguous(), sin_BSP.contiguous()
    return cos_BSP, sin_BSP


def _at(x: Tensor) -> AbstractContextManager[Any]:
    """Triton launches on the device of the moment, not on that of the tensors."""
    return torch.cuda.device(x.device) if x.is_cuda else nullcontext()
