"""Sound on its way: pieces of any rate and length become queues, and a voice that a model reads by position."""

from collections import deque
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError, InputError

_RATES_HZ = (8_000, 192_000)
_KEPT_SAMPLES = 32 * 16_000


def checked(samples_A: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
    """Sound that somebody pushed, as float32 in [-1, 1]; what is no number is silence.

    Raises:
        InputError: it is not mono float samples, or of a rate that nobody uses.
    """
    if not _RATES_HZ[0] <= rate_hz <= _RATES_HZ[1]:
        raise InputError(f"rate_hz={rate_hz}: give sound of {_RATES_HZ[0]} to {_RATES_HZ[1]} Hz")
    if samples_A.ndim != 1 or samples_A.dtype.kind != "f":
        raise InputError(f"samples_A is {samples_A.dtype} {samples_A.shape}: give mono float samples in [-1, 1]")
    return np.nan_to_num(samples_A.astype(np.float32), nan=0.0, posinf=1.0, neginf=-1.0).clip(-1.0, 1.0)


@final
class Resampler:
    """Turns pieces of one sound into another rate; what comes out begins where what goes in begins."""

    def __init__(self, rate_in_hz: int, rate_out_hz: int) -> None:
        """Raises ConfigError where the extra for live use is missing."""
        try:
            import soxr
        except ImportError as error:
            raise ConfigError("soxr is missing: install the extra with `pip install 'openlpm[live]'`") from error
        self._rates = rate_in_hz, rate_out_hz
        same = rate_in_hz == rate_out_hz
        self._stream = None if same else soxr.ResampleStream(rate_in_hz, rate_out_hz, 1, dtype="float32")
        self._taken = self._given = 0

    def push(self, samples_A: NDArray[np.float32], *, last: bool = False) -> NDArray[np.float32]:
        """What is ready after one more piece; after the last all of it, as long as it was at the other rate."""
        self._taken += samples_A.shape[0]
        if self._stream is None:
            return samples_A
        ready_A = self._stream.resample_chunk(samples_A, last=last)
        self._given += ready_A.shape[0]
        if last:
            missing = round(self._taken * self._rates[1] / self._rates[0]) - self._given
            ready_A = ready_A[:missing] if missing < 0 else np.pad(ready_A, (0, missing))
        return ready_A


@final
class SampleQueue:
    """First in, first out."""

    def __init__(self) -> None:
        self._pieces: deque[NDArray[np.float32]] = deque()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, samples_A: NDArray[np.float32]) -> None:
        """Add to the end."""
        if samples_A.shape[0]:
            self._pieces.append(samples_A)
            self._length += samples_A.shape[0]

    def take(self, count: int) -> NDArray[np.float32]:
        """Remove from the front; fewer than ``count`` where there are not so many."""
        found_A = self.peek(count)
        left = found_A.shape[0]
        self._length -= left
        while left:
            first_A = self._pieces.popleft()
            if first_A.shape[0] > left:
                self._pieces.appendleft(first_A[left:])
                break
            left -= first_A.shape[0]
        return found_A

    def peek(self, count: int) -> NDArray[np.float32]:
        """The front, which stays; fewer than ``count`` where there are not so many."""
        found: list[NDArray[np.float32]] = []
        for piece_A in self._pieces:
            if count <= 0:
                break
            found.append(piece_A[:count])
            count -= piece_A.shape[0]
        return np.concatenate(found) if found else np.zeros(0, np.float32)

    def clear(self) -> None:
        """Forget everything."""
        self._pieces.clear()
        self._length = 0


@final
class HeardTrack:
    """An ``AudioSource`` whose end is written as it comes: the last half minute of what a model hears."""

    def __init__(self) -> None:
        self._samples_A = np.zeros(_KEPT_SAMPLES, np.float32)
        self._end = 0

    @property
    def num_samples(self) -> int:
        """Samples written so far."""
        return self._end

    def write(self, start: int, samples_A: NDArray[np.float32]) -> None:
        """Put samples at a place; what was known beyond their end is forgotten."""
        end = start + samples_A.shape[0]
        if start > self._end:
            self.write(self._end, np.zeros(min(start - self._end, _KEPT_SAMPLES), np.float32))
        self._samples_A[np.arange(start, end) % _KEPT_SAMPLES] = samples_A
        self._end = end

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        """Exactly ``count`` samples; silence outside what is kept."""
        places = np.arange(start, start + count)
        known = (places >= max(0, self._end - _KEPT_SAMPLES)) & (places < self._end)
        return np.where(known, self._samples_A[places % _KEPT_SAMPLES], np.float32(0))
