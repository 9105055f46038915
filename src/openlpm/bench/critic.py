"""The critic: a small network that reads a performance from single pictures; a judge, never a training reward."""

from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from openlpm.core.errors import ConfigError
from openlpm.core.rig import NUM_RIG, VISEMES, Rig

PICTURE_SHAPE = (3, 256, 256)
"""What a critic was trained to read."""
_SHARPNESS = 4.0
RIG_SCALE = {Rig.YAW: 0.6, Rig.PITCH: 0.4, Rig.ROLL: 0.35, Rig.TIME: 3600.0}
"""Largest magnitude of the channels that are not already about 1 (radians, seconds)."""


def rig_scale() -> Tensor:
    """Magnitude of every rig channel, shape (R,): the critic predicts, and its loss compares, multiples of it."""
    scale_R = torch.ones(NUM_RIG)
    for channel, value in RIG_SCALE.items():
        scale_R[channel] = value
    return scale_R


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class CriticConfig:
    """Sizes of a critic for 256x256 pictures."""

    widths: tuple[int, int, int, int, int] = (24, 40, 80, 144, 192)
    """Channels at 128, 64, 32, 16 and 8 rows."""
    fine_maps: int = 12
    """Attention maps at 64 rows, where lips and lids are still sharp."""
    coarse_maps: int = 24
    """Attention maps at 32 rows, after what is seen at 16 rows has been added."""
    hidden: int = 256
    identity_width: int = 128

    def __post_init__(self) -> None:
        if any(width % 8 for width in self.widths):
            raise ConfigError(f"widths={self.widths}: use multiples of 8, the number of norm groups")
        if min(self.fine_maps, self.coarse_maps) < 1:
            raise ConfigError(f"fine_maps={self.fine_maps}, coarse_maps={self.coarse_maps}: use at least one map each")


class Reading(NamedTuple):
    """What a critic sees in N pictures."""

    rig_NR: Tensor
    """Every channel in the units of ``core.rig.Rig``."""
    viseme_NV: Tensor
    """Logits over ``core.rig.VISEMES``."""
    identity_ND: Tensor
    """Unit vectors: two pictures show one person when their product is large."""


@final
class ResidualBlock(nn.Module):
    """Two normalised 3x3 convolutions around which the input passes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm_in = nn.GroupNorm(8, width)
        self.conv_in = nn.Conv2d(width, width, 3, padding=1)
        self.norm_out = nn.GroupNorm(8, width)
        self.conv_out = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.conv_out.weight)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        hidden_NCHW = self.conv_in(functional.silu(self.norm_in(x_NCHW)))
        return x_NCHW + self.conv_out(functional.silu(self.norm_out(hidden_NCHW)))


def _halve(width: int, wider: int) -> nn.Sequential:
    """Half the rows and columns, normalised, so that what follows sees signals of a known size."""
    return nn.Sequential(nn.Conv2d(width, wider, 3, stride=2, padding=1, bias=False), nn.GroupNorm(8, wider))


@final
class AttentionPool(nn.Module):
    """Looks at a few places of a feature map: for each, where it is (soft-argmax) and what is there.

    Global average pooling would wash out a mouth of a few pixels; a place and its features keep it.
    """

    def __init__(self, width: int, maps: int, values: int) -> None:
        super().__init__()
        self.maps = maps
        self.look = nn.Conv2d(width, maps, 1)
        self.value = nn.Conv2d(width, values, 1)
        self.num_features = maps * (values + 2)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, maps * (values + 2)): features then x, y in [-1, 1] of every map."""
        rows, columns = x_NCHW.shape[-2:]
        # Scaled up, so that attention leaves the whole picture for a place within few steps.
        weight_NKS = (_SHARPNESS * self.look(x_NCHW)).flatten(2).softmax(dim=-1)
        value_NVS = self.value(x_NCHW).flatten(2)
        y_S = torch.linspace(-1, 1, rows, device=x_NCHW.device).repeat_interleave(columns)
        x_S = torch.linspace(-1, 1, columns, device=x_NCHW.device).repeat(rows)
        place_NKX = weight_NKS @ torch.stack([x_S, y_S], dim=-1)
        return torch.cat([(weight_NKS @ value_NVS.transpose(1, 2)).flatten(1), place_NKX.flatten(1)], dim=1)


@final
class Critic(nn.Module):
    """Pictures in, rig, viseme and identity out. Frames are judged one by one: the critic knows no time.

    So a held, shifted or reordered clip has held, shifted or reordered readings, exactly.
    """

    def __init__(self, config: CriticConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or CriticConfig()
        at128, at64, at32, at16, at8 = config.widths
        self.to128 = nn.Conv2d(3, at128, 5, stride=2, padding=2)
        self.to64 = _halve(at128, at64)
        self.to32 = nn.Sequential(_halve(at64, at32), ResidualBlock(at32))
        self.to16 = nn.Sequential(_halve(at32, at16), ResidualBlock(at16))
        self.to8 = nn.Sequential(_halve(at16, at8), ResidualBlock(at8))
        self.down_context = nn.Conv2d(at16, at32, 1)
        self.fine_context = nn.Conv2d(at32, at64, 1)
        self.coarse_pool = AttentionPool(at32, config.coarse_maps, 32)
        self.fine_pool = AttentionPool(at64, config.fine_maps, 24)
        self.identity_pool = AttentionPool(at8, 6, 64)
        features = self.coarse_pool.num_features + self.fine_pool.num_features + at8
        self.motion = nn.Sequential(nn.LayerNorm(features), nn.Linear(features, config.hidden), nn.SiLU())
        self.rig = nn.Linear(config.hidden, NUM_RIG)
        self.viseme = nn.Linear(config.hidden, len(VISEMES))
        seen = self.identity_pool.num_features + 2 * at8
        self.identity = nn.Sequential(
            nn.LayerNorm(seen),
            nn.Linear(seen, config.hidden),
            nn.SiLU(),
            nn.Linear(config.hidden, config.identity_width),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module.kernel_size != (1, 1) and module.weight.any():
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        # The first guess is a face at rest, not a random one.
        nn.init.normal_(self.rig.weight, std=0.01)
        nn.init.zeros_(self.rig.bias)
        self.register_buffer("scale_R", rig_scale(), persistent=False)

    def forward(self, frames_NCHW: Tensor) -> Reading:
        """Read pictures, shape (N, 3, 256, 256), float in [0, 1]."""
        # Convolutions on a CPU are twice as fast in this order.
        x_NCHW = (frames_NCHW * 2 - 1).contiguous(memory_format=torch.channels_last)
        at64_NCHW = functional.silu(self.to64(functional.silu(self.to128(x_NCHW))))
        at32_NCHW = self.to32(at64_NCHW)
        at16_NCHW = self.to16(functional.silu(at32_NCHW))
        at8_NCHW = self.to8(functional.silu(at16_NCHW))
        context_NCHW = functional.interpolate(self.down_context(at16_NCHW), scale_factor=2.0, mode="nearest")
        coarse_NCHW = functional.silu(at32_NCHW + context_NCHW)
        fine_NCHW = at64_NCHW + functional.interpolate(self.fine_context(coarse_NCHW), scale_factor=2.0, mode="nearest")
        # In bf16 a place would be known to a two-hundredth of the picture, a jaw is read more finely.
        with torch.autocast(frames_NCHW.device.type, enabled=False):
            return self._judge(coarse_NCHW.float(), functional.silu(fine_NCHW).float(), at8_NCHW.float())

    def _judge(self, coarse_NCHW: Tensor, fine_NCHW: Tensor, at8_NCHW: Tensor) -> Reading:
        overview_ND = at8_NCHW.mean(dim=(2, 3))
        seen_ND = torch.cat([self.coarse_pool(coarse_NCHW), self.fine_pool(fine_NCHW), overview_ND], dim=1)
        motion_ND = self.motion(seen_ND)
        spread_ND = (at8_NCHW.var(dim=(2, 3)) + 1e-5).sqrt()
        looks_ND = torch.cat([self.identity_pool(at8_NCHW), overview_ND, spread_ND], dim=1)
        return Reading(
            rig_NR=self.rig(motion_ND) * self.scale_R,
            viseme_NV=self.viseme(motion_ND),
            identity_ND=functional.normalize(self.identity(looks_ND), dim=1),
        )
