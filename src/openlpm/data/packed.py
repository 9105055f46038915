"""Tracks of numbers inside a record: what a person's face does in every frame, as text that a manifest can hold.

A clip lasts at most ``shots.longest_s``, so a record stays small however long a source is: 22 landmarks of a minute are
about 120 KiB.
"""

import base64
import zlib
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError, InputError

_WHOLE: Final = {"int8", "int16", "int32"}
_MISSING: Final = np.iinfo(np.int32).min
"""Stands for NaN."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """An array of whole numbers, or of multiples of ``step``; NaN stays NaN."""

    shape: tuple[int, ...]
    kind: str
    """numpy's name of the whole numbers that are stored, little-endian."""
    step: float
    """What one of them stands for; 0 for arrays that are whole numbers themselves."""
    text: str
    """The numbers in C order, deflated, in base 64."""

    def unpack(self) -> NDArray[Any]:
        """The array again: float32 where ``step`` says so, else of ``kind``.

        Raises:
            InputError: the text does not hold what shape and kind say.
        """
        try:
            stored = np.frombuffer(zlib.decompress(base64.b64decode(self.text)), np.dtype(self.kind).newbyteorder("<"))
            whole = stored.reshape(self.shape)
        except (ValueError, TypeError, zlib.error) as error:
            raise InputError(f"a packed array of {self.shape} cannot be read: {error}; make its stage again") from error
        if self.step == 0:
            return whole.astype(self.kind)
        made = whole.astype(np.float64) * self.step
        return np.where(whole == _MISSING, np.nan, made).astype(np.float32)


def pack(values: NDArray[Any], *, step: float = 0.0) -> Packed:
    """An array as it is kept in records.

    Whole numbers (int8, int16, int32, bool) are kept as they are; other numbers are rounded to multiples of ``step``.

    Raises:
        ConfigError: numbers that are not whole without a step.
    """
    if values.dtype == np.bool_:
        values = values.astype(np.int8)
    if step > 0:
        whole = np.where(np.isfinite(values), np.round(np.nan_to_num(values) / step), _MISSING).astype(np.int32)
    elif values.dtype.name in _WHOLE:
        whole = values
    else:
        raise ConfigError(f"step={step} for {values.dtype.name}: give the multiple that these numbers are rounded to")
    stored = np.ascontiguousarray(whole).astype(whole.dtype.newbyteorder("<")).tobytes()
    return Packed(
        shape=tuple(values.shape),
        kind=whole.dtype.name,
        step=step,
        text=base64.b64encode(zlib.compress(stored, 9)).decode("ascii"),
    )
