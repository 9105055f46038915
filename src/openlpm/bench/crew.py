"""The processes that help a benchmark: started once, shared by all that it makes."""

import os
import signal
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context

_WORTH_IT = 8
"""With fewer cores, what starting a process costs is not won back."""
_MOST = 16


def num_workers() -> int:
    """Processes for work of the processor beside this one; 0 for doing it here."""
    cores = os.cpu_count() or 1
    return 0 if cores < _WORTH_IT else min(cores // 2, _MOST)


@cache
def crew(workers: int) -> Executor | None:
    """So many processes, the same at every call; None for 0.

    Scripts that use them need the usual ``if __name__ == "__main__"`` guard.
    """
    if workers == 0:
        return None
    # Spawned, because a forked child of a process that uses CUDA or threads may hang.
    return ProcessPoolExecutor(workers, get_context("spawn"), initializer=_begin)


def call_the_crew() -> None:
    """Let the processes that will be needed start while this one does something else."""
    workers = num_workers()
    if pool := crew(workers):
        for _ in range(workers):
            pool.submit(_begin)


def _begin() -> None:
    """A process of the crew is left alone by Ctrl-C: whoever gives it work ends it, and prints what is there."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
