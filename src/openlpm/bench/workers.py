"""Performances for a benchmark, by as many processes as pay."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import final
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from openlpm.bench.crew import crew, num_workers
from openlpm.core.record import PerformanceRecord, Truth
from openlpm.core.units import samples_at_frame
from openlpm.synth.act.perform import ClipStyle, perform
from openlpm.synth.sound.speech_bank import SpeechBank, load

_BANK, _BANKS_KEPT = "bank.npz", 2

Task = tuple[int, int, int, ClipStyle]
"""Who, the seed of the clip, its frames and its style."""

_Seen = tuple[str, str, NDArray[np.int8], str, Truth | None]
"""Name, person, state of every frame, caption and truth of a performance: all of it but the sound."""


@final
class Company:
    """Performs with one bank of voices; who does a task makes no difference to it."""

    def __init__(self, bank: SpeechBank, workers: int | None = None) -> None:
        self._bank = bank
        self._workers = num_workers() if workers is None else workers
        self._folder: Path | None = None

    def perform(
        self, tasks: Sequence[Task], report: Callable[[int], None] = lambda _done: None
    ) -> list[PerformanceRecord]:
        """A performance each, in order; ``report`` hears how many there are.

        Both voices of what comes back are silent: nobody listens to them, and most of what would have to be moved and
        kept is sound.
        """
        found: list[PerformanceRecord] = []
        for seen in self._performances(tasks):
            found.append(_in_silence(*seen))
            report(len(found))
        return found

    def _performances(self, tasks: Sequence[Task]) -> Iterator[_Seen]:
        pool = crew(self._workers)
        if pool is None:
            return (_performed(task, self._bank) for task in tasks)
        if self._folder is None:
            self._folder = Path(mkdtemp(prefix="openlpm-bench-"))
            finalize(self, rmtree, self._folder, ignore_errors=True)
            self._bank.save(self._folder / _BANK)
        jobs = [(self._folder / _BANK, task) for task in tasks]
        return pool.map(_at_work, jobs, chunksize=max(1, len(tasks) // (4 * self._workers)))


@lru_cache(maxsize=_BANKS_KEPT)
def _bank_in(path: Path) -> SpeechBank:
    return load(path)


def _at_work(job: tuple[Path, Task]) -> _Seen:
    path, task = job
    return _performed(task, _bank_in(path))


def _performed(task: Task, bank: SpeechBank) -> _Seen:
    person, seed, num_frames, style = task
    record = perform(person, seed, bank, num_frames=num_frames, style=style)
    return record.clip_id, record.identity, record.state_F, record.caption, record.truth


def _in_silence(
    clip_id: str, identity: str, state_F: NDArray[np.int8], caption: str, truth: Truth | None
) -> PerformanceRecord:
    num_frames = state_F.shape[0]
    silence_A = np.broadcast_to(np.float32(0), (samples_at_frame(num_frames),))
    return PerformanceRecord(
        clip_id=clip_id,
        identity=identity,
        num_frames=num_frames,
        speak_A=silence_A,
        listen_A=silence_A,
        state_F=state_F,
        caption=caption,
        truth=truth,
    )
