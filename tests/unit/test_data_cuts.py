"""Cuts are seen by how much they stand out: between alike pictures more, between different ones less."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.data.shots.cuts import CutConfig, find_cuts

pytestmark = pytest.mark.unit

CUT = 10


def film(apart: int, moving: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Two shots of grey whose levels are so far apart, and in which every frame differs from the last by so much."""
    for index in range(2 * CUT):
        level = 200 - apart * (index >= CUT) - moving * (index % 2)
        yield index, np.full((32, 32, 3), level, np.uint8)


@pytest.mark.parametrize(
    ("apart", "moving", "found"),
    [
        (120, 0, [CUT]),  # a difference of 40 in hue, saturation and brightness together
        (120, 12, [CUT]),
        (120, 30, []),  # everything moves
        (48, 0, [CUT]),  # 16: two drawings on one paper
        (48, 3, [CUT]),
        (48, 6, []),  # ... and 8 of them is what happens within a shot
        (30, 0, []),  # 10: no cut, however still
    ],
)
def test_what_differs_less_has_to_stand_out_more(apart: int, moving: int, found: list[int]) -> None:
    assert list(find_cuts(film(apart, moving), CutConfig())) == found


@pytest.mark.parametrize(("field", "value"), [("faint_ratio", 2.0), ("faint_least", 40.0), ("faint_least", 0.0)])
def test_a_faint_cut_that_is_none_is_refused(field: str, value: float) -> None:
    with pytest.raises(ConfigError, match=field):
        CutConfig(**{field: value})
