"""Character transformers whose parents are Wan2.1: which release becomes which of our sizes."""

from dataclasses import replace

from openlpm.core.errors import InputError, WeightsError
from openlpm.dit.config import DiTConfig
from openlpm.recipes.models import lpm_1_3b, lpm_17b
from openlpm.weights.wan_sizes import NamedCheckpoint, WanSizes, named_checkpoints, names_of


def named_checkpoint(name: str) -> NamedCheckpoint:
    """A release by its name.

    Raises:
        InputError: there is none of that name; the text lists those there are.
    """
    known = {each.name: each for each in named_checkpoints()}
    if name not in known:
        raise InputError(f"there is no checkpoint {name!r} by name: there are {', '.join(known)}")
    return known[name]


def character_of(sizes: WanSizes, *, any_size: bool = False) -> DiTConfig:
    """The character transformer that a parent of these sizes becomes; voices are heard as by the named sizes.

    Raises:
        WeightsError: no release has these sizes, and ``any_size`` does not allow others.
    """
    named = {(each.width, each.num_layers): each for each in (lpm_1_3b(), lpm_17b())}
    if names_of(sizes):
        return named[sizes.width, sizes.num_layers]
    if not any_size:
        raise WeightsError(
            f"no release of Wan2.1 has {sizes.num_layers} layers of width {sizes.width} and {sizes.in_channels} input "
            "channels: allow any size (--any-size) if it is meant"
        )
    return replace(
        lpm_17b(),
        latent_channels=sizes.out_channels,
        width=sizes.width,
        num_layers=sizes.num_layers,
        num_heads=sizes.num_heads,
        ffn_width=sizes.ffn_width,
        text_width=sizes.text_width,
        text_tokens=sizes.text_tokens,
        freq_width=sizes.freq_width,
        eps=sizes.eps,
        patch=sizes.patch,
    )
