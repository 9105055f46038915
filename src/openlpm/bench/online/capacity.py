"""How many streams one accelerator makes at once at 24 frames a second, and how fast each is by their number."""

import time
from collections.abc import Callable

import numpy as np
import torch

from openlpm.bench import statistics
from openlpm.bench.online.served import stream_of, warm_chunks
from openlpm.bench.result import Row
from openlpm.bench.statistics import Estimate
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.rollout.assembly import CharacterModel

NAME, AIM = "streams_24fps_1xH200", "aim >= 256"
HERE = "streams_24fps_here"
"""The same of whatever device this is."""
_MOST = 1024
_CHUNKS = 12


def capacity_rows(
    model: CharacterModel,
    *,
    most: int = _MOST,
    chunks: int = _CHUNKS,
    warm: int | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[Row]:
    """The batch curve from 1 on, doubled until a stream is slower than it is watched, and where 24 fps are crossed.

    Everything that a chunk takes is in it: sound and its encoders, noise, transformer, decoder; pictures stay on the
    device. Memory that runs out ends the curve.
    """
    curve: list[tuple[int, Estimate]] = []
    batch = 1
    while batch <= most:
        on_progress(batch, most)
        try:
            rate = _rate(model, batch, chunks, warm_chunks(model) if warm is None else warm)
        except torch.OutOfMemoryError:
            break
        curve.append((batch, rate))
        if rate.value < FRAME_RATE_HZ:
            break
        batch *= 2
    on_progress(most, most)
    number = Estimate.single(float(crossing(curve)), n=len(curve))
    is_h200 = model.device.type == "cuda" and "H200" in torch.cuda.get_device_name(model.device)
    first = Row.of(NAME, number) if is_h200 else Row(name=NAME, value=None, n=0)
    return [
        Row(name=NAME, value=first.value, n=first.n, bar=AIM),
        Row.of(HERE, number),
        *[Row.of(f"{HERE}/fps_of_each_of_{batch}", rate, unit="fps") for batch, rate in curve],
    ]


def crossing(curve: list[tuple[int, Estimate]]) -> int:
    """Most streams that all have 24 fps, between two measured numbers by their times a chunk; 0 if one has not."""
    fits = 0
    for (batch, rate), after in zip(curve, [*curve[1:], None], strict=True):
        if rate.value < FRAME_RATE_HZ:
            break
        fits = batch
        if after is not None and after[1].value < FRAME_RATE_HZ:
            quick, slow, limit = 1 / rate.value, 1 / after[1].value, 1 / FRAME_RATE_HZ
            fits = batch + int((after[0] - batch) * (limit - quick) / (slow - quick))
    return fits


def _rate(model: CharacterModel, batch: int, chunks: int, warm: int) -> Estimate:
    """Frames a second of each stream."""
    stream = stream_of(model, batch)
    spent: list[float] = []
    for _ in range(warm + chunks):
        started = time.perf_counter()
        stream.next_chunk()
        if model.device.type == "cuda":
            torch.cuda.synchronize(model.device)
        spent.append(time.perf_counter() - started)
    found = statistics.median(np.array(spent[-chunks:]))
    return statistics.per(stream.frames_per_chunk, found)
