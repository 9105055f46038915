"""Rotary positions in three dimensions: time, row and column (Su et al., 2021; split and order as in Wan).

The channels of a head are complex pairs (0, 1), (2, 3), ... The first ``K - 4 * (K // 6)`` channels turn with time, the
next ``2 * (K // 6)`` with the row and the last as many with the column. Positions are real numbers of any sign: only
differences matter.
"""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from openlpm.nn import rope_kernel
from openlpm.nn.precision import widened

THETA = 10_000.0


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Rotation:
    """Cosine and sine of every complex pair at every position."""

    cos: Float[Tensor, "*lead S K2"]
    sin: Float[Tensor, "*lead S K2"]


def axis_widths(head_width: int) -> tuple[int, int, int]:
    """Channels of a head that turn with time, row and column."""
    space = 2 * (head_width // 6)
    return head_width - 2 * space, space, space


def rotation_at(positions_S3: Float[Tensor, "*lead S 3"], head_width: int) -> Rotation:
    """Rotation for tokens at ``positions_S3`` (time, row, column)."""
    angles: list[Tensor] = []
    for axis, width in enumerate(axis_widths(head_width)):
        exponents = torch.arange(0, width, 2, dtype=torch.float32, device=positions_S3.device) / width
        angles.append(positions_S3[..., axis, None].float() * THETA**-exponents)
    angle = torch.cat(angles, dim=-1)
    return Rotation(cos=angle.cos(), sin=angle.sin())


def turn_of_time(shift_S: Float[Tensor, "*lead S"], head_width: int) -> Rotation:
    """What moves keys in time: for their first ``axis_widths(head_width)[0]`` channels, which alone turn with time."""
    width = axis_widths(head_width)[0]
    exponents = torch.arange(0, width, 2, dtype=torch.float32, device=shift_S.device) / width
    angle = shift_S[..., None].float() * THETA**-exponents
    return Rotation(cos=angle.cos(), sin=angle.sin())


def rotate(x_BSNK: Float[Tensor, "B S N K"], rotation: Rotation) -> Float[Tensor, "B S N K"]:
    """Turn every head of every token by its position; computed in float32 at least, returned in the type of ``x``."""
    if x_BSNK.device.type == "cpu" and not torch.compiler.is_compiling():
        # One pass over memory instead of eight; compilers do better with the real numbers below.
        turned = torch.view_as_real(_as_complex(widened(x_BSNK)) * _turns(rotation, x_BSNK.dtype))
        return turned.flatten(-2).to(x_BSNK.dtype)
    if rope_kernel.is_supported(x_BSNK):
        turned_BSNK = torch.empty(x_BSNK.shape, dtype=x_BSNK.dtype, device=x_BSNK.device)
        rope_kernel.turn_into(turned_BSNK, x_BSNK, rotation.cos, rotation.sin)
        return turned_BSNK
    cos, sin = rotation.cos[..., None, :], rotation.sin[..., None, :]
    real, imaginary = widened(x_BSNK).unflatten(-1, (-1, 2)).unbind(-1)
    turned = torch.stack([real * cos - imaginary * sin, real * sin + imaginary * cos], dim=-1)
    return turned.flatten(-2).to(x_BSNK.dtype)


def rotate_into(target_BSNK: Float[Tensor, "B S N K"], x_BSNK: Float[Tensor, "B S N K"], rotation: Rotation) -> None:
    """``rotate``, written into a buffer of the type of ``x``, which may be ``x`` itself; no gradient."""
    if x_BSNK.device.type == "cpu" and x_BSNK.dtype in (torch.float32, torch.float64):
        turns = _turns(rotation, x_BSNK.dtype)
        torch.mul(_as_complex(x_BSNK), turns, out=_as_complex(target_BSNK))
    elif rope_kernel.is_supported(x_BSNK):
        rope_kernel.turn_into(target_BSNK, x_BSNK, rotation.cos, rotation.sin)
    else:
        target_BSNK.copy_(rotate(x_BSNK, rotation))


def _as_complex(x_BSNK: Tensor) -> Tensor:
    return torch.view_as_complex(x_BSNK.unflatten(-1, (-1, 2)))


def _turns(rotation: Rotation, dtype: torch.dtype) -> Tensor:
    """Complex numbers of length one that turn all heads of a token alike."""
    turns_S1K2 = torch.complex(rotation.cos, rotation.sin)[..., None, :]
    return turns_S1K2.to(torch.complex128) if dtype == torch.float64 else turns_S1K2


def grid_positions(times_G: Float[Tensor, "*lead G"], rows: int, columns: int) -> Float[Tensor, "*lead S 3"]:
    """Positions of G pictures of ``rows`` by ``columns`` tokens, picture after picture, at the given times."""
    device = times_G.device
    shape = (*times_G.shape, rows, columns)
    row_H1 = torch.arange(rows, dtype=torch.float32, device=device)[:, None]
    column_W = torch.arange(columns, dtype=torch.float32, device=device)
    axes = (times_G.float()[..., None, None].expand(shape), row_H1.expand(shape), column_W.expand(shape))
    return torch.stack(axes, dim=-1).flatten(-4, -2)
