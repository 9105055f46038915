"""The decoder in 8-bit integers, for CPUs: faster than in float32 by half or by three times, as the processor can.

Weights have a scale a row, activations one a tensor, fixed beforehand (``AutoencoderConfig.activations``): so a stream
still equals the whole clip, and rows know nothing of each other. What passes beside the convolutions stays in float32.
The kernels are those that PyTorch's own compiler uses (oneDNN); they pass no gradient.
"""

from typing import cast, final

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from openlpm.core.errors import ConfigError
from openlpm.vae.autoencoder import Decoder
from openlpm.vae.blocks import CausalBlock, ResidualBlock

_LEVELS = 255
_LOWEST_SILU = -0.2785
_ONE = [1, 1]


def is_supported() -> bool:
    """Whether this PyTorch has the kernels."""
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.onednn, "qconv2d_pointwise")


def convolutions(decoder: nn.Module) -> list[nn.Conv2d]:
    """Those that are computed in 8 bits, in the order of ``AutoencoderConfig.activations``: all but the entrance."""
    return [module for module in decoder.modules() if isinstance(module, nn.Conv2d)][1:]


def largest_activations(decoder: Decoder, latents_BTCHW: Float[Tensor, "B T Z h w"]) -> tuple[float, ...]:
    """The largest magnitude that each of ``convolutions`` is given when these latents are decoded."""
    layers = convolutions(decoder)
    found = dict.fromkeys(layers, 0.0)

    def note(layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        conv = cast("nn.Conv2d", layer)
        found[conv] = max(found[conv], given[0].abs().max().item())

    hooks = [layer.register_forward_pre_hook(note) for layer in layers]
    try:
        decoder(latents_BTCHW, None)
    finally:
        for hook in hooks:
            hook.remove()
    return tuple(found.values())


def to_eight_bits(decoder: Decoder, activations: tuple[float, ...]) -> None:
    """Let a float32 decoder on a CPU compute in 8 bits from now on; it can be trained and stored no more.

    Raises:
        ConfigError: there is not one activation a convolution, or this PyTorch has no kernels for it.
    """
    if not is_supported():
        raise ConfigError("this PyTorch has no 8-bit convolutions: decode in float32")
    layers = convolutions(decoder)
    if len(layers) != len(activations):
        raise ConfigError(f"activations={len(activations)}: give one for each of the decoder's {len(layers)}")
    largest = dict(zip(layers, activations, strict=True))

    def small(conv: nn.Module) -> _Convolution:
        return _Convolution(cast("nn.Conv2d", conv), largest[cast("nn.Conv2d", conv)])

    def residual(block: nn.Module) -> _Residual:
        return _Residual(small(cast("ResidualBlock", block).conv_in), small(cast("ResidualBlock", block).conv_out))

    for i, module in enumerate(decoder.causal):
        causal = cast("CausalBlock", module)
        decoder.causal[i] = _Causal(small(causal.past), residual(causal.block))
    for stage in decoder.spatial:
        blocks = cast("nn.Sequential", stage)
        for j, block in enumerate(blocks):
            blocks[j] = residual(block)
    for module in decoder.grow:
        grow = cast("nn.Sequential", module)
        grow[0] = _Plain(_Convolution(cast("nn.Conv2d", grow[0]), largest[cast("nn.Conv2d", grow[0])], signed=True))
    decoder.exit = nn.Sequential(_AfterSiLU(small(decoder.exit[1])))


@final
class _Convolution:
    """Weights in oneDNN's order, and the scale and zero of what they are given."""

    def __init__(self, conv: nn.Conv2d, largest: float, *, signed: bool = False) -> None:
        weight = conv.weight.detach()
        lowest = -largest if signed else _LOWEST_SILU
        self.scale = max(largest - lowest, 1e-6) / _LEVELS
        self.zero = round(-lowest / self.scale)
        self._rows = (weight.abs().amax(dim=(1, 2, 3)) / 127).clamp_min(1e-12)
        self._row_zeros = torch.zeros_like(self._rows, dtype=torch.int32)
        self._bias = conv.bias
        self._padding = [size // 2 for size in conv.kernel_size]
        whole = (weight / self._rows[:, None, None, None]).round().to(torch.int8)
        self._weight = torch.ops.onednn.qconv_prepack(
            whole, self._rows, self.scale, self.zero, _ONE, self._padding, _ONE, 1, None
        )

    def rounded(self, own_NCHW: Float[Tensor, "N C H W"]) -> UInt8[Tensor, "N C H W"]:
        """The input in 8 bits; ``own_NCHW`` is written over."""
        whole = own_NCHW.mul_(1 / self.scale).add_(self.zero + 0.5).clamp_(0, _LEVELS).to(torch.uint8)
        return whole.contiguous(memory_format=torch.channels_last)

    def _given(self, x_NCHW: Tensor) -> tuple[object, ...]:
        return (x_NCHW, self.scale, self.zero, self._weight, self._rows, self._row_zeros)

    def __call__(self, x_NCHW: UInt8[Tensor, "N C H W"]) -> Float[Tensor, "N O H W"]:
        shape = (self._bias, _ONE, self._padding, _ONE, 1)
        return torch.ops.onednn.qconv2d_pointwise(*self._given(x_NCHW), *shape, 1.0, 0, torch.float32, "none", [], "")

    def silu_for(self, x_NCHW: UInt8[Tensor, "N C H W"], after: "_Convolution") -> UInt8[Tensor, "N O H W"]:
        """SiLU of the output, as ``after`` takes it."""
        shape = (self._bias, _ONE, self._padding, _ONE, 1)
        return torch.ops.onednn.qconv2d_pointwise(
            *self._given(x_NCHW), *shape, after.scale, after.zero, torch.uint8, "swish", [], ""
        )

    def add_to(self, sum_NCHW: Float[Tensor, "N O H W"], x_NCHW: UInt8[Tensor, "N C H W"]) -> Float[Tensor, "N O H W"]:
        """The output added to ``sum_NCHW``, which is written over."""
        shape = (self._bias, _ONE, self._padding, _ONE, 1)
        return torch.ops.onednn.qconv2d_pointwise.binary(
            *self._given(x_NCHW), sum_NCHW, *shape, 1.0, 0, torch.float32, 1.0, 0, "sum", 1.0, None, [], ""
        )


@final
class _Plain(nn.Module):
    def __init__(self, conv: _Convolution) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x_NCHW: Float[Tensor, "N C H W"]) -> Float[Tensor, "N O H W"]:
        return self.conv(self.conv.rounded(x_NCHW.clone()))


@final
class _AfterSiLU(nn.Module):
    def __init__(self, conv: _Convolution) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x_NCHW: Float[Tensor, "N C H W"]) -> Float[Tensor, "N O H W"]:
        return self.conv(self.conv.rounded(F.silu(x_NCHW)))


@final
class _Residual(nn.Module):
    """``ResidualBlock``; its input is written over."""

    def __init__(self, conv_in: _Convolution, conv_out: _Convolution) -> None:
        super().__init__()
        self.conv_in, self.conv_out = conv_in, conv_out

    def forward(self, x_NCHW: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C H W"]:
        x_NCHW = x_NCHW.contiguous(memory_format=torch.channels_last)
        inner = self.conv_in.silu_for(self.conv_in.rounded(F.silu(x_NCHW)), self.conv_out)
        return self.conv_out.add_to(x_NCHW, inner)


@final
class _Causal(nn.Module):
    """``CausalBlock``."""

    def __init__(self, past: _Convolution, block: _Residual) -> None:
        super().__init__()
        self.past, self.block = past, block

    def forward(
        self, x_BTCHW: Float[Tensor, "B T C H W"], past_BCHW: Float[Tensor, "B C H W"] | None
    ) -> tuple[Float[Tensor, "B T C H W"], Float[Tensor, "B C H W"]]:
        first_B1CHW = torch.zeros_like(x_BTCHW[:, :1]) if past_BCHW is None else past_BCHW[:, None]
        earlier_BTCHW = F.silu(torch.cat([first_B1CHW, x_BTCHW[:, :-1]], dim=1))
        state_BCHW = x_BTCHW[:, -1].clone()
        x_NCHW = x_BTCHW.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        x_NCHW = self.past.add_to(x_NCHW, self.past.rounded(earlier_BTCHW.flatten(0, 1)))
        return self.block(x_NCHW).unflatten(0, x_BTCHW.shape[:2]), state_BCHW
