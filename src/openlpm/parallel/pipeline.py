"""Stages side by side: while one device refines a chunk, the next chunk is made on another and the last is decoded."""

import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from queue import Empty, Full, Queue
from typing import Any, final

import torch

Work = Callable[[Any], Any]
_WAIT_S = 0.05


@final
@dataclass(frozen=True, slots=True)
class Stage:
    """Work on one device; on a GPU it has a stream of its own, and is done when that is."""

    work: Work
    device: torch.device


@final
@dataclass(frozen=True, slots=True)
class _Failure:
    error: BaseException


_END = object()


def pipelined(stages: Sequence[Stage], items: Iterable[Any], *, depth: int = 1) -> Generator[Any]:
    """Every item through all stages, in order; each stage is a thread and works on one item at a time.

    At most ``depth`` items wait between two stages, so what is made early does not pile up. An error in a stage is
    raised here, and all threads end; they end as well when the caller stops early.
    """
    queues: list[Queue[Any]] = [Queue(maxsize=depth) for _ in range(len(stages) + 1)]
    stopped = threading.Event()
    threads = [threading.Thread(target=_feed, args=(items, queues[0], stopped), daemon=True)]
    threads += [
        threading.Thread(target=_serve, args=(stage, queues[number], queues[number + 1], stopped), daemon=True)
        for number, stage in enumerate(stages)
    ]
    for thread in threads:
        thread.start()
    try:
        while (item := _take(queues[-1], stopped)) is not _END:
            if isinstance(item, _Failure):
                raise item.error
            yield item
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


def _feed(items: Iterable[Any], out: "Queue[Any]", stopped: threading.Event) -> None:
    try:
        for item in items:
            if not _put(out, item, stopped):
                return
        _put(out, _END, stopped)
    except BaseException as error:  # noqa: BLE001 (the boundary of a thread: whoever waits gets it)
        _put(out, _Failure(error), stopped)


def _serve(stage: Stage, given: "Queue[Any]", out: "Queue[Any]", stopped: threading.Event) -> None:
    try:
        with torch.inference_mode(), _stream(stage.device):
            while (item := _take(given, stopped)) is not _END:
                if isinstance(item, _Failure):
                    _put(out, item, stopped)
                    return
                made = stage.work(item)
                if stage.device.type == "cuda":
                    torch.cuda.current_stream(stage.device).synchronize()
                if not _put(out, made, stopped):
                    return
        _put(out, _END, stopped)
    except BaseException as error:  # noqa: BLE001 (as above)
        _put(out, _Failure(error), stopped)


def _stream(device: torch.device) -> Any:
    return torch.cuda.stream(torch.cuda.Stream(device)) if device.type == "cuda" else torch.no_grad()


def _put(queue: "Queue[Any]", item: Any, stopped: threading.Event) -> bool:
    while not stopped.is_set():
        try:
            queue.put(item, timeout=_WAIT_S)
        except Full:
            continue
        return True
    return False


def _take(queue: "Queue[Any]", stopped: threading.Event) -> Any:
    while not stopped.is_set():
        try:
            return queue.get(timeout=_WAIT_S)
        except Empty:
            continue
    return _END
