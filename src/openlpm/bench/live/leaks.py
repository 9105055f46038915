"""What is left of streams that have come and gone: in the server, and in the stage that makes their pictures."""

import asyncio
import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch

from openlpm.bench.live.doomed import doomed
from openlpm.bench.live.host import Host
from openlpm.bench.live.rows import count
from openlpm.bench.live.visitor import visiting
from openlpm.bench.result import Bar, Row
from openlpm.bench.statistics import Estimate, student_quantile
from openlpm.core.units import samples_at_frame
from openlpm.dit.condition import ReferenceKind
from openlpm.engine.orders import Order, Role
from openlpm.engine.stage import ModelStage, StageConfig
from openlpm.rollout.request import Reference

_STREAM_S: Final = 1.2
"""From one stream to the next: as fast as the server lets one address come."""
_KILLED: Final = 10
"""Every so manieth visitor is killed in the middle of a picture."""
_SETTLES_S: Final = 30.0
_LOOKS: Final = 20
_WARM: Final = 0.3
"""Share of the streams after which memory should no longer rise."""


@final
@dataclass(slots=True)
class Leaks:
    """What a server holds after streams have come and gone."""

    tasks: int
    descriptors: int
    threads: int
    streams: int
    memory: list[tuple[int, float]]
    """How many streams there had been, and the MiB that the server held then."""


async def come_and_go(host: Host, count: int, report: Callable[[str, int, int], None]) -> Leaks:
    """Open and leave so many streams: some before their first picture is read, some by a process that is killed."""
    async with visiting(host):
        await asyncio.sleep(1.0)
    await asyncio.sleep(2.0)
    before = _held(host)
    memory: list[tuple[int, float]] = []
    for number in range(count):
        next_s = time.monotonic() + _STREAM_S
        if number % _KILLED == _KILLED // 2:
            async with doomed(host):
                pass
        else:
            async with visiting(host):
                await asyncio.sleep(0.0 if number % 3 else 0.3)
        await asyncio.sleep(max(next_s - time.monotonic(), 0.0))
        if number % max(count // _LOOKS, 1) == 0:
            memory.append((number, host.memory_bytes() / 2**20))
            report("streams", number, count)
    give_up_s = time.monotonic() + _SETTLES_S
    left = _left(host, before)
    while max(left) > 0 and time.monotonic() < give_up_s:
        await asyncio.sleep(0.5)
        left = _left(host, before)
    tasks, descriptors, threads = left
    return Leaks(tasks, descriptors, threads, int(host.metric("sessions")), memory)


def _left(host: Host, before: tuple[int, int, int]) -> tuple[int, int, int]:
    tasks, descriptors, threads = (now - was for now, was in zip(_held(host), before, strict=True))
    return tasks, descriptors, threads


def _held(host: Host) -> tuple[int, int, int]:
    """Tasks, files and sockets, threads; the question for tasks is itself a socket for a moment, so it comes last."""
    descriptors, threads = host.descriptors(), host.threads()
    return int(host.metric("tasks")), descriptors, threads


async def stream_rows(host: Host, streams: int, report: Callable[[str, int, int], None]) -> list[Row]:
    """What the server keeps of streams that are over."""
    leaks = await come_and_go(host, streams, report)
    return [
        count("leaked_tasks", leaks.tasks, streams, Bar(at_most=0)),
        count("leaked_ports", leaks.descriptors, streams, Bar(at_most=0)),
        count("leaked_threads", leaks.threads, streams, Bar(at_most=0)),
        count("leaked_sessions", leaks.streams, streams, Bar(at_most=0)),
        Row.of("memory_mib_a_stream", slope(leaks.memory), unit="MiB"),
    ]


def slope(memory: list[tuple[int, float]]) -> Estimate:
    """MiB a stream by least squares, once the server is warm, with the interval of a line's slope."""
    warm = memory[round(_WARM * len(memory)) :]
    if len(warm) < 3:
        return Estimate.single(float("nan"), n=len(warm))
    x_K, y_K = (np.array(each, np.float64) for each in zip(*warm, strict=True))
    x_K = x_K - x_K.mean()
    value = float(x_K @ (y_K - y_K.mean()) / (x_K @ x_K))
    left_K = y_K - y_K.mean() - value * x_K
    error = float(np.sqrt(left_K @ left_K / (len(warm) - 2) / (x_K @ x_K)))
    reach = student_quantile(0.975, len(warm) - 2) * error
    return Estimate(value=value, low=value - reach, high=value + reach, n=len(warm))


def tensor_rows(streams: int, config: StageConfig, report: Callable[[str, int, int], None]) -> list[Row]:
    """Tensors of a stage that are left after streams have come and gone, some in the middle of a snapshot."""
    stage = ModelStage(config)
    picture_HWC = np.full((stage.facts.size, stage.facts.size, 3), 128, np.uint8)
    role = Role(references=(Reference(kind=ReferenceKind.GLOBAL, picture_HWC=picture_HWC),))
    _perform(stage, role, 0)
    before = _tensors()
    for number in range(streams):
        report("tensors", number, streams)
        _perform(stage, role, number)
    return [count("leaked_tensors", _tensors() - before, streams, Bar(at_most=0))]


def _perform(stage: ModelStage, role: Role, number: int) -> None:
    """One stream: it is joined, makes a chunk, is saved and restored, or none of these, and leaves."""
    facts, name = stage.facts, f"stream-{number}"
    stage.join(name, role)
    end = samples_at_frame(facts.chunk_frames)
    if number % 3 == 0:
        stage.make(
            [
                Order.silent(
                    name,
                    number,
                    speak=end + facts.speak_ahead,
                    listen=end + facts.listen_ahead,
                    num_frames=facts.chunk_frames,
                )
            ]
        )
    if number % 6 == 0:
        saved = stage.save(name)
        stage.leave(name)
        stage.restore(name, saved)
    stage.leave(name)


def _tensors() -> int:
    gc.collect()
    return sum(isinstance(each, torch.Tensor) for each in gc.get_objects())
