"""Voices and performances for a benchmark, by as many processes as pay."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import final

from openlpm.core.record import PerformanceRecord
from openlpm.synth.act.perform import ClipStyle, perform
from openlpm.synth.sound.speech_bank import SpeechBank

_WORTH_IT = 8
"""With fewer cores, what starting a process costs is not won back."""
_MOST = 16

Task = tuple[int, int, int, ClipStyle]
"""Who, the seed of the clip, its frames and its style."""

_voices: SpeechBank | None = None


def num_workers() -> int:
    """Processes for work of the processor beside this one; 0 for doing it here."""
    cores = os.cpu_count() or 1
    return 0 if cores < _WORTH_IT else min(cores // 2, _MOST)


@final
class Company:
    """Performs with one bank of voices; who does a task makes no difference to it."""

    def __init__(self, bank: SpeechBank, workers: int | None = None) -> None:
        self._bank = bank
        self._workers = num_workers() if workers is None else workers
        self._pool: ProcessPoolExecutor | None = None

    def perform(
        self, tasks: Sequence[Task], report: Callable[[int], None] = lambda _done: None
    ) -> list[PerformanceRecord]:
        """A performance each, in order; ``report`` hears how many there are.

        Scripts that use workers need the usual ``if __name__ == "__main__"`` guard.
        """
        found: list[PerformanceRecord] = []
        for record in self._performances(tasks):
            found.append(record)
            report(len(found))
        return found

    def _performances(self, tasks: Sequence[Task]) -> Iterator[PerformanceRecord]:
        if self._workers == 0:
            return (_performed(task, self._bank) for task in tasks)
        if self._pool is None:
            # Spawned, because a forked child of a process that uses CUDA or threads may hang.
            context = get_context("spawn")
            self._pool = ProcessPoolExecutor(self._workers, context, initializer=_begin, initargs=(self._bank,))
        return self._pool.map(_at_work, tasks, chunksize=max(1, len(tasks) // (4 * self._workers)))


def _begin(bank: SpeechBank) -> None:
    global _voices  # noqa: PLW0603 (a process of a company has the voices of its tasks)
    _voices = bank


def _at_work(task: Task) -> PerformanceRecord:
    assert _voices is not None
    return _performed(task, _voices)


def _performed(task: Task, bank: SpeechBank) -> PerformanceRecord:
    person, seed, num_frames, style = task
    return perform(person, seed, bank, num_frames=num_frames, style=style)
