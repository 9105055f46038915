"""Tensors that a parent never had: what a new branch begins with, one at a time and always the same."""

import math

import torch
from torch import Tensor

from openlpm.core.errors import WeightsError
from openlpm.core.seeds import generator

_EMBEDDINGS = ("speak_embedding.", "listen_embedding.", "motion_embedding.", "speak_added.", "listen_added.")
_AUDIO = ".cross_attention.audio."
_ZERO = (".bias", ".audio.v.weight", "motion_embedding.down.weight", "_added.weight")


def is_new(key: str) -> bool:
    """Whether a tensor of ours is part of what hears voices or follows a motion track, which no parent does."""
    return key.startswith(_EMBEDDINGS) or _AUDIO in key


def fresh(key: str, shape: tuple[int, ...], seed: int) -> Tensor:
    """What ``CharacterTransformer.reset_parameters`` begins with, from a random stream of the tensor's own.

    Values and biases are zero, so a new branch adds exactly nothing.

    Raises:
        WeightsError: the tensor is of no new branch.
    """
    if not is_new(key):
        raise WeightsError(f"{key} must come from the parent: it cannot be made up")
    if key.endswith(_ZERO):
        return torch.zeros(shape)
    if key.endswith(".norm.weight"):
        return torch.ones(shape)
    draw = torch.Generator().manual_seed(int(generator(seed, key).integers(2**62)))
    if key.endswith(".slots_WD"):
        return torch.randn(shape, generator=draw)
    reach = math.sqrt(6 / (shape[0] + shape[1]))  # Glorot and Bengio, 2010
    return torch.empty(shape).uniform_(-reach, reach, generator=draw)
