"""Geometry of the video autoencoder; its only home."""

from dataclasses import dataclass
from typing import final

from openlpm.core.errors import ConfigError

_STEM = 4
_DOWN = 2


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class StageConfig:
    """Residual blocks at one resolution."""

    width: int
    blocks: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.blocks < 1:
            raise ConfigError(
                f"width={self.width}, blocks={self.blocks}: a stage needs at least one channel and one block"
            )


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class AutoencoderConfig:
    """Sizes of encoder and decoder; stages are listed from fine (64x64 for a 256 picture) to coarse."""

    latent_channels: int
    frames_per_latent: int
    encoder: tuple[StageConfig, ...]
    decoder: tuple[StageConfig, ...]
    activations: tuple[float, ...] | None = None
    """The largest magnitudes that the decoder's convolutions are given, measured when the model was packaged: with
    them it may decode in 8 bits (``vae.eight_bit``)."""

    def __post_init__(self) -> None:
        if len(self.encoder) != len(self.decoder):
            raise ConfigError(
                f"encoder has {len(self.encoder)} stages and decoder {len(self.decoder)}: "
                "they must shrink and grow by the same factor"
            )
        if self.frames_per_latent < 1 or self.latent_channels < 1:
            raise ConfigError(
                f"frames_per_latent={self.frames_per_latent}, latent_channels={self.latent_channels}: "
                "both must be positive"
            )

    @property
    def spatial_factor(self) -> int:
        """Pixels a latent cell covers along each side."""
        return _STEM * _DOWN ** (len(self.encoder) - 1)

    @property
    def stem_factor(self) -> int:
        """Pixels folded into channels at the entrance and unfolded at the exit."""
        return _STEM
