"""Krippendorff's alpha: how far raters agree beyond chance.

Krippendorff (2011, "Computing Krippendorff's Alpha-Reliability"), by coincidences, with any number of raters a unit and
missing answers. The well-known Python package for it is under the GPL; this is Apache-licensed, so it stands on the
formula and is tested against the published example.
"""

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Value = TypeVar("Value", bound=Hashable)


class Level(StrEnum):
    """What differences between values mean."""

    NOMINAL = "nominal"
    ORDINAL = "ordinal"


def alpha(units: Iterable[Sequence[Value]], order: Sequence[Value], level: Level) -> float:
    """Alpha over units of answers; NaN where nobody can be compared or where all answers are one and the same.

    ``order`` lists the values, from low to high; units with fewer than two answers say nothing and are passed over.
    """
    place: Mapping[Value, int] = {value: index for index, value in enumerate(order)}
    together_VV = np.zeros((len(order), len(order)))
    for unit in units:
        if len(unit) < 2:
            continue
        count_V = np.bincount([place[value] for value in unit], minlength=len(order)).astype(np.float64)
        together_VV += (np.outer(count_V, count_V) - np.diag(count_V)) / (len(unit) - 1)
    count_V = together_VV.sum(axis=1)
    total = float(count_V.sum())
    apart_VV = _apart(count_V, level)
    expected = float((np.outer(count_V, count_V) * apart_VV).sum())
    if total < 2 or expected <= 0:
        return math.nan
    return 1.0 - (total - 1) * float((together_VV * apart_VV).sum()) / expected


def _apart(count_V: NDArray[np.float64], level: Level) -> NDArray[np.float64]:
    """Squared differences between values."""
    if level is Level.NOMINAL:
        return 1.0 - np.eye(count_V.shape[0])
    # The values between two, and half of the two themselves.
    middle_V = np.cumsum(count_V) - count_V / 2
    return (middle_V[:, None] - middle_V[None, :]) ** 2
