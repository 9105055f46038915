"""Clips side by side on a processor: one core each, for a single clip's operations are too small to share well."""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def spread(work: Callable[[Item], Result], items: Sequence[Item], device: torch.device) -> list[Result]:
    """``work`` of every item, in order; on a CPU as many at once as there are threads, else one by one.

    Where there are fewer items than threads, each gets all of them in turn.

    ``work`` must not depend on the others: its own state, no gradients.
    """
    workers = torch.get_num_threads()
    if device.type != "cpu" or workers == 1 or len(items) < workers:
        return [work(item) for item in items]
    with _single_threaded(), ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        return list(pool.map(work, items))


@contextmanager
def _single_threaded() -> Generator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
