"""What this device can do at best, measured in the run that is judged by it: products, attention, copies."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from torch import nn

from openlpm.bench.speed.setting import Attention, SpeedSetting
from openlpm.nn.attention import attention
from openlpm.nn.fp8 import Fp8Linear, quantised
from openlpm.nn.narrow_attention import flash_attention, narrow_attention, narrowed
from openlpm.parallel.attention_choice import fastest_attention

_REPEATS = 10


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Ceilings:
    """Operations a second, and bytes a second."""

    gemm: float
    """The largest rate among the shapes of a block, in the arithmetic of the setting."""
    gemm_bf16: float
    attention: float
    copy_bytes: float


def measure_ceilings(setting: SpeedSetting, device: torch.device, dtype: torch.dtype) -> Ceilings:
    """Alone on the device, at the shapes of the setting."""
    with torch.inference_mode():
        wide = max(_gemm(setting, device, dtype, fp8=False))
        return Ceilings(
            gemm=max(_gemm(setting, device, dtype, fp8=True)) if setting.fp8 else wide,
            gemm_bf16=wide,
            attention=_attention(setting, device, dtype),
            copy_bytes=_copy(device),
        )


def median_s(work: Callable[[], object], device: torch.device, repeats: int = _REPEATS) -> float:
    """Median seconds of a piece of work, after two that do not count; on a GPU from its own events."""
    for _ in range(2):
        work()
    synchronise(device)
    if device.type == "cuda":
        marks = [[torch.cuda.Event(enable_timing=True) for _ in range(2)] for _ in range(repeats)]
        with torch.cuda.device(device):
            for began, ended in marks:
                began.record()
                work()
                ended.record()
        synchronise(device)
        return 1e-3 * statistics.median(began.elapsed_time(ended) for began, ended in marks)
    spent: list[float] = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        spent.append(time.perf_counter() - started)
    return statistics.median(spent)


def synchronise(device: torch.device) -> None:
    """Wait until the device has done all that it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _gemm(setting: SpeedSetting, device: torch.device, dtype: torch.dtype, *, fp8: bool) -> list[float]:
    width, hidden, tokens = setting.dit.width, setting.dit.ffn_width, setting.chunk_tokens
    rates: list[float] = []
    for inner, outer in ((width, 3 * width), (width, hidden), (hidden, width)):
        layer = nn.Linear(inner, outer, device=device, dtype=dtype)
        x_SI = torch.randn(tokens, inner, device=device, dtype=dtype)
        if fp8:
            narrow = Fp8Linear(layer)
            given_SI, scale_S1 = quantised(x_SI)
            spent = median_s(lambda n=narrow, g=given_SI, s=scale_S1: n.product(g, s, dtype), device)
        else:
            spent = median_s(lambda each=layer, x=x_SI: each(x), device)
        rates.append(2 * tokens * inner * outer / spent)
    return rates


def _attention(setting: SpeedSetting, device: torch.device, dtype: torch.dtype) -> float:
    heads, channels = setting.dit.num_heads, setting.dit.head_width
    query = torch.randn(1, heads, setting.chunk_tokens, channels, device=device, dtype=dtype).transpose(1, 2)
    key = torch.randn(1, heads, setting.key_tokens, channels, device=device, dtype=dtype).transpose(1, 2)
    with fastest_attention(device):
        if setting.attention is Attention.FP8:
            narrow = (narrowed(query), narrowed(key))
            spent = median_s(lambda: narrow_attention(narrow[0], narrow[1], narrow[1], dtype), device)
        else:
            gather = flash_attention if setting.attention is Attention.FLASH else attention
            spent = median_s(lambda: gather(query, key, key), device)
    return 4 * setting.chunk_tokens * setting.key_tokens * setting.dit.width / spent


def _copy(device: torch.device) -> float:
    size = 2**30 if device.type == "cuda" else 2**24
    given = torch.ones(size, dtype=torch.uint8, device=device)
    taken = torch.empty_like(given)
    return 2 * size / median_s(lambda: taken.copy_(given), device)
