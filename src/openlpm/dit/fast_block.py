"""A block whose products are in 8-bit floating point, with everything between them in one pass a row (``nn.rows``).

For streams on a GPU: nothing compiles, and what has no place in it (rows that hear nothing, several prompts,
references beside the video) is done as ever.
"""

from functools import partial
from typing import cast

import torch
from torch import Tensor

from openlpm.core.errors import ConfigError
from openlpm.dit.block import Block, Told
from openlpm.dit.config import DiTConfig
from openlpm.dit.cross_attention import CrossKeys
from openlpm.dit.model import CharacterTransformer
from openlpm.nn.attention import HeadNorm, NormScope, attention
from openlpm.nn.fp8 import Fp8Linear
from openlpm.nn.norm import LayerNorm
from openlpm.nn.rows import Norm, Update, add, add_and_norm, narrow_rows, root_norms


def hasten(transformer: CharacterTransformer) -> None:
    """Let all blocks of a transformer that ``parallel.narrow.to_fp8`` has been through compute so from now on.

    Raises:
        ConfigError: its layers are not in 8 bits, or its norms are others than Wan's.
    """
    require_fast(transformer.config)
    for each in transformer.blocks:
        block = cast("Block", each)
        if not isinstance(cast("object", block.self_attention.joined), Fp8Linear):
            raise ConfigError("fast blocks are for layers in 8-bit floating point: call to_fp8 first")
        roots_2D = _root_weights(block.self_attention.norm_q, block.self_attention.norm_k)
        block.replace_parts(partial(_look, block, roots_2D), partial(_think, block))


def require_fast(config: DiTConfig) -> None:
    """See that fast blocks are made for a size.

    Raises:
        ConfigError: its norms are others than Wan's.
    """
    if config.qk_norm is not NormScope.WIDTH or not config.cross_norm:
        raise ConfigError(f"qk_norm={config.qk_norm}, cross_norm={config.cross_norm}: fast blocks have Wan's norms")


def _look(block: Block, roots_2D: Tensor, x_BSD: Tensor, modulation_BG6D: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What comes before attention."""
    shift, scale = block.modulated(modulation_BG6D)[:2]
    _, narrow_RD, scale_R1 = add_and_norm(x_BSD, (), Norm(eps=block.eps, scale=scale, shift=shift))
    layer, heads = cast("Fp8Linear", block.self_attention.joined), block.self_attention.norm_q.num_heads
    joined_BSM = layer.bare(narrow_RD, scale_R1, x_BSD.dtype).unflatten(0, x_BSD.shape[:2])
    eps = block.self_attention.norm_q.norm.eps
    query, key, value = root_norms(joined_BSM, layer.bias_O, roots_2D, eps).unflatten(-1, (heads, -1)).unbind(0)
    return query, key, value


def _think(
    block: Block,
    x_BSD: Tensor,
    gathered_BSNK: Tensor,
    modulation_BG6D: Tensor,
    told: Told,
    keys: CrossKeys | None,
) -> Tensor:
    """What comes after it."""
    audio = told.speak if block.hears_speak else told.listen
    plain = told.text_seen_BSL is None and told.num_video_tokens == x_BSD.shape[1]
    if keys is None or not plain or (audio is not None and audio.on_B is not None):
        return block.think(x_BSD, gathered_BSNK, modulation_BG6D, told, keys)
    gate, shift, scale, last_gate = block.modulated(modulation_BG6D)[2:]
    cross, norm, ffn = block.cross_attention, cast("LayerNorm", block.cross_norm), block.ffn
    attended = _product(block.self_attention.o, gathered_BSNK.flatten(2), gate)
    affine = Norm(eps=norm.eps, scale=norm.weight, shift=norm.bias)
    x_BSD, narrow_RD, scale_R1 = add_and_norm(x_BSD, (attended,), affine)

    asks, roots = cast("Fp8Linear", cross.q), cross.norm_q
    asked_BSD = asks.bare(narrow_RD, scale_R1, x_BSD.dtype).unflatten(0, x_BSD.shape[:2])
    query_BSNK = root_norms(asked_BSD, asks.bias_O, _root_weights(roots), roots.norm.eps)[0]
    query_BSNK = query_BSNK.unflatten(-1, (roots.num_heads, -1))
    read_BSD = attention(query_BSNK, keys.text.key_BLNK, keys.text.value_BLNK).flatten(2)
    answers = [_product(cross.o, read_BSD)]
    if cross.audio is not None and keys.heard is not None:
        answers.append(_product(cross.audio.o, cross.audio.gather(query_BSNK, keys.heard, told.num_frames)))
    x_BSD, narrow_RD, scale_R1 = add_and_norm(x_BSD, tuple(answers), Norm(eps=block.eps, scale=scale, shift=shift))

    up = cast("Fp8Linear", ffn.up)
    hidden_BSF = up.bare(narrow_RD, scale_R1, x_BSD.dtype).unflatten(0, x_BSD.shape[:2])
    return add(x_BSD, (_product(ffn.down, hidden_BSF, last_gate, bias=up.bias_O),))


def _product(layer: object, x_BSI: Tensor, gate_BGD: Tensor | None = None, *, bias: Tensor | None = None) -> Update:
    """A layer's product, to be added; with ``bias``, of what GELU makes of ``x`` and that bias."""
    narrow = cast("Fp8Linear", layer)
    rows = narrow_rows(x_BSI.contiguous(), bias, gelu=bias is not None)
    product_BSD = narrow.bare(*rows, x_BSI.dtype).unflatten(0, x_BSI.shape[:2])
    return Update(product_BSD=product_BSD, bias_D=narrow.bias_O, gate_BGD=gate_BGD)


def _root_weights(*norms: HeadNorm) -> Tensor:
    return torch.stack([norm.norm.weight for norm in norms])
