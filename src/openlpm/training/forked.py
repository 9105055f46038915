"""Work that forked processes share out."""

import multiprocessing
import signal
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from openlpm.core.errors import InputError

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")


def in_order(work: Callable[[_Job], _Result], jobs: Sequence[_Job], workers: int) -> Generator[_Result, None, None]:
    """The result of each job, in order, made by processes that inherit what this one holds.

    Call it before CUDA is touched: it forks. In the end the processes are asked to go, not sent a signal: one that
    comes while a process begins is lost, and then its parent would wait for it for ever (``multiprocessing.Pool``).

    Raises:
        InputError: a process was ended from outside.
    """
    if not jobs:
        return
    context = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context, initializer=_let_be_ended)
    try:
        yield from pool.map(work, jobs)
    except BrokenProcessPool as error:
        raise InputError(
            f"workers={workers}: one of the processes was ended from outside, often for want of memory; "
            "start again with fewer workers or fewer clips"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _let_be_ended() -> None:
    """Without the parent's way of ending, which tidies up what is not this process's."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
