"""The process in which one stage works on one record at a time, with a limit to the memory that it can ask for.

A hostile file may make a decoder ask for all memory there is, crash, or never end. Only this process suffers.
"""

import ctypes
import logging
import os
import resource
import signal
import sys
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, final

from openlpm.core.errors import ConfigError, OpenLPMError, WeightsError
from openlpm.data.records import Record, read_line
from openlpm.data.registry import load
from openlpm.data.stage import Parcel, RawFiles, Stage, seconds_of

_MIB = 1024 * 1024
_DIE_WITH_PARENT = 1
"""``PR_SET_PDEATHSIG`` of Linux."""

_LOG = logging.getLogger(__name__)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """What a worker is to do, all through its life."""

    place: str
    """The stage, as ``module:attribute``."""
    config: Any
    raw: RawFiles
    memory_mib: int
    """Address space; 0 sets no limit."""

    def stage(self) -> Stage:
        """The stage itself."""
        return load(self.place)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """What a worker made of one input; records as lines."""

    lines: tuple[str, ...]
    cpu_s: float
    media_s: float
    contents: tuple[tuple[str, bytes], ...] = ()
    """What parcels hold, by the names of their records."""


def serve(channel: Connection, task: Task) -> None:
    """Answer every line that comes with what became of it; ends when nobody is left to answer to."""
    _die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OMP_NUM_THREADS"] = "1"
    stage = task.stage()
    if task.memory_mib:
        resource.setrlimit(resource.RLIMIT_AS, (task.memory_mib * _MIB, task.memory_mib * _MIB))
    while True:
        try:
            line = channel.recv()
        except EOFError:
            return
        try:
            channel.send(work_on(stage, task, read_line(line)))
        except OSError:  # nobody listens any more
            return


def work_on(stage: Stage, task: Task, record: Record) -> Done | ConfigError:
    """One record through the stage; whatever the stage raises, only that record suffers.

    A missing package or weights that do not fit are no fault of the record: they are given back, to end the run.
    """
    begun = time.process_time()
    contents: tuple[tuple[str, bytes], ...] = ()
    try:
        whole = stage.work(record, task.config, task.raw)
        contents = tuple((each.record.id, each.content) for each in whole if isinstance(each, Parcel))
        made = tuple(each.record if isinstance(each, Parcel) else each for each in whole)
    except ConfigError as error:
        return error
    except WeightsError as error:
        return ConfigError(str(error))
    except MemoryError:
        made = (record.set_aside(stage.name, f"{stage.name}.memory"),)
    except OpenLPMError:
        made = (record.set_aside(stage.name, f"{stage.name}.unreadable"),)
    except Exception as error:  # noqa: BLE001 (the process boundary)
        # FFmpeg reports that an allocation failed as an error of its own kind.
        memory = isinstance(error, OSError) and error.errno == 12
        reason = "memory" if memory or "alloc" in str(error).lower() else f"error_{type(error).__name__}"
        _LOG.warning("a stage failed", extra={"stage": stage.name, "record": record.id, "reason": reason})
        made = (record.set_aside(stage.name, f"{stage.name}.{reason}"),)
    seconds = seconds_of(record) or max((seconds_of(each) for each in made), default=0.0)
    lines = tuple(each.line() for each in made)
    return Done(lines=lines, cpu_s=time.process_time() - begun, media_s=seconds, contents=contents)


def _die_with_parent() -> None:
    """Ask Linux to end this process with the one that started it, even if that is killed."""
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
