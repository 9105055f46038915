"""Wan2.1's autoencoder (diffusers' ``AutoencoderKLWan``, extra ``[wan]``) behind the interface of ours, chunk by chunk.

The first latent frame of a clip is one picture, every later one is four. Latents here are those of the flow: shifted
and scaled channel by channel, as the autoencoder's configuration says.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from openlpm.core.errors import ConfigError, WeightsError

FRAMES_PER_LATENT, SPATIAL_FACTOR = 4, 8


@final
@dataclass(frozen=True, slots=True, eq=False)
class WanDecoderState:
    """What decoding remembers: what each causal convolution saw last. Rows are independent."""

    past: tuple[Any, ...]


@final
class WanAutoencoder(nn.Module):
    """Pixels in [-1, 1] to latents of the flow and back; a stream decoded piece by piece equals the whole clip."""

    def __init__(self, autoencoder: nn.Module) -> None:
        """Take a loaded ``AutoencoderKLWan``.

        Raises:
            ConfigError: it is of another kind (that of Wan2.2 folds pixels into channels first).
        """
        super().__init__()
        self.inner: Any = autoencoder
        config = self.inner.config
        if config.patch_size is not None:
            raise ConfigError(
                f"patch_size={config.patch_size}: only autoencoders of Wan2.1 are read; give one of these"
            )
        shape = (1, len(config.latents_mean), 1, 1, 1)
        self.register_buffer("mean_1C111", torch.tensor(config.latents_mean).view(shape), persistent=False)
        self.register_buffer("std_1C111", torch.tensor(config.latents_std).view(shape), persistent=False)

    def encode(self, video_BCFHW: Float[Tensor, "B 3 F H W"]) -> Float[Tensor, "B Z T h w"]:
        """Latents of a clip of 1, 5, 9, ... pictures, the most likely ones.

        Raises:
            ConfigError: there are other numbers of pictures, or sides that are no multiples of eight.
        """
        frames, height, width = video_BCFHW.shape[2:]
        if frames % FRAMES_PER_LATENT != 1 or height % SPATIAL_FACTOR or width % SPATIAL_FACTOR:
            raise ConfigError(
                f"video is {frames} frames of {height}x{width}: give 1, 5, 9, ... frames, and multiples of "
                f"{SPATIAL_FACTOR} pixels"
            )
        found = self.inner.encode(video_BCFHW).latent_dist.mode()
        return (found - self._buffer("mean_1C111")) / self._buffer("std_1C111")

    def encode_still(self, picture_BCHW: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B Z h w"]:
        """The latent frame of a picture (references, first frames)."""
        return self.encode(picture_BCHW[:, :, None])[:, :, 0]

    def decode(
        self, latents_BCTHW: Float[Tensor, "B Z T h w"], state: WanDecoderState | None = None
    ) -> tuple[Float[Tensor, "B 3 F H W"], WanDecoderState]:
        """Video of the latents and the state with which the next latents continue it.

        None starts a stream, whose first latent frame becomes one picture.
        """
        wide_BCTHW = latents_BCTHW * self._buffer("std_1C111") + self._buffer("mean_1C111")
        x_BCTHW = self.inner.post_quant_conv(wide_BCTHW.to(latents_BCTHW.dtype))
        past: list[Any] = [None] * self._num_convolutions() if state is None else list(state.past)
        pieces: list[Tensor] = []
        used = [0]  # counted by the decoder: it remembers in fewer places than it has convolutions
        for index in range(x_BCTHW.shape[2]):
            first, used = state is None and index == 0, [0]
            frame_BC1HW = x_BCTHW[:, :, index : index + 1]
            pieces.append(self.inner.decoder(frame_BC1HW, feat_cache=past, feat_idx=used, first_chunk=first))
        return torch.cat(pieces, dim=2).clamp(-1, 1), WanDecoderState(past=tuple(past[: used[0]]))

    def _num_convolutions(self) -> int:
        self.inner.clear_cache()
        return len(self.inner._feat_map)  # diffusers counts its causal convolutions for itself alone  # noqa: SLF001

    def _buffer(self, name: str) -> Tensor:
        return cast("Tensor", getattr(self, name))


def load_wan_autoencoder(path: Path) -> WanAutoencoder:
    """The autoencoder of a diffusers folder, or of the authors' ``Wan2.1_VAE.pth``; never from the network.

    Raises:
        WeightsError: nothing is there, or it does not fit; keys are named.
    """
    from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

    if path.is_dir():
        inner = path / "vae"
        folder = inner if inner.is_dir() else path
        if not (folder / "config.json").is_file():
            raise WeightsError(f"{folder} holds no autoencoder: config.json is missing")
        return WanAutoencoder(AutoencoderKLWan.from_pretrained(folder, local_files_only=True).eval())
    if not path.is_file():
        raise WeightsError(f"{path} does not exist: give Wan2.1_VAE.pth, or a folder of diffusers")
    return _from_original(path)


def _from_original(path: Path) -> WanAutoencoder:
    from diffusers.loaders.single_file_utils import convert_wan_vae_to_diffusers
    from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

    given = torch.load(path, map_location="cpu", weights_only=True)
    state = convert_wan_vae_to_diffusers(dict(given))
    with torch.device("meta"):
        autoencoder = AutoencoderKLWan()
    wanted = autoencoder.state_dict()
    odd = sorted(state.keys() ^ wanted.keys())
    odd += sorted(key for key in state.keys() & wanted.keys() if state[key].shape != wanted[key].shape)
    if odd:
        raise WeightsError(
            f"{path} is no autoencoder of Wan2.1: {', '.join(odd[:6])} are missing, unknown or misshaped"
        )
    autoencoder.load_state_dict(state, assign=True)
    return WanAutoencoder(autoencoder.eval())
