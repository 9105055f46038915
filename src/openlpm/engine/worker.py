"""The process that makes pictures: it does what it is told, one thing after another, and answers each."""

import logging
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol, final

from openlpm.core.errors import OpenLPMError
from openlpm.engine.card import CardStage
from openlpm.engine.orders import Chunk, NotWantedError, Order, Role, Stage, StageFacts
from openlpm.engine.stage import ModelStage, StageConfig

_log = logging.getLogger(__name__)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class CardConfig:
    """A stage of test cards."""

    places: int = 64
    chunk_s: float = 0.0
    """How much longer than it needs a chunk takes, as a model would."""


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Join:
    """Begin a performance; answered by ``Done``."""

    performance: str
    role: Role
    saved: Path | bytes | None = None
    """Where it goes on, if it does not begin anew."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Leave:
    """End one and forget what was saved; answered by ``Done``."""

    performance: str
    path: Path


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Make:
    """Chunks; answered by ``Made``."""

    orders: list[Order]


class Unwanted(Protocol):
    """A number that both processes see."""

    value: int
    """So many of the first ``Make`` are not wanted any more."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Save:
    """Keep a performance; answered by ``Done``, with its bytes if there is no path."""

    performance: str
    path: Path | None


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Ready:
    """The stage stands."""

    facts: StageFacts


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """There will be no stage."""

    reason: str


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Made:
    """What came of ``Make``."""

    chunks: list[Chunk]
    seconds: float


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """What came of anything else; ``error`` is empty if it went well."""

    error: str = ""
    saved: bytes = b""


Command = Join | Leave | Make | Save
Answer = Ready | Failed | Made | Done


def work(connection: Connection, config: StageConfig | CardConfig, unwanted: Unwanted) -> None:
    """The whole life of a worker; it ends when the other end of the connection does."""
    for each in (signal.SIGINT, signal.SIGTERM):  # sent to the whole group; whoever started it says when it ends
        signal.signal(each, signal.SIG_IGN)
    try:
        try:
            stage = _stage(config)
        except OpenLPMError as error:
            connection.send(Failed(reason=str(error)))
            return
        connection.send(Ready(facts=stage.facts))
        number = 0
        while True:
            command = connection.recv()
            number += isinstance(command, Make)
            connection.send(_answer(stage, command, lambda number=number: unwanted.value < number))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _stage(config: StageConfig | CardConfig) -> Stage:
    if isinstance(config, CardConfig):
        return CardStage(places=config.places, chunk_s=config.chunk_s)
    return ModelStage(config)


def _answer(stage: Stage, command: Command, wanted: Callable[[], bool]) -> Answer:
    match command:
        case Make():
            started_s = time.perf_counter()
            chunks = _made(stage, command.orders, wanted)
            return Made(chunks=chunks, seconds=time.perf_counter() - started_s)
        case _:
            try:
                return Done(saved=_done(stage, command))
            except (OpenLPMError, RuntimeError, ValueError, KeyError, OSError) as error:
                return Done(error=f"{type(error).__name__}: {error}")


def _made(stage: Stage, orders: list[Order], wanted: Callable[[], bool]) -> list[Chunk]:
    """A performance that fails ends; the others do not notice."""
    try:
        return stage.make(orders, wanted)
    except NotWantedError:
        return [Chunk(performance=order.performance, ticket=order.ticket, pictures_FHWC=None) for order in orders]
    except Exception as error:  # noqa: BLE001 (the boundary of one performance)
        if len(orders) > 1:  # one by one, to know whose fault it is
            return [chunk for order in orders for chunk in _made(stage, [order], wanted)]
        order = orders[0]
        _log.exception("performance failed", extra={"performance": order.performance})
        stage.leave(order.performance)
        reason = f"{type(error).__name__} in the worker"
        return [Chunk(performance=order.performance, ticket=order.ticket, pictures_FHWC=None, error=reason)]


def _done(stage: Stage, command: Join | Leave | Save) -> bytes:
    match command:
        case Join():
            saved = command.saved
            if isinstance(saved, Path):
                saved = saved.read_bytes() if saved.exists() else None
            if saved is None:
                stage.join(command.performance, command.role)
            else:
                stage.restore(command.performance, saved)
        case Leave():
            stage.leave(command.performance)
            command.path.unlink(missing_ok=True)
        case Save():
            saved = stage.save(command.performance)
            if command.path is None:
                return saved
            aside = command.path.with_suffix(".part")
            aside.write_bytes(saved)
            aside.replace(command.path)
    return b""
