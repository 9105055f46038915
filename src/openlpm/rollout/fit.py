"""A model as the processor at hand computes it fastest."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F

from openlpm.rollout.assembly import CharacterModel
from openlpm.vae.eight_bit import is_in_eight_bits, is_supported, to_eight_bits

_CLEARLY_FASTER = 1.2
_TRIALS = 7


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Fitted:
    """What was chosen."""

    transformer: torch.dtype
    decoder: torch.dtype
    """``torch.uint8``: 8 bits inside the convolutions, float32 beside them."""


def fit_to_cpu(model: CharacterModel, *, exact: bool = False) -> Fitted:
    """Let a model that streams on a CPU use the narrowest types that are faster there; it can be stored no more.

    The transformer goes to bfloat16 where a short trial finds that clearly faster (a processor without instructions for
    it is four times slower). The decoder goes to 8 bits where the model knows its activations, else it goes with the
    transformer. ``exact`` keeps all in float32. A model on another device is left as it is.
    """
    weight = model.dit.head.weight
    if model.device.type == "cpu" and not exact and weight.dtype == torch.float32:
        activations = model.config.vae.activations
        narrow = _gain_of_bfloat16(model.config.dit.width, model.config.dit.ffn_width) > _CLEARLY_FASTER
        if narrow:
            model.dit.bfloat16()
        if activations is not None and is_supported():
            to_eight_bits(model.vae.decoder, activations)
        else:
            model.vae.to(dtype=torch.bfloat16 if narrow else None, memory_format=torch.channels_last)
    eight = is_in_eight_bits(model.vae.decoder)
    return Fitted(
        transformer=model.dit.head.weight.dtype, decoder=torch.uint8 if eight else next(model.vae.parameters()).dtype
    )


@torch.inference_mode()
def _gain_of_bfloat16(width: int, hidden: int) -> float:
    """How many times faster than float32 the heaviest layer of a block is, on a chunk's worth of tokens."""
    x_SD, weight_ID = torch.zeros(128, width), torch.zeros(hidden, width)
    narrow = x_SD.bfloat16(), weight_ID.bfloat16()
    return _seconds(lambda: F.linear(x_SD, weight_ID)) / _seconds(lambda: F.linear(*narrow))


def _seconds(work: Callable[[], object]) -> float:
    """The best of a few trials: whatever else runs on the machine only adds to a time."""
    best = float("inf")
    for _ in range(_TRIALS):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best
