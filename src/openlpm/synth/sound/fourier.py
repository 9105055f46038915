"""Sizes at which Fourier transforms are quick."""

from functools import cache


@cache
def fast_size(least: int) -> int:
    """The next number from ``least`` on that has no prime factor above 5."""
    size = least
    while not _is_smooth(size):
        size += 1
    return size


def _is_smooth(size: int) -> bool:
    for prime in (2, 3, 5):
        while size % prime == 0:
            size //= prime
    return size == 1
