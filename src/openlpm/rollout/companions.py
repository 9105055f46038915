"""Parts of a large character that others released: Wan's autoencoder, umT5, wav2vec 2.0 or Whisper.

They lie in a character's folder as they were released (``openlpm weights fetch``), each under the name of its part:

=========  ===========================================================
``vae``    ``config.json`` and weights, as diffusers keeps an autoencoder
``text``   ``text_encoder`` and ``tokenizer``
``speak``  ``config.json``, ``preprocessor_config.json`` and weights
``listen`` the same; it may be a link to ``speak``
=========  ===========================================================
"""

from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch

from openlpm.core.errors import ConfigError, WeightsError
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.encoders.pretrained_speech import PretrainedSpeech, PretrainedSpeechConfig, SpeechKind, load_speech
from openlpm.encoders.umt5 import Umt5TextEncoder, load_umt5
from openlpm.vae.wan import FRAMES_PER_LATENT, SPATIAL_FACTOR, WanAutoencoder, load_wan_autoencoder


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class WanVideo:
    """Wan2.1's autoencoder."""

    wan_channels: int
    """Of a latent."""

    @property
    def latent_channels(self) -> int:
        """As ``AutoencoderConfig`` names it."""
        return self.wan_channels

    @property
    def frames_per_latent(self) -> int:
        """Pixel frames of a latent frame."""
        return FRAMES_PER_LATENT

    @property
    def spatial_factor(self) -> int:
        """Pixels that a latent cell covers along each side."""
        return SPATIAL_FACTOR


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Umt5Text:
    """umT5's encoder."""

    umt5_width: int
    num_tokens: int

    @property
    def width(self) -> int:
        """As ``TextConfig`` names it."""
        return self.umt5_width


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ReleasedSpeech:
    """wav2vec 2.0 or Whisper."""

    kind: SpeechKind
    width: int
    tokens: PretrainedSpeechConfig

    def tokens_per_latent(self, frames_per_latent: int) -> int:
        """Tokens of a latent frame.

        Raises:
            ConfigError: that is no whole number.
        """
        found, rest = divmod(self.tokens.tokens_per_second * frames_per_latent, FRAME_RATE_HZ)
        if rest or not found:
            raise ConfigError(
                f"tokens_per_second={self.tokens.tokens_per_second}: latent frames of {frames_per_latent} pictures "
                f"need a multiple of {FRAME_RATE_HZ // frames_per_latent}"
            )
        return found


def load_video(folder: Path, config: WanVideo, dtype: torch.dtype) -> WanAutoencoder:
    """The autoencoder in ``folder``.

    Raises:
        WeightsError: it is missing, or its latents are others.
    """
    loaded = load_wan_autoencoder(folder).to(dtype)
    found = int(loaded.inner.config.z_dim)
    if found != config.latent_channels:
        raise WeightsError(f"{folder}: latents of {found} channels; config.json says {config.latent_channels}")
    return loaded.eval().requires_grad_(requires_grad=False)


def load_text(folder: Path, config: Umt5Text, dtype: torch.dtype) -> Umt5TextEncoder:
    """The text encoder in ``folder``.

    Raises:
        WeightsError: it is missing, or of another width.
    """
    loaded = load_umt5(folder, num_tokens=config.num_tokens, dtype=dtype)
    _require_width(folder, loaded.width, config.width)
    return loaded.eval().requires_grad_(requires_grad=False)


def load_voice(folder: Path, config: ReleasedSpeech, dtype: torch.dtype) -> PretrainedSpeech:
    """The speech encoder in ``folder``.

    Raises:
        WeightsError: it is missing, or of another width.
    """
    loaded = load_speech(folder, config.kind, config.tokens, dtype=dtype)
    _require_width(folder, loaded.width, config.width)
    return loaded.eval().requires_grad_(requires_grad=False)


def _require_width(folder: Path, found: int, wanted: int) -> None:
    if found != wanted:
        raise WeightsError(f"{folder}: tokens of width {found}; config.json says {wanted}")
