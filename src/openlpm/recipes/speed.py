"""Sizes that `openlpm bench speed` knows by name."""

from openlpm.core.errors import InputError
from openlpm.dit.config import AudioBranch, DiTConfig
from openlpm.recipes.models import lpm_1_3b, lpm_17b


def tiny() -> DiTConfig:
    """The large sizes' shape at next to nothing, to see on any machine that all of it runs."""
    return DiTConfig(
        latent_channels=16,
        width=96,
        num_layers=2,
        num_heads=4,
        ffn_width=192,
        text_width=32,
        text_tokens=8,
        freq_width=32,
        unit_power=False,
        speak=AudioBranch(width=64, tokens_per_frame=8, past_frames=1, future_frames=1),
        listen=AudioBranch(width=64, tokens_per_frame=2, past_frames=17, future_frames=0),
    )


_SIZES = {"lpm-17b": lpm_17b, "lpm-1.3b": lpm_1_3b, "tiny": tiny}


def speed_size(name: str) -> DiTConfig:
    """A size by name.

    Raises:
        InputError: there is none; the text lists those there are.
    """
    if name not in _SIZES:
        raise InputError(f"--model {name}: give one of {', '.join(_SIZES)}")
    return _SIZES[name]()
