"""Work recorded as CUDA graphs: thousands of small kernels launched as one, at the price of fixed shapes.

A step of a small model is bound by the host that launches it: on an H200 nano's step took 150 ms for 40 ms of
arithmetic. Recorded, it costs what the arithmetic costs.
"""

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, final

import torch
from torch import Tensor

Tensors = dict[str, Tensor]

_EAGER_CALLS = 2
"""Calls of a key before it is recorded: the first compiles, the second finds everything warm."""


def tensors_of(batch: Any) -> tuple[Tensors, Hashable]:
    """A batch (a dataclass, perhaps of dataclasses) as tensors, which change, and the rest, which names a recording."""
    tensors: Tensors = {}
    rest: list[tuple[str, Hashable]] = []
    for field in fields(batch):
        value = getattr(batch, field.name)
        if isinstance(value, Tensor):
            tensors[field.name] = value
        elif is_dataclass(value) and any(isinstance(getattr(value, each.name), Tensor) for each in fields(value)):
            inner, key = tensors_of(value)
            tensors |= {f"{field.name}.{name}": tensor for name, tensor in inner.items()}
            rest.append((field.name, key))
        else:
            rest.append((field.name, value))
    shapes = tuple((name, tuple(value.shape)) for name, value in tensors.items())
    return tensors, (shapes, tuple(rest))


def with_tensors(batch: Any, given: Tensors) -> Any:
    """The batch with other tensors, named as by ``tensors_of``."""
    changed: dict[str, Any] = {name: tensor for name, tensor in given.items() if "." not in name}
    for name in {name.split(".")[0] for name in given if "." in name}:
        inner = {key.removeprefix(f"{name}."): tensor for key, tensor in given.items() if key.startswith(f"{name}.")}
        changed[name] = with_tensors(getattr(batch, name), inner)
    return replace(batch, **changed)


@final
@dataclass(frozen=True, slots=True)
class _Recording:
    graph: torch.cuda.CUDAGraph
    given: Tensors
    results: Tensors


@final
class Recorder:
    """Runs work eagerly while it is new, then records it, then replays it; every call happens exactly once.

    Work may use the device's random generator (a replay draws from its current seed and offset) and may change tensors
    that outlive it in place. It must not wait for the device, nor allocate what it keeps.
    """

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()
        self._calls: Counter[Hashable] = Counter()
        self._recordings: dict[Hashable, _Recording] = {}

    def run(self, key: Hashable, work: Callable[[Tensors], Tensors], given: Tensors) -> Tensors:
        """The results of ``work(given)``; two calls with one key must do the same to tensors of the same shapes."""
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            results = self._run(key, work, given)
        torch.cuda.current_stream().wait_stream(self._stream)
        return results

    def _run(self, key: Hashable, work: Callable[[Tensors], Tensors], given: Tensors) -> Tensors:
        self._calls[key] += 1
        if self._calls[key] <= _EAGER_CALLS:
            return work(given)
        if key not in self._recordings:
            self._recordings[key] = self._record(work, given)
        recording = self._recordings[key]
        for name, tensor in recording.given.items():
            tensor.copy_(given[name])
        recording.graph.replay()
        return {name: result.clone() for name, result in recording.results.items()}

    def _record(self, work: Callable[[Tensors], Tensors], given: Tensors) -> _Recording:
        kept = {name: tensor.clone() for name, tensor in given.items()}
        graph = torch.cuda.CUDAGraph()
        # Other threads (NCCL's watchdog) go on asking the device for its state meanwhile.
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"):
            results = work(kept)
        return _Recording(graph, kept, results)
