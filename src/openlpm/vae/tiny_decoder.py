"""A light decoder for Wan2.1's latents, laid out as the public TAEHV decoders are, so that ``taew2_1`` weights load.

The layers lie in one row and are numbered; names of tensors are ``decoder.N.`` and what follows from the kind:

=====  =============================================================  =============================================
N      layer                                                          tensors
=====  =============================================================  =============================================
0      3 tanh(x / 3)
1      3x3 convolution to the first width                             weight, bias
2      ReLU
3-5    memory blocks: see a frame and the one before it               conv.{0,2,4}.{weight,bias}, skip.weight if wider
6      twice as many rows and columns, each repeated
7      1x1 convolution to 1 frame of each                             conv.weight
8      3x3 convolution to the second width                            weight
9-14   the same at the second width; 13 makes 2 frames of each
15-20  the same at the third; 19 makes 2 frames of each
21     ReLU
22     3x3 convolution to colours in [0, 1]                           weight, bias
=====  =============================================================  =============================================

The encoder of such a file (``encoder.``) is left out. Of a 1x1 convolution that was stored for more frames than are
made, the rows of the last ones count. The first latent frame of a stream is one picture: of its four the last is kept.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import cast, final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn

from openlpm.core.errors import WeightsError

_FRAMES = 4
_ENCODER = "encoder."


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class TinyDecoderConfig:
    """Sizes; the defaults are those of ``taew2_1``."""

    latent_channels: int = 16
    widths: tuple[int, int, int, int] = (256, 128, 64, 64)


@final
@dataclass(frozen=True, slots=True, eq=False)
class TinyDecoderState:
    """What each memory block saw last; rows are independent."""

    past: tuple[Tensor, ...]


@final
class _Soften(nn.Module):
    def forward(self, x_NCHW: Tensor) -> Tensor:
        return 3 * torch.tanh(x_NCHW / 3)


@final
class _Memory(nn.Module):
    """Three convolutions over a frame and the one before it, beside a way around them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(2 * width, width, 3, padding=1), nn.ReLU()]
        layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)]
        self.conv = nn.Sequential(*layers)

    def forward(self, x_BTCHW: Tensor, past_BCHW: Tensor | None) -> tuple[Tensor, Tensor]:
        x_NCHW = x_BTCHW.flatten(0, 1)
        earlier_NCHW = torch.empty_like(x_NCHW)  # keeps the order of channels in memory, as all here does
        earlier_BTCHW = earlier_NCHW.unflatten(0, x_BTCHW.shape[:2])
        earlier_BTCHW[:, 0] = 0 if past_BCHW is None else past_BCHW
        earlier_BTCHW[:, 1:] = x_BTCHW[:, :-1]
        out_NCHW = F.relu(self.conv(torch.cat([x_NCHW, earlier_NCHW], dim=1)) + x_NCHW)
        return out_NCHW.unflatten(0, x_BTCHW.shape[:2]), x_BTCHW[:, -1]


@final
class _Grow(nn.Module):
    """So many frames of each."""

    def __init__(self, width: int, times: int) -> None:
        super().__init__()
        self.times = times
        self.conv = nn.Conv2d(width, times * width, 1, bias=False)

    def forward(self, x_BTCHW: Tensor) -> Tensor:
        grown_NCHW = self.conv(x_BTCHW.flatten(0, 1))
        if self.times == 1:
            return grown_NCHW.unflatten(0, x_BTCHW.shape[:2])
        channels_last = grown_NCHW.is_contiguous(memory_format=torch.channels_last)
        frames_MCHW = torch.empty(
            (self.times * len(grown_NCHW), grown_NCHW.shape[1] // self.times, *grown_NCHW.shape[2:]),
            dtype=grown_NCHW.dtype,
            device=grown_NCHW.device,
            memory_format=torch.channels_last if channels_last else torch.contiguous_format,
        )
        frames_MCHW.unflatten(0, (-1, self.times)).copy_(grown_NCHW.unflatten(1, (self.times, -1)))
        return frames_MCHW.unflatten(0, (len(x_BTCHW), -1))


@final
class TinyDecoder(nn.Module):
    """Latents of the flow to pixels in [-1, 1]; a stream decoded piece by piece equals the whole clip."""

    def __init__(self, config: TinyDecoderConfig | None = None) -> None:
        super().__init__()
        self.config = config or TinyDecoderConfig()
        widths = self.config.widths
        layers: list[nn.Module] = [
            _Soften(),
            nn.Conv2d(self.config.latent_channels, widths[0], 3, padding=1),
            nn.ReLU(),
        ]
        for width, after, times in zip(widths[:3], widths[1:], (1, 2, 2), strict=True):
            layers += [_Memory(width) for _ in range(3)]
            layers += [nn.Upsample(scale_factor=2), _Grow(width, times)]
            layers.append(nn.Conv2d(width, after, 3, padding=1, bias=False))
        layers += [nn.ReLU(), nn.Conv2d(widths[3], 3, 3, padding=1)]
        self.decoder = nn.ModuleList(layers)

    def decode(
        self, latents_BCTHW: Float[Tensor, "B Z T h w"], state: TinyDecoderState | None = None
    ) -> tuple[Float[Tensor, "B 3 F H W"], TinyDecoderState]:
        """Video of the latents and the state with which the next latents continue it; None starts a stream."""
        x_BTCHW = latents_BCTHW.transpose(1, 2)
        past: list[Tensor] = []
        for layer in self.decoder:
            if isinstance(layer, _Memory):
                before = None if state is None else state.past[len(past)]
                x_BTCHW, last_BCHW = layer(x_BTCHW, before)
                past.append(last_BCHW)
            elif isinstance(layer, _Grow):
                x_BTCHW = layer(x_BTCHW)
            else:
                x_BTCHW = layer(x_BTCHW.flatten(0, 1)).unflatten(0, x_BTCHW.shape[:2])
        shown_BTCHW = x_BTCHW[:, _FRAMES - 1 :] if state is None else x_BTCHW
        return shown_BTCHW.clamp(0, 1).mul(2).sub(1).transpose(1, 2), TinyDecoderState(past=tuple(past))


def load_tiny_decoder(path: Path, config: TinyDecoderConfig | None = None) -> TinyDecoder:
    """A decoder from a public file (``.pth`` or ``.safetensors``) in that layout.

    Raises:
        WeightsError: the file is missing, or its decoder is of another shape; keys are named.
    """
    if not path.is_file():
        raise WeightsError(f"{path} does not exist: give a TAEHV decoder for Wan2.1, taew2_1.pth")
    given = (
        load_file(path) if path.suffix == ".safetensors" else torch.load(path, map_location="cpu", weights_only=True)
    )
    decoder = TinyDecoder(config)
    wanted = decoder.state_dict()
    state = {key: tensor for key, tensor in cast("dict[str, Tensor]", given).items() if not key.startswith(_ENCODER)}
    for name, layer in decoder.named_modules():
        key = f"{name}.conv.weight"
        if isinstance(layer, _Grow) and key in state and state[key].shape[0] > wanted[key].shape[0]:
            state[key] = state[key][-wanted[key].shape[0] :]
    odd = sorted(state.keys() ^ wanted.keys())
    odd += sorted(key for key in state.keys() & wanted.keys() if state[key].shape != wanted[key].shape)
    if odd:
        raise WeightsError(f"{path.name} is no decoder of this shape: {', '.join(odd[:6])}")
    decoder.load_state_dict(state)
    return decoder.eval()
