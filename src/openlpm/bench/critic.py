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
_FACE_MARGIN = 1.3
_USUAL_FACE = (0.0, -0.15, -0.5)
"""Centre and size with which the search for a face begins."""
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
class TrunkConfig:
    """Sizes of one of the critic's two views."""

    side: int
    """Rows and columns of the picture it looks at."""
    widths: tuple[int, int, int, int, int]
    """Channels at a half, a quarter, ... a thirty-second of the rows."""
    fine_maps: int
    """Attention maps at a quarter of the rows, where lips and lids are still sharp."""
    coarse_maps: int
    """Attention maps at an eighth of the rows, after what is seen at a sixteenth has been added."""

    def __post_init__(self) -> None:
        if self.side % 32:
            raise ConfigError(f"side={self.side}: use a multiple of 32, the picture is halved five times")
        if any(width % 8 for width in self.widths):
            raise ConfigError(f"widths={self.widths}: use multiples of 8, the number of norm groups")
        if min(self.fine_maps, self.coarse_maps) < 1:
            raise ConfigError(f"fine_maps={self.fine_maps}, coarse_maps={self.coarse_maps}: use at least one map each")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class CriticConfig:
    """Sizes of a critic for 256x256 pictures."""

    scene: TrunkConfig = TrunkConfig(side=128, widths=(16, 24, 48, 80, 96), fine_maps=8, coarse_maps=12)
    """Sees the whole picture, at half its size: where the face is, shoulders, arms and hands."""
    face: TrunkConfig = TrunkConfig(side=160, widths=(24, 40, 80, 136, 160), fine_maps=16, coarse_maps=24)
    """Sees the face alone, always equally large: the faces of half bodies are a third of the picture."""
    hidden: int = 256
    identity_width: int = 128


class Reading(NamedTuple):
    """What a critic sees in N pictures."""

    rig_NR: Tensor
    """Every channel in the units of ``core.rig.Rig``."""
    viseme_NV: Tensor
    """Logits over ``core.rig.VISEMES``."""
    identity_ND: Tensor
    """Unit vectors: two pictures show one person when their product is large."""
    face_N3: Tensor
    """Where the face is believed to be, as ``face_square`` has it."""


def face_square(boxes_N4: Tensor) -> Tensor:
    """The square in which a face is read, (N, 3), from boxes x0, y0, x1, y1 in pixels of a picture.

    Centre (-1 to 1 from left and from top) and logarithm of the side as a share of the picture's.
    """
    size = PICTURE_SHAPE[-1]
    side_N = (boxes_N4[:, 2:] - boxes_N4[:, :2]).amax(dim=1).clamp_min(0.1 * size) * _FACE_MARGIN
    centre_N2 = (boxes_N4[:, :2] + boxes_N4[:, 2:]) / size - 1
    return torch.cat([centre_N2, (side_N / size).log()[:, None]], dim=1)


def cut_out(frames_NCHW: Tensor, square_N3: Tensor, side: int) -> Tensor:
    """What the squares (``face_square``) show, (N, C, side, side); beyond the picture its border goes on."""
    scale_N = square_N3[:, 2].exp()
    zero_N = torch.zeros_like(scale_N)
    rows = [torch.stack([scale_N, zero_N, square_N3[:, 0]], 1), torch.stack([zero_N, scale_N, square_N3[:, 1]], 1)]
    shape = [*frames_NCHW.shape[:2], side, side]
    grid_NHW2 = functional.affine_grid(torch.stack(rows, 1), shape, align_corners=False)
    return functional.grid_sample(frames_NCHW, grid_NHW2, padding_mode="border", align_corners=False)


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


class Seen(NamedTuple):
    """What one view makes of N pictures."""

    motion_NX: Tensor
    """Places and what is there."""
    looks_NX: Tensor
    """What does not depend on where things are."""


@final
class Trunk(nn.Module):
    """One view: five times half the rows, looked at in a few places at two resolutions."""

    def __init__(self, config: TrunkConfig) -> None:
        super().__init__()
        half, quarter, eighth, sixteenth, last = config.widths
        self.to2 = nn.Conv2d(3, half, 5, stride=2, padding=2)
        self.to4 = _halve(half, quarter)
        self.refine4 = ResidualBlock(quarter)
        self.to8 = nn.Sequential(_halve(quarter, eighth), ResidualBlock(eighth))
        self.to16 = nn.Sequential(_halve(eighth, sixteenth), ResidualBlock(sixteenth))
        self.to32 = nn.Sequential(_halve(sixteenth, last), ResidualBlock(last))
        self.down_context = nn.Conv2d(sixteenth, eighth, 1)
        self.fine_context = nn.Conv2d(eighth, quarter, 1)
        self.coarse_pool = AttentionPool(eighth, config.coarse_maps, 32)
        self.fine_pool = AttentionPool(quarter, config.fine_maps, 24)
        self.looks_pool = AttentionPool(last, 6, 32)
        self.num_motion = self.coarse_pool.num_features + self.fine_pool.num_features + last
        self.num_looks = self.looks_pool.num_features + 2 * last

    def forward(self, x_NCHW: Tensor) -> Seen:
        # Convolutions on a CPU are twice as fast in this order.
        x_NCHW = x_NCHW.contiguous(memory_format=torch.channels_last)
        at4_NCHW = self.refine4(self.to4(functional.silu(self.to2(x_NCHW))))
        at8_NCHW = self.to8(functional.silu(at4_NCHW))
        at16_NCHW = self.to16(functional.silu(at8_NCHW))
        at32_NCHW = self.to32(functional.silu(at16_NCHW))
        context_NCHW = functional.interpolate(self.down_context(at16_NCHW), scale_factor=2.0, mode="nearest")
        coarse_NCHW = functional.silu(at8_NCHW + context_NCHW)
        context_NCHW = functional.interpolate(self.fine_context(coarse_NCHW), scale_factor=2.0, mode="nearest")
        fine_NCHW = functional.silu(at4_NCHW + context_NCHW)
        # In bf16 a place would be known to a two-hundredth of the picture, a jaw is read more finely.
        with torch.autocast(x_NCHW.device.type, enabled=False):
            at32_NCHW = at32_NCHW.float()
            overview_NX = at32_NCHW.mean(dim=(2, 3))
            spread_NX = (at32_NCHW.var(dim=(2, 3)) + 1e-5).sqrt()
            places = [self.coarse_pool(coarse_NCHW.float()), self.fine_pool(fine_NCHW.float()), overview_NX]
            looks = [self.looks_pool(at32_NCHW), overview_NX, spread_NX]
            return Seen(motion_NX=torch.cat(places, dim=1), looks_NX=torch.cat(looks, dim=1))


@final
class Critic(nn.Module):
    """Pictures in, rig, viseme and identity out. Frames are judged one by one: the critic knows no time.

    So a held, shifted or reordered clip has held, shifted or reordered readings, exactly. It looks twice: at the whole
    picture, where it finds the face, and at the face.
    """

    def __init__(self, config: CriticConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or CriticConfig()
        self.scene, self.face = Trunk(config.scene), Trunk(config.face)
        self.place_norm = nn.LayerNorm(self.scene.num_motion)
        self.place = nn.Linear(self.scene.num_motion, 3)
        features = self.scene.num_motion + self.face.num_motion + 3
        self.motion = nn.Sequential(nn.LayerNorm(features), nn.Linear(features, config.hidden), nn.SiLU())
        self.rig = nn.Linear(config.hidden, NUM_RIG)
        self.viseme = nn.Linear(config.hidden, len(VISEMES))
        seen = self.scene.num_looks + self.face.num_looks
        self.identity = nn.Sequential(
            nn.LayerNorm(seen),
            nn.Linear(seen, config.hidden),
            nn.SiLU(),
            nn.Linear(config.hidden, config.identity_width),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module.kernel_size != (1, 1) and module.weight.any():
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        # The first guess is a face at rest in the middle, not a random one.
        for guess, first in ((self.rig, torch.zeros(NUM_RIG)), (self.place, torch.tensor(_USUAL_FACE))):
            nn.init.normal_(guess.weight, std=0.01)
            guess.bias.data.copy_(first)
        self.register_buffer("scale_R", rig_scale(), persistent=False)

    def forward(self, frames_NCHW: Tensor, look_N3: Tensor | None = None) -> Reading:
        """Read pictures, shape (N, 3, 256, 256), float in [0, 1].

        ``look_N3`` says where to look for the face (``face_square``); without it, where the critic believes it is.
        """
        whole_NCHW = frames_NCHW * 2 - 1
        small_NCHW = functional.avg_pool2d(whole_NCHW, whole_NCHW.shape[-1] // self.config.scene.side)
        scene = self.scene(small_NCHW)
        with torch.autocast(frames_NCHW.device.type, enabled=False):
            face_N3 = self.place(self.place_norm(scene.motion_NX))
            square_N3 = (face_N3 if look_N3 is None else look_N3).detach()
            face_NCHW = cut_out(whole_NCHW.float(), square_N3, self.config.face.side)
        face = self.face(face_NCHW)
        with torch.autocast(frames_NCHW.device.type, enabled=False):
            motion_ND = self.motion(torch.cat([scene.motion_NX, face.motion_NX, square_N3], dim=1))
            return Reading(
                rig_NR=self.rig(motion_ND) * self.scale_R,
                viseme_NV=self.viseme(motion_ND),
                identity_ND=functional.normalize(
                    self.identity(torch.cat([scene.looks_NX, face.looks_NX], dim=1)), dim=1
                ),
                face_N3=face_N3,
            )
