"""Training the autoencoder: every step draws new moments of new clips."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from openlpm.training.focus import Focus
from openlpm.training.moments import Moments, Pictures
from openlpm.vae.autoencoder import VideoAutoencoder, psnr


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class AutoencoderObjectiveConfig:
    """Batch and loss of the autoencoder."""

    clips: int
    """Clips a process and step."""
    latent_frames: int
    """Length of a clip: at least 2, so that decoding learns to use the frame before."""
    noise: float
    """Latents are disturbed by a level drawn from 0 to this."""
    focus: Focus
    gradient_weight: float
    square_weight: float


@final
class PictureLoss(nn.Module):
    """Weighted L1 of pixels and of their differences, and a little L2; a module so that it can be compiled apart."""

    def __init__(self, config: AutoencoderObjectiveConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, made_BCFHW: Tensor, video_BCFHW: Tensor, weight_BFHW: Tensor) -> tuple[Tensor, Tensor]:
        """The loss and the mean PSNR in dB; pictures in [-1, 1], weights of mean one."""
        error = made_BCFHW.float() - video_BCFHW
        weight = weight_BFHW[:, None]
        loss = (weight * error.abs()).mean() + self.config.square_weight * (weight * error.square()).mean()
        edges_x, edges_y = error[..., 1:] - error[..., :-1], error[..., 1:, :] - error[..., :-1, :]
        edges = (weight[..., 1:] * edges_x.abs()).mean() + (weight[..., 1:, :] * edges_y.abs()).mean()
        ratio = psnr(made_BCFHW.detach().float().flatten(0, 1), video_BCFHW.flatten(0, 1), peak=2.0).mean()
        return loss + self.config.gradient_weight * edges, ratio


@final
class _Learner(nn.Module):
    def __init__(self, vae: VideoAutoencoder, config: AutoencoderObjectiveConfig) -> None:
        super().__init__()
        self.vae, self.noise, self.measure = vae, config.noise, PictureLoss(config)

    def forward(self, video_BCFHW: Tensor, weight_BFHW: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        level_B = torch.rand(video_BCFHW.shape[0], device=video_BCFHW.device) * self.noise
        with torch.autocast(video_BCFHW.device.type, torch.bfloat16, enabled=video_BCFHW.is_cuda):
            made_BCFHW = self.vae(video_BCFHW, level_B)
        loss, ratio = self.measure(made_BCFHW, video_BCFHW, weight_BFHW)
        return loss, {"psnr_noisy": ratio}


@final
class AutoencoderObjective:
    """An ``Objective`` over moments of footage: every step draws new ones."""

    def __init__(self, vae: VideoAutoencoder, moments: Moments, config: AutoencoderObjectiveConfig) -> None:
        learner = _Learner(vae, config)
        self.module: nn.Module = learner
        self.compilable: tuple[nn.Module, ...] = (vae.encoder, vae.decoder, learner.measure)
        """Parts of fixed shape that are worth compiling."""
        self._moments, self._clips = moments, config.clips
        self._frames = config.latent_frames * vae.config.frames_per_latent

    def batch(self, step: int, rank: int) -> Pictures:
        """Random moments of random clips, drawn now."""
        return self._moments.draw(step, rank, self._clips, self._frames)

    def loss(self, batch: Pictures) -> tuple[Tensor, dict[str, Tensor]]:
        """Weighted L1, its gradient and a little L2."""
        return self.module(batch.video_BCFHW, batch.weight_BFHW)
