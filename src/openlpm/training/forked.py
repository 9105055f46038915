"""Work that forked processes share out."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import TypeVar

from openlpm.core.errors import InputError

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")


def in_order(work: Callable[[_Job], _Result], jobs: Sequence[_Job], workers: int) -> Generator[_Result, None, None]:
    """The result of each job, in order, made by processes that inherit what this one holds.

    Call it before CUDA is touched: it forks. In the end the processes are asked to go, not sent a signal: where
    ``multiprocessing.Pool`` does that, a process that has just begun may outlive it and is waited for for ever.

    Raises:
        InputError: a process was ended from outside.
    """
    if not jobs:
        return
    context = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context, initializer=_depend)
    try:
        yield from pool.map(work, jobs)
    except BrokenProcessPool as error:
        raise InputError(
            f"workers={workers}: one of the processes was ended from outside, often for want of memory; "
            "start again with fewer workers or fewer clips"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _depend() -> None:
    """Without the parent's ways of ending, which tidy up what is not this process's; and not a moment without it."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted too, and asks its processes to go
    threading.Thread(target=_end_with_the_parent, daemon=True).start()


def _end_with_the_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
