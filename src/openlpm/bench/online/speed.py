"""Frames a second on two cores, everything included, and evaluations of the transformer a chunk."""

import time
from collections.abc import Sequence
from typing import Any, final

import numpy as np
import torch
from torch import nn

from openlpm.bench import statistics
from openlpm.bench.online.process import AVX2, Job, measured
from openlpm.bench.online.served import served, stream_of, told_online, warm_chunks
from openlpm.bench.result import Bar, Row
from openlpm.bench.statistics import Estimate
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.rollout.online import OnlineConfig

NAME, BAR = "fps_cpu_2_cores", Bar(at_least=30.0)
LAPTOP, LAPTOP_BAR = f"{NAME}_avx2/laptop", Bar(at_least=24.0)
NFE, NFE_BAR = "nfe", Bar(at_most=3.0)


def speed_rows(folder: str, online: OnlineConfig | None, *, seconds: float, warm: int | None = None) -> list[Row]:
    """Here, held to AVX2, and so as a laptop streams; from so many seconds of video each, after ``warm`` chunks.

    None are as many as fill the memory.
    """

    def run(environment: dict[str, str], *, laptop: bool = False) -> dict[str, Any]:
        told = told_online(online)
        return measured(Job.SPEED, environment, folder=folder, online=told, laptop=laptop, seconds=seconds, warm=warm)

    plain, old, laptop = run({}), run(AVX2), run(AVX2, laptop=True)
    return [
        Row.of(NAME, _rate(plain), unit="fps", bar=BAR),
        Row.of(f"{NAME}_avx2", _rate(old), unit="fps"),
        Row.of(LAPTOP, _rate(laptop), unit="fps", bar=LAPTOP_BAR),
        Row.of(NFE, Estimate.single(plain["nfe"]), bar=NFE_BAR),
        Row.of(f"{NFE}/laptop", Estimate.single(laptop["nfe"])),
    ]


def work(
    *, folder: str, online: dict[str, Any] | None, laptop: bool, seconds: float, warm: int | None
) -> dict[str, Any]:
    """The job: stream one character, from sound and words to 8-bit pictures, and time every chunk."""
    model = served(folder, online, laptop=laptop)
    stream = stream_of(model, 1)
    for _ in range(warm_chunks(model) if warm is None else warm):
        stream.next_chunk()
    chunks = max(round(seconds * FRAME_RATE_HZ / stream.frames_per_chunk), 2)
    evaluations = Evaluations(model.streaming_networks())
    spent: list[float] = []
    for _ in range(chunks):
        started = time.perf_counter()
        (stream.next_chunk()[0] * 255).round().to(torch.uint8).numpy()
        spent.append(time.perf_counter() - started)
    return {"frames": stream.frames_per_chunk, "seconds": spent, "nfe": evaluations.count / chunks}


@final
class Evaluations:
    """Counts how often any of some modules is evaluated from now on."""

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        self.count = 0
        for module in modules:
            module.register_forward_hook(self._count)

    def _count(self, *_: object) -> None:
        self.count += 1


def _rate(found: dict[str, Any]) -> Estimate:
    """Frames a second by the median chunk."""
    return statistics.per(found["frames"], statistics.median(np.array(found["seconds"])))
