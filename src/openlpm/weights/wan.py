"""Wan2.1's transformer as its authors name it, as diffusers does, and as we do; and what of it we leave out."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import final

from torch import Tensor

from openlpm.core.errors import WeightsError


class Layout(StrEnum):
    """Whose names the tensors of a checkpoint have."""

    ORIGINAL = "original"
    """The authors' own release."""
    DIFFUSERS = "diffusers"


class Reason(StrEnum):
    """Why something of a checkpoint is left out."""

    PICTURE_TOKENS = "the embedding of CLIP's picture tokens: references are tokens of the video here"
    PICTURE_ATTENTION = "the cross-attention to CLIP's picture tokens: references are tokens of the video here"
    PICTURE_CHANNELS = "input channels of the mask and of the first picture: a first frame is a reference here"


PATCH, HEAD = "patch_embedding.weight", "head.weight"
"""Our names of the two tensors whose sizes say what goes in and what comes out."""

# Ours, the authors', diffusers'.
_WHOLE = (
    ("patch_embedding", "patch_embedding", "patch_embedding"),
    ("time_embedding.up", "time_embedding.0", "condition_embedder.time_embedder.linear_1"),
    ("time_embedding.down", "time_embedding.2", "condition_embedder.time_embedder.linear_2"),
    ("time_projection", "time_projection.1", "condition_embedder.time_proj"),
    ("text_embedding.up", "text_embedding.0", "condition_embedder.text_embedder.linear_1"),
    ("text_embedding.down", "text_embedding.2", "condition_embedder.text_embedder.linear_2"),
    ("head", "head.head", "proj_out"),
)
_ATTENTIONS = (("self_attention", "self_attn", "attn1"), ("cross_attention", "cross_attn", "attn2"))
_PROJECTIONS = (("q", "q", "to_q"), ("k", "k", "to_k"), ("v", "v", "to_v"), ("o", "o", "to_out.0"))
_NORMS = (("norm_q.norm", "norm_q", "norm_q"), ("norm_k.norm", "norm_k", "norm_k"))
_BLOCK = (
    *(
        (f"{ours}.{part}", f"{theirs}.{their_part}", f"{diffusers}.{diffusers_part}")
        for ours, theirs, diffusers in _ATTENTIONS
        for part, their_part, diffusers_part in (*_PROJECTIONS, *_NORMS)
    ),
    ("cross_norm", "norm3", "norm2"),
    ("ffn.up", "ffn.0", "ffn.net.0.proj"),
    ("ffn.down", "ffn.2", "ffn.net.2"),
)
_HEAD_TABLE = ("head_modulation", "head.modulation", "scale_shift_table")
_BLOCK_TABLE = ("modulation", "modulation", "scale_shift_table")

# What pictures alone use: the authors' names, diffusers'.
_PICTURE_TOKENS = (
    ("img_emb.proj.0", "condition_embedder.image_embedder.norm1"),
    ("img_emb.proj.1", "condition_embedder.image_embedder.ff.net.0.proj"),
    ("img_emb.proj.3", "condition_embedder.image_embedder.ff.net.2"),
    ("img_emb.proj.4", "condition_embedder.image_embedder.norm2"),
)
_PICTURE_ATTENTION = (
    ("cross_attn.k_img", "attn2.add_k_proj"),
    ("cross_attn.v_img", "attn2.add_v_proj"),
    ("cross_attn.norm_k_img", "attn2.norm_added_k"),
)
_PREFIXES = ("model.diffusion_model.", "diffusion_model.")
"""What tools that merge or quantise put before every name of the original layout."""
_BLOCK_KEY = re.compile(r"blocks\.(?P<layer>\d+)\.(?P<path>.+)")


@final
@dataclass(frozen=True, slots=True)
class Meant:
    """What a tensor of a checkpoint is: one of ours, or something left out."""

    ours: str
    """Our name; for what is left out, its own without the number of the block."""
    layer: int | None
    left_out: Reason | None = None

    @property
    def key(self) -> str:
        """Our name with its block."""
        return self.ours if self.layer is None else f"blocks.{self.layer}.{self.ours}"


def meaning(key: str, layout: Layout) -> Meant | None:
    """What a tensor of that name is; None if this layout has no such name."""
    if key == _column(_HEAD_TABLE, layout):
        return Meant("head_modulation", None)
    block = _BLOCK_KEY.fullmatch(key)
    layer, path = (None, key) if block is None else (int(block["layer"]), block["path"])
    if layer is not None and path == _column(_BLOCK_TABLE, layout):
        return Meant("modulation", layer)
    stem, _, leaf = path.rpartition(".")
    if leaf not in ("weight", "bias"):
        return None
    index = 0 if layout is Layout.ORIGINAL else 1
    for names in _WHOLE if layer is None else _BLOCK:
        if names[1 + index] == stem:
            return Meant(f"{names[0]}.{leaf}", layer)
    for names in _PICTURE_TOKENS if layer is None else _PICTURE_ATTENTION:
        if names[index] == stem:
            reason = Reason.PICTURE_TOKENS if layer is None else Reason.PICTURE_ATTENTION
            return Meant(path, layer, reason)
    return None


def their_name(key: str, layout: Layout) -> str:
    """The name that one of our tensors has in a layout.

    Raises:
        WeightsError: Wan has no such tensor.
    """
    if key == "head_modulation":
        return _column(_HEAD_TABLE, layout)
    block = _BLOCK_KEY.fullmatch(key)
    begin, path = ("", key) if block is None else (f"blocks.{block['layer']}.", block["path"])
    if block is not None and path == "modulation":
        return begin + _column(_BLOCK_TABLE, layout)
    stem, _, leaf = path.rpartition(".")
    for names in _WHOLE if block is None else _BLOCK:
        if names[0] == stem:
            return f"{begin}{_column(names, layout)}.{leaf}"
    raise WeightsError(f"{key} is no tensor of Wan: it has no name in the {layout} layout")


def modules(num_layers: int, layout: Layout) -> Iterator[tuple[str, Meant]]:
    """Every module with a weight, those of pictures included: its name in a layout, and what it is (without leaf)."""
    index = 0 if layout is Layout.ORIGINAL else 1
    for names in _WHOLE:
        yield names[1 + index], Meant(names[0], None)
    for names in _PICTURE_TOKENS:
        yield names[index], Meant(names[index], None, Reason.PICTURE_TOKENS)
    for layer in range(num_layers):
        for names in _BLOCK:
            yield f"blocks.{layer}.{names[1 + index]}", Meant(names[0], layer)
        for names in _PICTURE_ATTENTION:
            yield f"blocks.{layer}.{names[index]}", Meant(names[index], layer, Reason.PICTURE_ATTENTION)


def picture_names(num_layers: int, layout: Layout) -> Iterator[tuple[str, str]]:
    """Modules that pictures alone use, in a layout, each beside its name in the original one without the block."""
    index = 0 if layout is Layout.ORIGINAL else 1
    for names in _PICTURE_TOKENS:
        yield names[index], names[0]
    for layer in range(num_layers):
        for names in _PICTURE_ATTENTION:
            yield f"blocks.{layer}.{names[index]}", names[0]


def without_prefix(keys: Iterable[str]) -> dict[str, str]:
    """Names as a layout has them, each with the name in the file: tools put a prefix before all of them, or none."""
    given = list(keys)
    for prefix in _PREFIXES:
        if given and all(key.startswith(prefix) for key in given):
            return {key.removeprefix(prefix): key for key in given}
    return {key: key for key in given}


def layout_of(keys: Iterable[str]) -> Layout:
    """Whose names these are.

    Raises:
        WeightsError: nobody's; some are named.
    """
    given = sorted(keys)
    known = {layout: sum(meaning(key, layout) is not None for key in given) for layout in Layout}
    best = max(known, key=lambda layout: known[layout])
    if known[best] == 0:
        shown = ", ".join(given[:4]) or "no tensors at all"
        raise WeightsError(f"this is no transformer of Wan2.1, original or diffusers: it holds {shown}")
    return best


def key_from_diffusers(key: str) -> str:
    """Our name of a tensor of a text-to-video model in diffusers' layout.

    Raises:
        WeightsError: the key belongs to none.
    """
    meant = meaning(key, Layout.DIFFUSERS)
    if meant is None or meant.left_out is not None:
        raise WeightsError(
            f"key {key!r} belongs to no text-to-video Wan model: drop picture branches before the conversion"
        )
    return meant.key


def from_diffusers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """State of a ``CharacterTransformer`` without voices: the patch convolution becomes a matrix, keys are renamed."""
    converted = {key_from_diffusers(key): tensor for key, tensor in state.items()}
    return {key: tensor.flatten(1) if key == PATCH else tensor for key, tensor in converted.items()}


def _column(names: tuple[str, str, str], layout: Layout) -> str:
    return names[1 if layout is Layout.ORIGINAL else 2]
