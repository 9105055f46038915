"""A model as the processor at hand computes it fastest."""

import copy
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import cast, final

import torch
from torch import Tensor, nn

from openlpm.dit.block import Block
from openlpm.dit.fast_block import hasten, require_fast
from openlpm.nn.eight_bit import EightBitMlp, is_exact
from openlpm.nn.mlp import Mlp
from openlpm.nn.packed import is_supported as is_packing_supported
from openlpm.nn.packed import pack
from openlpm.parallel.narrow import to_fp8
from openlpm.rollout.assembly import CharacterModel
from openlpm.vae.config import AutoencoderConfig
from openlpm.vae.eight_bit import is_supported, to_eight_bits

_CLEARLY_FASTER = 1.2
_TRIALS = 9


class Arithmetic(StrEnum):
    """In what numbers a part computes."""

    FLOAT32 = "float32"
    PACKED = "float32, packed"
    """The same numbers, multiplied by oneDNN instead of MKL."""
    BFLOAT16 = "bfloat16"
    EIGHT_BITS = "8 bits"
    """Where most of the work is; float32 elsewhere."""
    FLOAT8 = "8-bit floating point"

    @staticmethod
    def of(dtype: torch.dtype) -> "Arithmetic":
        """That of a part whose weights are of one type."""
        return Arithmetic.BFLOAT16 if dtype == torch.bfloat16 else Arithmetic.FLOAT32


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Fitted:
    """What was chosen."""

    transformer: Arithmetic
    decoder: Arithmetic


def fit_to_cpu(model: CharacterModel) -> Fitted:
    """Let a float32 model on a CPU stream in the numbers that are fastest there; it can be stored no more.

    For the transformer a short trial finds out, which narrow numbers must win clearly: bfloat16 is four times slower
    than float32 where there are no instructions for it, and 8 bits are taken only where they are exact. The decoder
    goes to 8 bits where the model knows its activations, else it goes with the transformer.
    """
    transformer = _fastest(model.config.dit.width, model.config.dit.ffn_width)
    for network in model.streaming_networks():
        if transformer is Arithmetic.BFLOAT16:
            network.bfloat16()
        elif transformer is Arithmetic.PACKED:
            pack(network.blocks)
        elif transformer is Arithmetic.EIGHT_BITS:
            for block in network.blocks:
                cast("Block", block).shrink()
    sizes = model.config.vae
    activations = sizes.activations if isinstance(sizes, AutoencoderConfig) else None
    if activations is not None and is_supported():
        to_eight_bits(model.own_parts().vae.decoder, activations)
        return Fitted(transformer=transformer, decoder=Arithmetic.EIGHT_BITS)
    if transformer is Arithmetic.BFLOAT16:
        model.vae.bfloat16()
        return Fitted(transformer=transformer, decoder=Arithmetic.BFLOAT16)
    return Fitted(transformer=transformer, decoder=Arithmetic.FLOAT32)


def fit_to_gpu(model: CharacterModel) -> Fitted:
    """Let a large model's streaming transformers compute in 8-bit floating point, in fast blocks; stored no more.

    What reads words and voices, and the autoencoder, stay as they are.

    Raises:
        ConfigError: its norms are others than Wan's.
    """
    for network in model.streaming_networks():
        require_fast(network.config)
        to_fp8(network)
        hasten(network)
    return Fitted(transformer=Arithmetic.FLOAT8, decoder=Arithmetic.of(next(model.vae.parameters()).dtype))


@torch.inference_mode()
def _fastest(width: int, hidden: int) -> Arithmetic:
    """In which numbers a block's heaviest layers are fastest, on a chunk's worth of tokens; float32 if in doubt.

    On one thread, because threads wait for each other on a machine that is busy with something else.
    """
    x_SD, layers = torch.zeros(128, width), Mlp(width, hidden, width)
    candidates: dict[Arithmetic, tuple[nn.Module, Tensor]] = {Arithmetic.FLOAT32: (layers, x_SD)}
    if is_packing_supported():
        candidates[Arithmetic.PACKED] = (copy.deepcopy(layers), x_SD)
        pack(candidates[Arithmetic.PACKED][0])
    if torch.cpu.get_capabilities().get("avx512_bf16", False):
        candidates[Arithmetic.BFLOAT16] = (Mlp(width, hidden, width).bfloat16(), x_SD.bfloat16())
    if is_exact():
        candidates[Arithmetic.EIGHT_BITS] = (EightBitMlp(layers), x_SD)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        seconds = {kind: _seconds(*trial) for kind, trial in candidates.items()}
    finally:
        torch.set_num_threads(threads)
    wide = [kind for kind in (Arithmetic.FLOAT32, Arithmetic.PACKED) if kind in seconds]
    exact = min(wide, key=lambda kind: seconds[kind])
    best = min(seconds, key=lambda kind: seconds[kind])
    return best if seconds[best] * _CLEARLY_FASTER < seconds[exact] else exact


def _seconds(layer: nn.Module, x_SD: Tensor) -> float:
    """The best of a few trials: whatever else runs on the machine only adds to a time."""
    best = float("inf")
    for _ in range(_TRIALS):
        started = time.perf_counter()
        layer(x_SD)
        best = min(best, time.perf_counter() - started)
    return best
