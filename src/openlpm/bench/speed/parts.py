"""Where the time of a chunk goes, as the profiler sees it: products, attention and all the rest."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

_ATTENTION = re.compile(r"flash|fa3|fmha|sdpa|scaled_dot_product|attention|cudnn_generated", re.IGNORECASE)
_GEMM = re.compile(r"gemm|nvjet|scaled_mm|addmm|aten::(mm|bmm|linear)\b|xmma|cublas|mkldnn_linear", re.IGNORECASE)

_LARGEST = 40


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class PartTimes:
    """Seconds of the device."""

    gemm: float
    attention: float
    rest: float
    largest: tuple[tuple[str, float, int], ...] = ()
    """Kernels that take most: name, seconds, how often."""

    @property
    def total(self) -> float:
        """All of it, without pauses."""
        return self.gemm + self.attention + self.rest


def part_times(work: Callable[[], object], device: torch.device, repeats: int = 2) -> PartTimes:
    """Mean over a few runs of a piece of work."""
    gpu = device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if gpu else [])]
    with profile(activities=activities) as seen:
        for _ in range(repeats):
            work()
        if gpu:
            torch.cuda.synchronize(device)
    found = {"gemm": 0.0, "attention": 0.0, "rest": 0.0}
    kernels: list[tuple[str, float, int]] = []
    for event in seen.key_averages():
        if getattr(event, "is_user_annotation", False):  # a stretch of time with a name, whose kernels stand apart
            continue
        spent = _seconds(event, gpu=gpu) / repeats
        found[kind_of(event.key)] += spent
        kernels.append((event.key, spent, event.count // repeats))
    largest = sorted(kernels, key=lambda kernel: -kernel[1])[:_LARGEST]
    return PartTimes(**found, largest=tuple(largest))


def kind_of(name: str) -> str:
    """Of a kernel, or of an operation of the CPU."""
    if name.startswith("triton_"):  # the compiler's own kernels bear the names of whatever they stand beside
        return "rest"
    if _ATTENTION.search(name):
        return "attention"
    return "gemm" if _GEMM.search(name) else "rest"


def _seconds(event: Any, *, gpu: bool) -> float:
    """Of kernels alone on a GPU: what launched them counts for the host."""
    if not gpu:
        return 1e-6 * event.self_cpu_time_total
    return 1e-6 * event.self_device_time_total if event.device_type == DeviceType.CUDA else 0.0
