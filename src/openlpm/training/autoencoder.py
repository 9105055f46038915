"""Training the autoencoder on freshly rendered footage: every step draws new moments of new clips."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from openlpm.core.seeds import generator
from openlpm.synth.look.render import Cast
from openlpm.training.focus import Focus
from openlpm.training.footage import Footage, boxes_to_cells
from openlpm.training.rendering import Render, render_clips
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
@dataclass(frozen=True, slots=True)
class Pictures:
    """Clips to be reproduced."""

    video_BCFHW: Tensor
    """In [-1, 1]."""
    weight_BFHW: Tensor
    """What a pixel's error counts, one on average."""


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
    """An ``Objective`` over footage; ``render`` may be compiled."""

    def __init__(
        self, vae: VideoAutoencoder, footage: Footage, cast: Cast, render: Render, config: AutoencoderObjectiveConfig
    ) -> None:
        learner = _Learner(vae, config)
        self.module: nn.Module = learner
        self.compilable: tuple[nn.Module, ...] = (vae.encoder, vae.decoder, learner.measure)
        """Parts of fixed shape that are worth compiling."""
        self._config, self._cast, self._render = config, cast, render
        self._group = vae.config.frames_per_latent
        self._rig_NFR = torch.from_numpy(footage.rig_NFR).to(cast.parameters_BV.device)

    def batch(self, step: int, rank: int) -> Pictures:
        """Random moments of random clips, drawn now."""
        config, device = self._config, self._rig_NFR.device
        rng = generator("autoencoder", step, rank)
        clips, length = self._rig_NFR.shape[:2]
        frames = config.latent_frames * self._group
        chosen_B = torch.from_numpy(rng.integers(clips, size=config.clips)).to(device)
        starts_B = torch.from_numpy(rng.integers(length - frames + 1, size=config.clips)).to(device)
        rig_BFR = self._rig_NFR[chosen_B[:, None], starts_B[:, None] + torch.arange(frames, device=device)]
        return video_and_weight(self._cast.parameters_BV[chosen_B], rig_BFR, self._render, config)

    def loss(self, batch: Pictures) -> tuple[Tensor, dict[str, Tensor]]:
        """Weighted L1, its gradient and a little L2."""
        return self.module(batch.video_BCFHW, batch.weight_BFHW)


@torch.no_grad()
def video_and_weight(
    parameters_BV: Tensor, rig_BFR: Tensor, render: Render, config: AutoencoderObjectiveConfig
) -> Pictures:
    """Rendered clips and pixel weights with mean one."""
    video_BCFHW = render_clips(parameters_BV, rig_BFR, render)
    regions = Cast.from_parameters(parameters_BV).regions(rig_BFR)
    size, cells = video_BCFHW.shape[-1], 32
    mouth_BFhw, eyes_BFhw = (boxes_to_cells(boxes, 1, cells, size) for boxes in (regions.mouth_BF4, regions.eyes_BF4))
    weight_BFhw = config.focus.weights(mouth_BFhw, eyes_BFhw)
    weight_BFhw = weight_BFhw / weight_BFhw.mean()
    return Pictures(video_BCFHW, functional.interpolate(weight_BFhw, size=(size, size), mode="nearest"))
