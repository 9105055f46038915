"""Seeds: who may be trained on whom, and independent random streams by name."""

import hashlib
from enum import StrEnum

import numpy as np

from openlpm.core.errors import ConfigError


class Split(StrEnum):
    """Identity seeds are split for ever: choices are made on validation, tables are made on test."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


_RANGES = {Split.TRAIN: (0, 800_000), Split.VALIDATION: (800_000, 900_000), Split.TEST: (900_000, 1_000_000)}


def split_of(seed: int) -> Split:
    """The split an identity seed belongs to; seeds are 0 to 999 999."""
    for split, (first, end) in _RANGES.items():
        if first <= seed < end:
            return split
    raise ConfigError(f"seed={seed}: identity seeds run from 0 to 999999")


def seeds_of(split: Split) -> range:
    """All identity seeds of a split."""
    return range(*_RANGES[split])


def generator(*names: object) -> np.random.Generator:
    """A random stream of its own for every tuple of names, the same on every machine.

    ``generator(seed, "hair")`` and ``generator(seed, "gaze")`` are independent, so adding a draw to one
    part never changes another.
    """
    digest = hashlib.blake2b("/".join(map(str, names)).encode(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, "little"))
