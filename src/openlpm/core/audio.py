"""Where a voice comes from: an array, a file being decoded, or a live stream."""

from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray


class AudioSource(Protocol):
    """Mono float32 audio at 16 kHz that can be read by position; it is silent outside itself."""

    @property
    def num_samples(self) -> int:
        """Length in samples."""
        ...

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        """Exactly ``count`` samples from ``start``; zeros before 0 and after the end.

        Reads go forward in time; at least the last 30 s before the furthest read stay readable.
        """
        ...


@final
class ArraySource:
    """An ``AudioSource`` over samples held in memory."""

    def __init__(self, samples_A: NDArray[np.float32]) -> None:
        self._samples_A = samples_A

    @property
    def num_samples(self) -> int:
        return self._samples_A.shape[0]

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        block_A = np.zeros(count, dtype=np.float32)
        first, end = max(start, 0), min(start + count, self.num_samples)
        if end > first:
            block_A[first - start : end - start] = self._samples_A[first:end]
        return block_A


SILENCE: AudioSource = ArraySource(np.zeros(0, dtype=np.float32))
"""A voice that says nothing."""
