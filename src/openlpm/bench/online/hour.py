"""An hour of a stream in simulated time: does a chunk cost at the end what it cost in the beginning?

A narrow twin of the model streams the whole hour as fast as it can, through all that a stream is made of: memories,
decoder, sound and noise. What grows does so in the twin too, and there is less to hide it. That the
model itself costs the same far into a stream is seen by two streams that take turns, one of which was moved there.
"""

import gc
import math
import os
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.bench import statistics
from openlpm.bench.online.process import Job, measured
from openlpm.bench.online.served import anybody, served, stream_of, told_online, warm_chunks
from openlpm.bench.result import Bar, Row
from openlpm.bench.statistics import Estimate
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.rollout.assembly import CharacterModel
from openlpm.rollout.online import OnlineConfig
from openlpm.rollout.stream import OnlineStream
from openlpm.vae.config import StageConfig

COST, COST_BAR = "cost_ratio_minute60", Bar(at_least=0.95, at_most=1.05)
MEMORY, MEMORY_BAR = "memory_slope_mib_per_h", Bar(at_least=-4.0, at_most=4.0)
_WARM_SHARE = 1 / 6
_SIZE = 64


def hour_rows(
    folder: str, online: OnlineConfig | None, *, minutes: float, chunks: int, warm: int | None = None
) -> list[Row]:
    """Cost and memory of the twin over so many simulated ``minutes``, and cost of the model itself by ``chunks``."""
    found = measured(Job.HOUR, folder=folder, online=told_online(online), minutes=minutes, chunks=chunks, warm=warm)
    minute_M, memory_M = np.array(found["minute"]), np.array(found["mib"])
    settled = minute_M >= minutes * _WARM_SHARE
    early, late = np.array(found["early_s"]), np.array(found["late_s"])
    moved_early, moved_late = np.array(found["near_s"]), np.array(found["far_s"])
    return [
        Row.of(COST, statistics.ratio_of_medians(late, early), bar=COST_BAR),
        Row.of(f"{COST}/full_size", statistics.ratio_of_medians(moved_late, moved_early), bar=COST_BAR),
        Row.of(MEMORY, memory_slope(minute_M[settled], memory_M[settled]), unit="MiB/h", bar=MEMORY_BAR),
    ]


def memory_slope(minute_M: NDArray[np.float64], mib_M: NDArray[np.float64]) -> Estimate:
    """Least-squares slope an hour, with an interval from the slopes between neighbouring fifths of the time.

    NaN where memory is not known, which is no proof that it does not grow.
    """
    if not np.isfinite(mib_M).all():
        return Estimate.single(math.nan, n=0)
    hours_M = minute_M / 60
    value = float(np.polyfit(hours_M, mib_M, 1)[0])
    parts = [part for part in np.array_split(np.arange(hours_M.shape[0]), 5) if part.size > 1]
    if len(parts) < 5:
        return Estimate.single(value, n=hours_M.shape[0])
    middle = [(float(hours_M[part].mean()), float(mib_M[part].mean())) for part in parts]
    steps = np.array([(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(middle)])
    reach = statistics.student_quantile(0.975, steps.size - 1) * float(steps.std(ddof=1)) / steps.size**0.5
    return Estimate(value=value, low=value - reach, high=value + reach, n=hours_M.shape[0])


def work(
    *, folder: str, online: dict[str, Any] | None, minutes: float, chunks: int, warm: int | None
) -> dict[str, Any]:
    """The job."""
    model = served(folder, online)
    near_s, far_s = _side_by_side(model, minutes, chunks, warm_chunks(model) if warm is None else warm)
    narrow_model = twin(model)
    del model
    gc.collect()
    torch.set_num_threads(1)  # layers this narrow only wait for one another, for long where a core is busy elsewhere
    return {**_through(stream_of(narrow_model, 1), minutes), "near_s": near_s, "far_s": far_s}


def twin(model: CharacterModel) -> CharacterModel:
    """A model of the same kind that streams in the same way, narrow and with small pictures."""
    config = model.config
    stages = tuple(StageConfig(width=width, blocks=1) for width in (8, 16, 16))
    dit = replace(config.dit, width=48, num_layers=2, num_heads=2, ffn_width=64, freq_width=32)
    vae = replace(config.vae, encoder=stages, decoder=stages)
    made = CharacterModel(replace(config, name=f"{config.name} twin", dit=dit, vae=vae, picture_size=_SIZE))
    return made.eval().requires_grad_(requires_grad=False)


def _through(stream: OnlineStream, minutes: float) -> dict[str, Any]:
    """Every chunk of so many minutes: the times of the first minute and of the last, and the memory all along."""
    frames = stream.frames_per_chunk
    total = round(minutes * 60 * FRAME_RATE_HZ / frames)
    a_minute = max(round(total / minutes), 1) if minutes >= 2 else total // 2
    for _ in range(warm_chunks(stream.model)):
        stream.next_chunk()
    early: list[float] = []
    late: list[float] = []
    at: list[float] = []
    mib: list[float] = []
    for number in range(total):
        started = time.perf_counter()
        stream.next_chunk()
        spent = time.perf_counter() - started
        if number < a_minute:
            early.append(spent)
        if number >= total - a_minute:
            late.append(spent)
        if number % max(a_minute // 4, 1) == 0:
            at.append(number * frames / (60 * FRAME_RATE_HZ))
            mib.append(resident_mib())
    return {"minute": at, "mib": mib, "early_s": early, "late_s": late}


def _side_by_side(model: CharacterModel, minutes: float, chunks: int, warm: int) -> tuple[list[float], list[float]]:
    """Seconds of chunks of the model at its beginning and, in turn, of another stream that stands ``minutes`` later."""
    near, far = stream_of(model, 1), stream_of(model, 1)
    for _ in range(warm):
        near.next_chunk()
    saved = near.snapshot(0)
    later = saved.next_frame + round(minutes * 60 * FRAME_RATE_HZ / model.config.vae.frames_per_latent)
    far.join(0, anybody(model))
    far.restore(0, replace(saved, next_frame=later))
    spent: dict[str, list[float]] = {"near": [], "far": []}
    for number in range(2 * (chunks + 1)):
        name, stream = ("near", near) if number % 2 else ("far", far)
        started = time.perf_counter()
        stream.next_chunk()
        spent[name].append(time.perf_counter() - started)
    return spent["near"][1:], spent["far"][1:]


def resident_mib() -> float:
    """Memory that the process occupies; NaN where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return math.nan
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
