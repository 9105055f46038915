"""A finished transformer in 8-bit floating point: its blocks' linear layers are replaced from outside."""

from typing import Any, cast

import torch
from torch import Tensor, nn

from openlpm.dit.block import Block
from openlpm.dit.model import CharacterTransformer
from openlpm.nn.fp8 import Fp8Linear


def to_fp8(transformer: CharacterTransformer) -> int:
    """Replace whatever video tokens meet; what reads text and voices once stays. Returns the bytes of the new layers.

    Block after block, so that memory holds one block twice. The transformer can be stored no more.
    """
    size = 0
    for each in transformer.blocks:
        size += narrow_block(cast("Block", each))
    return size


def narrow_block(block: Block) -> int:
    """One block of it."""
    attention, cross, ffn = block.self_attention, block.cross_attention, block.ffn
    joined = Fp8Linear(attention.q, attention.k, attention.v)
    del attention.q, attention.k, attention.v
    _put(attention, "joined", joined)
    made = [joined]
    places: list[tuple[nn.Module, str]] = [(attention, "o"), (cross, "q"), (cross, "o"), (ffn, "up"), (ffn, "down")]
    if cross.audio is not None:
        places.append((cross.audio, "o"))
    for owner, name in places:
        made.append(Fp8Linear(cast("nn.Linear", getattr(owner, name))))
        _put(owner, name, made[-1])
    return sum(tensor.numel() * tensor.element_size() for layer in made for tensor in layer.buffers())


def relative_difference(found: Tensor, wanted: Tensor) -> float:
    """Norm of the difference over the norm of what was wanted; how narrow arithmetic is judged."""
    wide = wanted.double()
    return float(torch.linalg.vector_norm(found.double() - wide) / torch.linalg.vector_norm(wide).clamp_min(1e-30))


def _put(owner: nn.Module, name: str, layer: Fp8Linear) -> None:
    cast("Any", owner).__setattr__(name, layer)
