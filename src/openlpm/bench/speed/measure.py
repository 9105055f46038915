"""Running a stream against the clock: on one device or two in this process, on more in one process each."""

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, final

import torch
from torch import Tensor

from openlpm.bench.speed.ceilings import Ceilings, measure_ceilings, median_s, synchronise
from openlpm.bench.speed.parts import PartTimes, part_times
from openlpm.bench.speed.setting import Attention, Plan, SpeedSetting, Way
from openlpm.bench.speed.stream import SpeedStream
from openlpm.parallel.attention_choice import fastest_attention
from openlpm.parallel.narrow import relative_difference
from openlpm.parallel.pipeline import Stage, pipelined

_WARM_CHUNKS = 3
_LATE_CHUNKS = 8
_ERROR_S = 10.0
Report = Callable[[str, int, int], None]


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """How long, and how."""

    seconds: float = 60.0
    way: Way = Way.KERNELS
    recorded: bool = False
    """A chunk as one launch (CUDA graphs), for plan one and columns."""
    parts: bool = True
    """Also where the time goes, beside what the device can do at best."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """Raw numbers of one setting."""

    chunk_s: tuple[float, ...]
    """Seconds from one chunk's pictures to the next's."""
    first_frame_s: tuple[float, ...]
    """Seconds from a chunk's sound being complete to its pictures on the host, nothing else going on."""
    stage_s: dict[str, float]
    """Median seconds of each step alone."""
    late_ratio: float
    """Cost of a chunk at minute 60 over that at minute 1."""
    memory_bytes: tuple[int, int]
    """The most that was allocated on the last device, up to minute 1 and up to minute 60."""
    ready_s: dict[str, float] = field(default_factory=dict[str, float])
    """Seconds until networks and memories were there, and that the first chunk took, compiling included."""
    ceilings: Ceilings | None = None
    parts: PartTimes | None = None
    fp8_error: float | None = None


def measure(setting: SpeedSetting, devices: tuple[torch.device, ...], wishes: Wishes, report: Report) -> Measured:
    """All numbers of a setting that runs in this process (plans one and stages)."""
    with fastest_attention(devices[0]):  # once, for all threads
        return _measure(setting, devices, wishes, report)


def _measure(setting: SpeedSetting, devices: tuple[torch.device, ...], wishes: Wishes, report: Report) -> Measured:
    report("ceilings", 0, 1)
    ceilings = measure_ceilings(setting, devices[0], dtype_on(devices[0])) if wishes.parts else None
    report("ceilings", 1, 1)
    report("networks", 0, 1)
    began = time.perf_counter()
    stream = SpeedStream(setting, devices[0], devices[-1], dtype_on(devices[0]))
    stream.quicken(wishes.way)
    if wishes.recorded:
        stream.record()
    synchronise(devices[-1])
    made = time.perf_counter()
    report("networks", 1, 1)
    with torch.inference_mode():
        _whole(stream)
        ready = {"networks": made - began, "first_chunk": time.perf_counter() - made}
        for number in range(_WARM_CHUNKS):
            _whole(stream)
            report("warming up", number + 1, _WARM_CHUNKS)
    found = timed(stream, wishes, report)
    parts = None
    if wishes.parts:
        with torch.inference_mode():
            parts = part_times(lambda: stream.refine(stream.draft(stream.hear(stream.sound()))), devices[0])
    return Measured(**found, ready_s=ready, ceilings=ceilings, parts=parts)


def fp8_error(setting: SpeedSetting, devices: tuple[torch.device, ...], wishes: Wishes, report: Report) -> float:
    """Relative difference of the latents to those in bf16 after ten seconds of the same stream, one after the other."""
    chunks = max(2, round(_ERROR_S / setting.chunk_s))
    made: list[Tensor] = []
    with fastest_attention(devices[0]):
        for number, each in enumerate((setting, replace(setting, fp8=False, attention=Attention.CUDNN))):
            report("error of 8 bits", number, 2)
            stream = SpeedStream(each, devices[0], devices[-1], dtype_on(devices[0]))
            stream.quicken(wishes.way)
            with torch.inference_mode():
                made.append(_latents(stream, chunks))
            del stream  # the other finds the room
            release(devices)
    report("error of 8 bits", 2, 2)
    return relative_difference(*made)


def dtype_on(device: torch.device) -> torch.dtype:
    """In what is computed where there are no 8 bits."""
    return torch.bfloat16 if device.type == "cuda" else torch.float32


def release(devices: tuple[torch.device, ...]) -> None:
    """Give back what nobody holds any more, and forget what was compiled for its shapes."""
    gc.collect()
    torch.compiler.reset()
    for device in devices:
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats()


def timed(stream: SpeedStream, wishes: Wishes, report: Report) -> dict[str, Any]:
    """What the clock says of a stream that is warm."""
    setting, last = stream.setting, stream.last
    with torch.inference_mode():
        first = tuple(_latency(stream) for _ in range(5))
        report("first frames", 1, 1)
        steps = _step_times(stream)
        report("steps", 1, 1)
    chunks = max(4, round(wishes.seconds / setting.chunk_s))
    spent: list[float] = []
    before = time.perf_counter()
    for number, _ in enumerate(_running(stream, chunks + 2)):
        now = time.perf_counter()
        spent.append(now - before)
        before = now
        report("streaming", number + 1, chunks + 2)
    early_bytes = _most_allocated(last)
    stream.skip_to_minute(60)
    with torch.inference_mode():
        late = _median([_latency(stream) for _ in range(_LATE_CHUNKS)])
        stream.skip_to_minute(1)
        early = _median([_latency(stream) for _ in range(_LATE_CHUNKS)])
    return {
        "chunk_s": tuple(spent[2:]),  # the pipeline fills
        "first_frame_s": first,
        "stage_s": steps,
        "late_ratio": late / early,
        "memory_bytes": (early_bytes, _most_allocated(last)),
    }


def _running(stream: SpeedStream, chunks: int) -> Iterator[Tensor]:
    """Pictures of chunk after chunk, steps side by side as the plan says."""
    hear, show = Stage(stream.hear, stream.last), Stage(stream.show, stream.last)
    if stream.setting.plan is Plan.STAGES:
        between = [
            Stage(stream.draft, stream.first),
            Stage(lambda draft: stream.refine(draft).latents_BCTHW, stream.last),
        ]
    else:
        between = [Stage(stream.make, stream.first)]
    yield from pipelined([hear, *between, show], (stream.sound() for _ in range(chunks)))


def _whole(stream: SpeedStream) -> Tensor:
    return stream.show(stream.make(stream.hear(stream.sound())))


def _latency(stream: SpeedStream) -> float:
    sound = stream.sound()
    synchronise(stream.first)
    synchronise(stream.last)
    started = time.perf_counter()
    stream.show(stream.make(stream.hear(sound)))
    return time.perf_counter() - started


def _step_times(stream: SpeedStream) -> dict[str, float]:
    sound = stream.sound()
    heard = stream.hear(sound)
    draft = stream.draft(heard)
    latents_BCTHW = stream.refine(draft).latents_BCTHW
    if stream.split is not None:
        latents_BCTHW = stream.split.joined(latents_BCTHW)
    return {
        "hear": median_s(lambda: stream.hear(sound), stream.last, 5),
        "draft": median_s(lambda: stream.draft(heard), stream.first, 5),
        "refine": median_s(lambda: stream.refine(draft), stream.last, 5),
        "show": median_s(lambda: stream.show(latents_BCTHW), stream.last, 5),
    }


def _latents(stream: SpeedStream, chunks: int) -> Tensor:
    """Latents of a stream from its beginning, on the host."""
    made = [stream.refine(stream.draft(stream.hear(stream.sound()))).latents_BCTHW.float().cpu() for _ in range(chunks)]
    return torch.cat(made, dim=2) if made else torch.zeros(1)


def _most_allocated(device: torch.device) -> int:
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
