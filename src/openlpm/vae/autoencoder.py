"""The video autoencoder: four frames become one latent frame, and back; clip and stream share one code path."""

from dataclasses import dataclass
from itertools import pairwise
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from openlpm.core.errors import ConfigError
from openlpm.nn.precision import widened
from openlpm.vae.blocks import CausalBlock, ResidualBlock, conv3x3
from openlpm.vae.config import AutoencoderConfig

_EPS = 1e-6


def normalise_latents(latents_NCHW: Float[Tensor, "N C *rest"]) -> Float[Tensor, "N C *rest"]:
    """Unit root-mean-square over channels at every cell, so that noise has a known size beside any latent."""
    wide_NCHW = widened(latents_NCHW)
    power_N1HW = wide_NCHW.square().mean(dim=1, keepdim=True)
    return (wide_NCHW * torch.rsqrt(power_N1HW + _EPS)).to(latents_NCHW.dtype)


@final
@dataclass(frozen=True, slots=True)
class DecoderState:
    """What decoding remembers of the latent frame before: one feature map a causal block, rows independent."""

    past: tuple[Tensor, ...]


@final
class Encoder(nn.Module):
    """Groups of frames to latents; every latent frame sees its own group alone."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        stem = config.stem_factor
        self.fold = nn.PixelUnshuffle(stem)
        layers: list[nn.Module] = [conv3x3(3 * config.frames_per_latent * stem**2, config.encoder[0].width)]
        for i, stage in enumerate(config.encoder):
            if i:
                layers += [nn.PixelUnshuffle(2), nn.Conv2d(4 * config.encoder[i - 1].width, stage.width, kernel_size=1)]
            layers += [ResidualBlock(stage.width) for _ in range(stage.blocks)]
        layers += [nn.SiLU(), conv3x3(config.encoder[-1].width, config.latent_channels)]
        self.layers = nn.Sequential(*layers)

    def forward(self, groups_NCHW: Float[Tensor, "N C H W"]) -> Float[Tensor, "N Z h w"]:
        return normalise_latents(self.layers(self.fold(groups_NCHW)))


@final
class Decoder(nn.Module):
    """Latents to groups of frames; the coarse stages also see the previous latent frame, which mends the joins."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        stages = config.decoder[::-1]
        self.entrance = conv3x3(config.latent_channels, stages[0].width)
        self.causal = nn.ModuleList([CausalBlock(stage.width) for stage in stages[:-1]])
        self.spatial = nn.ModuleList(
            [
                nn.Sequential(*[ResidualBlock(stage.width) for _ in range(stage.blocks - (stage is not stages[-1]))])
                for stage in stages
            ]
        )
        self.grow = nn.ModuleList(
            [
                nn.Sequential(nn.Conv2d(coarse.width, 4 * fine.width, kernel_size=1), nn.PixelShuffle(2))
                for coarse, fine in pairwise(stages)
            ]
        )
        self.exit = nn.Sequential(
            nn.SiLU(), conv3x3(stages[-1].width, 3 * config.frames_per_latent * config.stem_factor**2)
        )
        self.unfold = nn.PixelShuffle(config.stem_factor)

    def features(self, latents_BTCHW: Float[Tensor, "B T Z h w"]) -> list[Tensor]:
        """What the causal stages see of a clip, (B * T, width, rows, columns) each: coarse pictures of it."""
        x_NCHW = self.entrance(latents_BTCHW.flatten(0, 1))
        found: list[Tensor] = []
        for causal, spatial, grow in zip(self.causal, self.spatial, self.grow, strict=False):
            x_BTCHW, _ = causal(x_NCHW.unflatten(0, latents_BTCHW.shape[:2]), None)
            x_NCHW = spatial(x_BTCHW.flatten(0, 1))
            found.append(x_NCHW)
            x_NCHW = grow(x_NCHW)
        return found

    def forward(
        self, latents_BTCHW: Float[Tensor, "B T Z h w"], past: tuple[Tensor, ...] | None
    ) -> tuple[Float[Tensor, "B T C H W"], tuple[Tensor, ...]]:
        shape = latents_BTCHW.shape[:2]
        x_NCHW = self.entrance(latents_BTCHW.flatten(0, 1))
        remembered: list[Tensor] = []
        for i, spatial in enumerate(self.spatial):
            if i < len(self.causal):
                x_BTCHW, state = self.causal[i](x_NCHW.unflatten(0, shape), None if past is None else past[i])
                x_NCHW = x_BTCHW.flatten(0, 1)
                remembered.append(state)
            x_NCHW = spatial(x_NCHW)
            if i < len(self.grow):
                x_NCHW = self.grow[i](x_NCHW)
        return self.unfold(self.exit(x_NCHW)).unflatten(0, shape), tuple(remembered)


@final
class VideoAutoencoder(nn.Module):
    """Pixels in [-1, 1] to unit-power latents and back.

    256x256 at 24 fps becomes, for nano, 16x16x24 at 6 latent frames a second. Encoding is per latent frame;
    decoding is causal and carries its state, so a stream decoded piece by piece equals the whole clip.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)

    def encode(self, video_BCFHW: Float[Tensor, "B 3 F H W"]) -> Float[Tensor, "B Z T h w"]:
        """Latents of a clip; F must be a multiple of ``frames_per_latent``, H and W of ``spatial_factor``."""
        group = self.config.frames_per_latent
        batch, _, frames, height, width = video_BCFHW.shape
        if frames % group or height % self.config.spatial_factor or width % self.config.spatial_factor:
            raise ConfigError(
                f"video is {frames} frames of {height}x{width}: "
                f"give a multiple of {group} frames and of {self.config.spatial_factor} pixels"
            )
        groups_NCHW = (
            video_BCFHW.unflatten(2, (frames // group, group)).permute(0, 2, 3, 1, 4, 5).flatten(2, 3).flatten(0, 1)
        )
        return self.encoder(groups_NCHW).unflatten(0, (batch, frames // group)).transpose(1, 2)

    def encode_still(self, picture_BCHW: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B Z h w"]:
        """The latent frame of a picture that does not move (references, first frames)."""
        group = self.config.frames_per_latent
        return self.encode(picture_BCHW[:, :, None].expand(-1, -1, group, -1, -1))[:, :, 0]

    def decode(
        self, latents_BCTHW: Float[Tensor, "B Z T h w"], state: DecoderState | None = None
    ) -> tuple[Float[Tensor, "B 3 F H W"], DecoderState]:
        """Video of the latents and the state with which the next latents continue it; None starts a stream."""
        groups_BTCHW, past = self.decoder(latents_BCTHW.transpose(1, 2), None if state is None else state.past)
        frames_BTFCHW = groups_BTCHW.unflatten(2, (self.config.frames_per_latent, 3))
        return frames_BTFCHW.flatten(1, 2).transpose(1, 2), DecoderState(past=past)

    def forward(
        self, video_BCFHW: Float[Tensor, "B 3 F H W"], noise_level_B: Float[Tensor, " B"] | None = None
    ) -> Float[Tensor, "B 3 F H W"]:
        """The clip through the autoencoder, with latents disturbed by ``noise_level`` (training only)."""
        latents_BCTHW = self.encode(video_BCFHW)
        if noise_level_B is not None:
            noise = torch.randn_like(latents_BCTHW)
            latents_BCTHW = normalise_latents(latents_BCTHW + noise_level_B[:, None, None, None, None] * noise)
        return self.decode(latents_BCTHW)[0]


def psnr(left_NCHW: Float[Tensor, "N C H W"], right_NCHW: Float[Tensor, "N C H W"], peak: float) -> Float[Tensor, " N"]:
    """Peak signal-to-noise ratio of every picture in dB; ``peak`` is the range of a pixel (1 for [0, 1])."""
    error_N = functional.mse_loss(left_NCHW, right_NCHW, reduction="none").flatten(1).mean(dim=1)
    return 10 * torch.log10(peak**2 / error_N.clamp_min(1e-12))
