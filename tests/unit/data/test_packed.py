"""Arrays in records come back as they were."""

import numpy as np
import pytest

from openlpm.core.errors import ConfigError, InputError
from openlpm.data.packed import Packed, pack
from openlpm.data.records import plain, structured

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("kind", ["int8", "int16", "int32"])
def test_whole_numbers_come_back_as_they_were(kind: str) -> None:
    values = np.array([[-3, 0], [7, 127]], kind)
    again = pack(values).unpack()
    assert again.dtype == values.dtype
    np.testing.assert_array_equal(again, values)


def test_other_numbers_are_rounded_to_the_step_and_missing_ones_stay_missing() -> None:
    values = np.array([0.1, -2.03, np.nan, 1000.0], np.float32)
    np.testing.assert_allclose(pack(values, step=0.125).unpack(), [0.125, -2.0, np.nan, 1000.0])


def test_an_array_goes_through_json() -> None:
    packed = pack(np.arange(6, dtype=np.int16).reshape(2, 3))
    np.testing.assert_array_equal(structured(plain(packed), Packed, "it").unpack(), [[0, 1, 2], [3, 4, 5]])


def test_the_same_array_is_the_same_text() -> None:
    values = np.linspace(0, 1, 100, dtype=np.float32)
    assert pack(values, step=0.01) == pack(values.copy(), step=0.01)


def test_fractions_without_a_step_are_refused() -> None:
    with pytest.raises(ConfigError, match="step"):
        pack(np.array([0.5], np.float32))


def test_a_text_of_another_length_is_named() -> None:
    packed = pack(np.arange(4, dtype=np.int8))
    with pytest.raises(InputError, match="cannot be read"):
        Packed(shape=(5,), kind="int8", step=0.0, text=packed.text).unpack()
