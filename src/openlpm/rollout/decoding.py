"""What streams and clips ask of an autoencoder, be it ours or Wan's."""

from dataclasses import replace

import torch
from torch import Tensor

from openlpm.vae.autoencoder import DecoderState, VideoAutoencoder
from openlpm.vae.wan import WanAutoencoder, WanDecoderState

Autoencoder = VideoAutoencoder | WanAutoencoder
VideoState = DecoderState | WanDecoderState


def decoded(
    autoencoder: Autoencoder, latents_BCTHW: Tensor, state: VideoState | None = None
) -> tuple[Tensor, VideoState]:
    """Video of the latents, and the state with which the next continue it."""
    if isinstance(autoencoder, WanAutoencoder):
        return autoencoder.decode(latents_BCTHW, state if isinstance(state, WanDecoderState) else None)
    return autoencoder.decode(latents_BCTHW, state if isinstance(state, DecoderState) else None)


def silent_state(autoencoder: Autoencoder, like_BCTHW: Tensor) -> VideoState:
    """As if nothing but zeros had been seen: a stream begins with it where every latent frame is to be four pictures.

    Wan's decoder by itself makes one picture of the first latent frame of a clip, and remembers all only after two.
    """
    blank_BCTHW = torch.zeros_like(like_BCTHW[:, :, :1]).repeat(1, 1, 2, 1, 1)
    _, state = decoded(autoencoder, blank_BCTHW)
    return replace(state, past=tuple(torch.zeros_like(past) for past in state.past))
