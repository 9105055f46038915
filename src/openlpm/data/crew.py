"""Worker processes that stages run in: replaced when they die, ended when they take too long."""

import multiprocessing
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Protocol, final

from openlpm.core.errors import ConfigError
from openlpm.data.records import Record, read_line
from openlpm.data.worker import Done, Task, serve

_LOOK_EVERY_S = 0.5
_STARTING_S = 60.0
"""What a worker may take to import what it needs, on a busy machine."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """An input with what became of it."""

    input_id: str
    records: tuple[Record, ...]
    cpu_s: float
    media_s: float
    contents: tuple[tuple[str, bytes], ...] = ()
    """What parcels hold, by the names of their records."""


class Crew(Protocol):
    """Whoever works records off, on this machine or on many."""

    def work(self, records: Iterator[Record]) -> Iterator[Finished]:
        """What becomes of each record, in the order in which they are finished; takes no more than it has hands for."""
        ...

    def close(self) -> None:
        """End the processes."""
        ...


@final
@dataclass(slots=True)
class _Hand:
    process: SpawnProcess
    channel: Connection
    record: Record | None = None
    since: float = 0.0


@final
class LocalCrew:
    """Processes of this machine, each with one record at a time."""

    def __init__(self, task: Task, *, workers: int, longest_s: float) -> None:
        if workers < 1:
            raise ConfigError(f"workers={workers}: at least one must do the work")
        self._task, self._longest_s = task, longest_s
        self._stage = task.stage().name
        self._spawn = multiprocessing.get_context("spawn")
        self._hands = [self._hire() for _ in range(workers)]

    def work(self, records: Iterator[Record]) -> Iterator[Finished]:
        """See ``Crew``.

        Raises:
            ConfigError: the stage cannot work here at all.
        """
        while True:
            for hand in self._hands:
                if hand.record is None and (record := next(records, None)) is not None:
                    self._give(hand, record)
            busy = [hand for hand in self._hands if hand.record is not None]
            if not busy:
                return
            ready = set(wait([hand.channel for hand in busy], timeout=_LOOK_EVERY_S))
            for hand in busy:
                if hand.channel in ready:
                    yield self._take(hand)
                elif time.monotonic() - hand.since > self._longest_s + _STARTING_S:
                    yield self._lost(hand, "too_slow")

    def close(self) -> None:
        for hand in self._hands:
            self._dismiss(hand)
        self._hands = []

    def _hire(self) -> _Hand:
        ours, theirs = self._spawn.Pipe()
        process = self._spawn.Process(target=serve, args=(theirs, self._task), daemon=True)
        process.start()
        theirs.close()
        return _Hand(process=process, channel=ours)

    def _give(self, hand: _Hand, record: Record) -> None:
        if not hand.process.is_alive():
            self._replace(hand)
        hand.record, hand.since = record, time.monotonic()
        hand.channel.send(record.line())

    def _take(self, hand: _Hand) -> Finished:
        assert hand.record is not None
        try:
            answer: Done | ConfigError = hand.channel.recv()
        except (EOFError, OSError):
            return self._lost(hand, "crashed")
        if isinstance(answer, ConfigError):
            raise answer
        record, hand.record = hand.record, None
        made = tuple(read_line(line) for line in answer.lines)
        return Finished(
            input_id=record.id,
            records=made,
            cpu_s=answer.cpu_s,
            media_s=answer.media_s,
            contents=answer.contents,
        )

    def _lost(self, hand: _Hand, why: str) -> Finished:
        """A worker that died or has to, with the record that killed it."""
        record, hand.record = hand.record, None
        assert record is not None
        self._replace(hand)
        aside = record.set_aside(self._stage, f"{self._stage}.{why}")
        return Finished(input_id=record.id, records=(aside,), cpu_s=0.0, media_s=0.0)

    def _replace(self, hand: _Hand) -> None:
        self._dismiss(hand)
        fresh = self._hire()
        hand.process, hand.channel = fresh.process, fresh.channel

    def _dismiss(self, hand: _Hand) -> None:
        hand.channel.close()
        hand.process.kill()
        hand.process.join()
        hand.process.close()
