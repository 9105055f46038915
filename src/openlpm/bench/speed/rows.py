"""Raw numbers as rows of the published table."""

from collections.abc import Iterator

import numpy as np

from openlpm.bench import statistics
from openlpm.bench.result import Bar, Row
from openlpm.bench.speed.measure import Measured
from openlpm.bench.speed.reckoning import work_of_chunk, work_of_decoder
from openlpm.bench.speed.setting import Attention, Context, DecoderKind, SpeedSetting, plan_for
from openlpm.bench.statistics import Estimate

_BARS = {
    ("lpm-17b", (832, 480), 2): Bar(at_least=26.0),
    ("lpm-17b", (832, 480), 1): Bar(at_least=14.0),
    ("lpm-17b", (720, 416), 1): Bar(at_least=24.0),
}
_FIRST_FRAME_BARS = {("lpm-17b", (832, 480), 4): Bar(at_most=0.6)}
_RATIO_BAR = Bar(at_least=0.95, at_most=1.05)
_CEILING_BAR = Bar(at_least=0.6)


def prefix_of(setting: SpeedSetting, device: str) -> str:
    """What the names of a setting's rows begin with."""
    width, height = setting.picture
    context = {Context.SHORT: "", Context.NARROW: "", Context.PAPER: "/paper-context"}[setting.context]
    decoder = "/wan-vae" if setting.decoder is DecoderKind.WAN else ""
    arithmetic = "" if setting.fp8 else "/bf16"
    arithmetic += {Attention.CUDNN: "", Attention.FLASH: "/flash", Attention.FP8: "/fp8-attention"}[setting.attention]
    plan = "" if setting.plan is plan_for(setting.devices) else f"/{setting.plan}"
    way = f"{context}{decoder}{arithmetic}{plan}"
    return f"{setting.name}/{width}x{height}{way}/{setting.devices}x{device}"


def speed_rows(setting: SpeedSetting, found: Measured, device: str) -> list[Row]:
    """All rows of a setting."""
    name, key = prefix_of(setting, device), (setting.name, setting.picture, setting.devices)
    plain = setting.context is not Context.PAPER and setting.decoder is DecoderKind.TINY and setting.fp8
    per_second = statistics.per(setting.chunk_pictures, _mean(found.chunk_s))
    rows = [
        Row.of(f"{name}/fps", per_second, unit="fps", bar=_BARS.get(key) if plain else None),
        Row.of(
            f"{name}/first_frame_s",
            statistics.median(np.array(found.first_frame_s)),
            unit="s",
            bar=_FIRST_FRAME_BARS.get(key) if plain else None,
        ),
        Row.of(f"{name}/wait_for_sound_s", Estimate.single(setting.chunk_s), unit="s"),
        Row.of(f"{name}/cost_ratio_minute60", Estimate.single(found.late_ratio), bar=_RATIO_BAR),
        Row.of(f"{name}/memory", Estimate.single(found.memory_bytes[0] / 2**30), unit="GiB"),
        Row.of(f"{name}/memory_minute60", Estimate.single(found.memory_bytes[1] / 2**30), unit="GiB"),
    ]
    rows += [
        Row.of(f"{name}/step/{step}", Estimate.single(1e3 * spent), unit="ms") for step, spent in found.stage_s.items()
    ]
    rows += [Row.of(f"{name}/ready/{step}", Estimate.single(spent), unit="s") for step, spent in found.ready_s.items()]
    rows += _ceiling_rows(setting, found, name)
    if found.fp8_error is not None:
        rows.append(Row.of(f"{name}/fp8_error", Estimate.single(found.fp8_error)))
    return rows


def _ceiling_rows(setting: SpeedSetting, found: Measured, name: str) -> Iterator[Row]:
    """Fractions of what the device can do, and what it can do."""
    ceilings, parts = found.ceilings, found.parts
    if ceilings is None or parts is None:
        return
    work = work_of_chunk(setting)
    best_gemm, best_attention = work.gemm / ceilings.gemm, work.attention / ceilings.attention
    step = found.stage_s["draft"] + found.stage_s["refine"]
    for part, value in (
        ("gemm", best_gemm / parts.gemm if parts.gemm else float("nan")),
        ("attention", best_attention / parts.attention if parts.attention else float("nan")),
    ):
        yield Row.of(f"{name}/ceiling_fraction/{part}", Estimate.single(value))
    whole = Estimate.single((best_gemm + best_attention) / step)
    yield Row.of(f"{name}/ceiling_fraction/step", whole, bar=_CEILING_BAR if setting.name == "lpm-17b" else None)
    yield from decoder_rows(setting, name, 1e3 * found.stage_s["show"], 1e-12 * ceilings.gemm_bf16)
    for part, value in (("gemm", parts.gemm), ("attention", parts.attention), ("rest", parts.rest)):
        yield Row.of(f"{name}/share/{part}", Estimate.single(value / parts.total if parts.total else float("nan")))
    for part, value in (
        ("gemm", ceilings.gemm),
        ("gemm_bf16", ceilings.gemm_bf16),
        ("attention", ceilings.attention),
    ):
        yield Row.of(f"{name}/ceiling/{part}", Estimate.single(1e-12 * value), unit="TFLOP/s")
    yield Row.of(f"{name}/ceiling/copy", Estimate.single(1e-12 * ceilings.copy_bytes), unit="TB/s")
    yield Row.of(f"{name}/operations/chunk", Estimate.single(1e-12 * work.total), unit="TFLOP")


def decoder_rows(setting: SpeedSetting, name: str, show_ms: float, best: float) -> Iterator[Row]:
    """What pixels take of the device at best: ``show_ms``, pictures on the host, beside ``best`` (bf16, TFLOP/s)."""
    work = 1e-12 * work_of_decoder(setting)
    yield Row.of(f"{name}/ceiling_fraction/vae", Estimate.single(1e3 * work / best / show_ms))
    yield Row.of(f"{name}/operations/vae", Estimate.single(work), unit="TFLOP")


def _mean(values: tuple[float, ...]) -> Estimate:
    """Sustained: all of the time counts, not the middle of it."""
    return statistics.mean(np.array(values))
