"""The thread that runs performances: whose chunk is next, and what happens when the worker dies."""

import logging
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import final

from openlpm.core.errors import ConfigError, NoRoom, PerformanceEnded
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.engine.orders import StageFacts
from openlpm.engine.performance import Performance
from openlpm.engine.stage import StageConfig
from openlpm.engine.worker import CardConfig, Command, Done, Failed, Join, Leave, Made, Make, Ready, Save
from openlpm.engine.worker_link import WorkerLink, pipe

_log = logging.getLogger(__name__)
_MARGIN_S = 0.03
_SLOWER = 1.25
"""How much longer than usual a chunk may take and still be in time."""
_HUNG_S = 30.0
_MOST_DEATHS = 3
_REMEMBERED = 0.8
"""How much the time that chunks take stays what it was, a chunk."""
_SAVING_S = 0.15
_START_S = 120.0


@dataclass(slots=True)
class _Cast:
    """A performance and what the director keeps of it."""

    performance: Performance
    path: Path
    """Where it is saved."""
    saved_s: float
    joined: bool = False
    deaths: int = 0
    """How often the worker ended while it made a chunk of this performance alone."""
    suspected: bool = False
    """The worker ended under it, and it has made no chunk since: it is made alone, so that nobody else is blamed."""


@final
class Director:
    """Performances on one stage: a thread and the worker that it watches."""

    def __init__(self, stage: StageConfig | CardConfig, folder: Path, *, save_every_s: float) -> None:
        """``folder`` is where performances are saved."""
        self.restarts = 0
        """How often the worker had to be started again."""
        self.facts: StageFacts | None = None
        """What the stage is like, once it stands."""
        self.failure = ""
        """Why it never will."""
        self.settled = threading.Event()
        """Set once it stands or never will."""
        self._stage, self._folder, self._save_every_s = stage, folder, save_every_s
        self._lock = threading.Lock()
        self._casts: dict[str, _Cast] = {}
        self._asked: list[tuple[Command, Future[Done]]] = []
        self._chunk_s = 0.0
        self._standing = self._stopping = False
        self._link: WorkerLink | None = None
        self._poked, self._poke = pipe()
        self._thread = threading.Thread(target=self._run, name="openlpm-director", daemon=True)

    def start(self) -> None:
        """Start thread and worker; returns at once."""
        self._thread.start()

    @property
    def is_standing(self) -> bool:
        """Whether performances can join and move."""
        return self._standing and not self._stopping

    @property
    def count(self) -> int:
        """Performances now; those that have ended no longer count."""
        with self._lock:
            return self._there()

    def wake(self) -> None:
        """There may be something to do."""
        try:
            self._poke.send_bytes(b".")
        except OSError:  # it has closed
            return

    def admit(self, performance: Performance, saved: bytes | None, timeout_s: float) -> None:
        """Let a performance join, and wait until its pictures have been read.

        Raises:
            NoRoom: as many as fit are there.
            ConfigError: the stage cannot have it.
            PerformanceEnded: no answer in time.
        """
        assert self.facts is not None
        cast = _Cast(performance, self._folder / performance.id, time.monotonic())
        with self._lock:
            if self._there() >= self.facts.places:
                raise NoRoom(f"{self.facts.places} characters run, as many as this machine can carry: try again later")
            self._casts[performance.id] = cast
        try:
            self.ask(Join(performance=performance.id, role=performance.role, saved=saved), timeout_s)
        except (ConfigError, PerformanceEnded) as error:
            performance.end(str(error))
            raise
        cast.joined = True
        self.wake()

    def ask(self, command: Command, timeout_s: float) -> bytes:
        """Have the worker do something between chunks.

        Raises:
            ConfigError: it cannot.
            PerformanceEnded: no answer in time.
        """
        answer: Future[Done] = Future()
        with self._lock:
            self._asked.append((command, answer))
        self.wake()
        try:
            done = answer.result(timeout_s)
        except TimeoutError as error:
            raise PerformanceEnded(f"the worker did not answer within {timeout_s:.0f} s") from error
        if done.error:
            raise ConfigError(done.error)
        return done.saved

    def close(self) -> None:
        """End the worker and all performances; a second call does nothing."""
        self._stopping = True
        self.wake()
        if self._thread.is_alive():
            self._thread.join()
        for cast in self._taken():
            cast.performance.end("the engine was closed")
            with self._lock:
                self._casts.pop(cast.performance.id, None)
        self._poke.close()
        self._poked.close()

    def _run(self) -> None:
        failed_starts = 0
        while not self._stopping:
            self._link = link = WorkerLink(self._stage)
            try:
                self._stand_up(link)
                failed_starts = 0
                self._serve(link)
            except ConfigError as error:
                self.failure = str(error)
                self._stopping = True
            except (EOFError, OSError):
                failed_starts += not self._standing
                self._died(link)
                if failed_starts >= _MOST_DEATHS:
                    self.failure = "the worker ends as soon as it starts: see its output, and `openlpm doctor`"
                    self._stopping = True
            finally:
                self._standing = False
                link.end()
        self.settled.set()

    def _stand_up(self, link: WorkerLink) -> None:
        """Wait for the stage, and put everybody back on it."""
        given_up_s = time.monotonic() + _START_S
        while not link.connection.poll(0.1):
            if self._stopping:
                return
            if time.monotonic() > given_up_s:
                raise EOFError
        answer = link.receive()
        if isinstance(answer, Failed):
            raise ConfigError(answer.reason)
        assert isinstance(answer, Ready)
        self.facts, self._chunk_s = answer.facts, answer.facts.chunk_s
        for cast in self._taken():
            if cast.joined:
                role = cast.performance.role
                link.send(Join(performance=cast.performance.id, role=role, saved=cast.path))
                cast.performance.restarted()
        self._standing = True
        self.settled.set()

    def _serve(self, link: WorkerLink) -> None:
        while not self._stopping:
            self._pass_on(link)
            pause_s = self._begin_due(link)
            for source in wait([link.connection, self._poked], pause_s):
                if source is self._poked:
                    self._poked.recv_bytes()
                    self._drop_unwanted(link)
                else:
                    self._received(link)
            if link.waits_for_s() > _HUNG_S:
                _log.error("worker hangs", extra={"waits_for_s": link.waits_for_s()})
                link.process.kill()
                raise EOFError

    def _pass_on(self, link: WorkerLink) -> None:
        """What other threads have asked for, one thing at a time, and the leave of who has ended.

        Only to a worker that listens: two processes that send each other pictures at once would wait for ever.
        """
        if not link.is_free:
            return
        with self._lock:
            asked, self._asked = self._asked[:1], self._asked[1:]
            over = [cast for cast in self._casts.values() if cast.performance.ended is not None]
            for cast in over:
                del self._casts[cast.performance.id]
        for cast in over:  # before anybody else comes: their places are counted as free
            link.send(Leave(performance=cast.performance.id, path=cast.path))
        for command, answer in asked:
            link.send(command, answer)

    def _begin_due(self, link: WorkerLink) -> float:
        """Begin the most urgent chunks if it is time; returns for how long there is nothing to do."""
        assert self.facts is not None
        if not link.is_free:
            return 1.0
        casts = [cast for cast in self._taken() if cast.joined]
        turns = -(-len(casts) // self.facts.batch)
        chunk_s = self.facts.chunk_frames / FRAME_RATE_HZ
        lead_s = min(self._chunk_s * _SLOWER * turns + _MARGIN_S, chunk_s)
        starts = [(cast.performance.start_s(lead_s), cast) for cast in casts]
        urgent = sorted(((start_s, cast) for start_s, cast in starts if start_s is not None), key=lambda one: one[0])
        now_s = time.monotonic()
        due = _together([cast for start_s, cast in urgent if start_s <= now_s], self.facts.batch)
        if due:
            link.send(Make(orders=[cast.performance.plan(self._chunk_s) for cast in due]))
            return 1.0
        slack_s = urgent[0][0] - now_s if urgent else 1.0
        stale = min(casts, key=lambda cast: cast.saved_s, default=None)
        if stale is not None and slack_s > _SAVING_S and now_s - stale.saved_s > self._save_every_s:
            stale.saved_s = now_s
            link.send(Save(performance=stale.performance.id, path=stale.path))
        return min(slack_s, 1.0)

    def _drop_unwanted(self, link: WorkerLink) -> None:
        """An interruption may have made useless what the worker does; others who share it need theirs."""
        orders = [] if link.making is None else link.making.orders
        if len(orders) != 1:
            return
        with self._lock:
            cast = self._casts.get(orders[0].performance)
        if cast is not None and not cast.performance.wants(orders[0].ticket):
            link.drop()

    def _received(self, link: WorkerLink) -> None:
        answer = link.receive()
        if not isinstance(answer, Made):
            return
        if any(chunk.pictures_FHWC is not None for chunk in answer.chunks):
            self._chunk_s += (1 - _REMEMBERED) * (answer.seconds - self._chunk_s)
        with self._lock:
            casts = dict(self._casts)
        for chunk in answer.chunks:
            cast = casts.get(chunk.performance)
            if cast is not None:
                cast.deaths, cast.suspected = 0, False
                cast.performance.deliver(chunk, answer.seconds)

    def _died(self, link: WorkerLink) -> None:
        """Whose chunk it was may be to blame; the others go on with the next worker."""
        if self._stopping:
            return
        self.restarts += 1
        making = link.making
        made = set() if making is None else {order.performance for order in making.orders}
        _log.error("worker died", extra={"restarts": self.restarts, "orders": len(made)})
        for cast in self._taken():
            if cast.performance.id not in made:
                continue
            cast.suspected = True
            if len(made) == 1:
                cast.deaths += 1
                if cast.deaths >= _MOST_DEATHS:
                    cast.performance.end("the performance failed: the worker ended under it again and again")

    def _there(self) -> int:
        return sum(cast.performance.ended is None for cast in self._casts.values())

    def _taken(self) -> list[_Cast]:
        with self._lock:
            return list(self._casts.values())


def _together(due: list[_Cast], batch: int) -> list[_Cast]:
    """Whose chunks are made at once: the most urgent ones, but a suspect alone."""
    if due and due[0].suspected:
        return due[:1]
    return [cast for cast in due if not cast.suspected][:batch]
