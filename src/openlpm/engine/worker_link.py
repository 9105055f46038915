"""The engine's end of its worker: one process, commands in order, an answer for each."""

import multiprocessing
import os
import time
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import final

from openlpm.engine.stage import StageConfig
from openlpm.engine.worker import Answer, CardConfig, Command, Done, Failed, Make, Ready, work

_END_S = 5.0


@final
class WorkerLink:
    """A worker and what it has been told and has not answered. Of one thread."""

    def __init__(self, stage: StageConfig | CardConfig) -> None:
        """Start the process; it says ``Ready`` or ``Failed`` first of all."""
        context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
        self.connection, theirs = context.Pipe()
        self._unwanted, self._makes = context.Value("q", 0, lock=False), 0
        arguments = (theirs, stage, self._unwanted)
        self.process = context.Process(target=work, args=arguments, name="openlpm-worker", daemon=True)
        with _quiet_threads():
            self.process.start()
        theirs.close()
        self._waiting: deque[tuple[Command, Future[Done] | None, float]] = deque()

    @property
    def making(self) -> Make | None:
        """Chunks that are under way."""
        return next((command for command, _, _ in self._waiting if isinstance(command, Make)), None)

    @property
    def is_free(self) -> bool:
        """Whether everything is answered."""
        return not self._waiting

    def drop(self) -> None:
        """Have the chunks that are under way left unmade, if they are not nearly done."""
        self._unwanted.value = self._makes

    def waits_for_s(self) -> float:
        """How long the oldest command has been unanswered."""
        return time.monotonic() - self._waiting[0][2] if self._waiting else 0.0

    def send(self, command: Command, answer: "Future[Done] | None" = None) -> None:
        """Tell the worker; ``answer`` gets what comes of it.

        Raises:
            OSError: the process is gone.
        """
        self._makes += isinstance(command, Make)
        self._waiting.append((command, answer, time.monotonic()))
        self.connection.send(command)

    def receive(self) -> Answer:
        """The next answer; futures of commands are filled on the way.

        Raises:
            EOFError: the process is gone.
        """
        answer: Answer = self.connection.recv()
        if isinstance(answer, Ready | Failed):
            return answer
        _, future, _ = self._waiting.popleft()
        if future is not None and isinstance(answer, Done):
            future.set_result(answer)
        return answer

    def end(self) -> None:
        """End the process, kindly at first; who still waits for an answer is told."""
        self.connection.close()
        self.process.join(_END_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join(_END_S)
        self.process.close()
        for _, future, _ in self._waiting:
            if future is not None and not future.done():
                future.set_result(Done(error="the worker ended before it answered; try again"))
        self._waiting.clear()


_WAIT_POLICY = "OMP_WAIT_POLICY"


@contextmanager
def _quiet_threads() -> Generator[None]:
    """A process started here lets its threads sleep while they wait for each other.

    Threads that wait by spinning take the core that the one they wait for needs: beside a browser on two cores a chunk
    of nano took 0.55 to 0.96 s so, and 0.23 to 0.43 s with threads that sleep.
    """
    if _WAIT_POLICY in os.environ:
        yield
        return
    os.environ[_WAIT_POLICY] = "passive"
    try:
        yield
    finally:
        del os.environ[_WAIT_POLICY]


def pipe() -> tuple[Connection, Connection]:
    """Where to wait for a poke, and where to poke."""
    return multiprocessing.Pipe(duplex=False)
