"""Key map from diffusers' ``WanTransformer3DModel`` (text to video) to the character transformer."""

import re
from collections.abc import Mapping

from torch import Tensor

from openlpm.core.errors import WeightsError

_STEMS = {
    "patch_embedding": "patch_embedding",
    "condition_embedder.time_embedder.linear_1": "time_embedding.up",
    "condition_embedder.time_embedder.linear_2": "time_embedding.down",
    "condition_embedder.time_proj": "time_projection",
    "condition_embedder.text_embedder.linear_1": "text_embedding.up",
    "condition_embedder.text_embedder.linear_2": "text_embedding.down",
    "proj_out": "head",
}
_BLOCK_STEMS = {
    "attn1": "self_attention",
    "attn2": "cross_attention",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "o",
    "norm_q": "norm_q.norm",
    "norm_k": "norm_k.norm",
    "norm2": "cross_norm",
    "ffn.net.0.proj": "ffn.up",
    "ffn.net.2": "ffn.down",
}
_BLOCK_KEY = re.compile(r"blocks\.(?P<layer>\d+)\.(?P<path>.+)")


def key_from_diffusers(key: str) -> str:
    """Our name of a tensor.

    Raises:
        WeightsError: the key belongs to no text-to-video Wan model.
    """
    if key == "scale_shift_table":
        return "head_modulation"
    block = _BLOCK_KEY.fullmatch(key)
    if block is not None and block["path"] == "scale_shift_table":
        return f"blocks.{block['layer']}.modulation"
    stem, _, leaf = key.rpartition(".")
    if block is None:
        if stem in _STEMS:
            return f"{_STEMS[stem]}.{leaf}"
        raise WeightsError(
            f"key {key!r} belongs to no text-to-video Wan model: drop picture branches before the conversion"
        )
    path = block["path"].rpartition(".")[0]
    if path in _BLOCK_STEMS:
        return f"blocks.{block['layer']}.{_BLOCK_STEMS[path]}.{leaf}"
    module, _, part = path.partition(".")
    if module in ("attn1", "attn2") and part in _BLOCK_STEMS:
        return f"blocks.{block['layer']}.{_BLOCK_STEMS[module]}.{_BLOCK_STEMS[part]}.{leaf}"
    raise WeightsError(
        f"key {key!r} belongs to no text-to-video Wan model: drop picture branches before the conversion"
    )


def from_diffusers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """State of a ``CharacterTransformer`` without voices: the patch convolution becomes a matrix, keys are renamed."""
    converted = {key_from_diffusers(key): tensor for key, tensor in state.items()}
    return {key: tensor.flatten(1) if key == "patch_embedding.weight" else tensor for key, tensor in converted.items()}
