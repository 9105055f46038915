"""Every row of the speed of LPM-17B that this machine's GPUs allow, in one call of less than ten minutes.

    PYTHONPATH=src python3 runs/speed_17b.py --out out/speed

Settings are timed one after another, the most important first, in one process that makes its networks anew for each;
when one brings that process down, another goes on with the next. What does not fit into ``--minutes`` is named and left
out. OUT gets, for each setting, a table, the kernels that take most and what was said; ``speed.json`` has all rows; a
short table is printed last. ``--only`` names settings, such as ``1x-832x480``. On a copy of the tree without history
give OPENLPM_COMMIT. ``--rehearse`` goes through all of it at tiny size on a CPU.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from openlpm.bench.origin import describe_commit, describe_machine
from openlpm.bench.result import Row, Table
from openlpm.bench.speed.ceilings import median_s
from openlpm.bench.speed.columns import measure_columns
from openlpm.bench.speed.measure import Wishes, dtype_on, fp8_error, measure, release
from openlpm.bench.speed.reckoning import reckon, require_room
from openlpm.bench.speed.rows import prefix_of, speed_rows
from openlpm.bench.speed.setting import Attention, Context, DecoderKind, Plan, SpeedSetting, Way, plan_for
from openlpm.bench.statistics import Estimate
from openlpm.core.errors import InputError
from openlpm.nn import rope_kernel
from openlpm.nn.attention import attention
from openlpm.nn.fp8 import Fp8Linear, is_supported
from openlpm.nn.narrow_attention import flash_attention, narrow_attention, narrow_into, narrowed
from openlpm.nn.narrow_attention import is_supported as is_attention_supported
from openlpm.nn.ring import RingMemory
from openlpm.nn.rope import Rotation, grid_positions, rotate, rotation_at
from openlpm.nn.rows import Norm, Update, add, add_and_norm, narrow_rows, root_norms
from openlpm.parallel.attention_choice import fastest_attention
from openlpm.parallel.narrow import relative_difference
from openlpm.recipes.speed import speed_size

SHOWN = (
    "kernel/",
    "/fps",
    "/first_frame_s",
    "/cost_ratio",
    "/memory",
    "/fp8_error",
    "/ceiling",
    "/share/",
    "/step/",
    "/ready/",
)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One setting, for how long, and whether its error is asked for instead of its speed."""

    name: str
    more: dict[str, Any] = field(default_factory=dict[str, Any])
    seconds: float = 20.0
    error: bool = False
    recorded: bool = False
    kernels: bool = False
    """Only single kernels: how fast, and how exact."""
    limit_s: float = 240.0

    def setting(self, *, rehearse: bool) -> SpeedSetting:
        """What is timed."""
        devices = int(self.name.partition("x")[0])
        size = "tiny" if rehearse else "lpm-17b"
        given: dict[str, Any] = {"picture": (832, 480), "devices": devices, "plan": plan_for(devices)} | self.more
        if rehearse:
            given["picture"] = (64, 64)
        return SpeedSetting(name=size, dit=speed_size(size), **given)


NARROW, PAPER = {"picture": (720, 416), "context": Context.NARROW}, {"context": Context.PAPER}
FLASH, FP8_ATTENTION = {"attention": Attention.FLASH}, {"attention": Attention.FP8}
JOBS = (
    Job(name="1x-kernels", kernels=True, limit_s=90),
    Job(name="2x-832x480-fp8-attention", more=FP8_ATTENTION, seconds=60),
    Job(name="2x-832x480-flash", more=FLASH, seconds=60),
    Job(name="2x-832x480", seconds=60),
    Job(name="1x-832x480"),
    Job(name="1x-720x416", more=NARROW),
    Job(name="1x-832x480-fp8-attention", more=FP8_ATTENTION),
    Job(name="1x-720x416-fp8-attention", more=FP8_ATTENTION | NARROW),
    Job(name="1x-832x480-flash", more=FLASH),
    Job(name="1x-720x416-flash", more=FLASH | NARROW),
    Job(name="1x-832x480-paper-flash", more=FLASH | PAPER, seconds=8),
    Job(name="1x-720x416-recorded", more=NARROW, recorded=True),
    Job(name="4x-832x480"),
    Job(name="1x-832x480-paper", more=PAPER, seconds=8),
    Job(name="2x-832x480-stages", more={"plan": Plan.STAGES}, seconds=15),
    Job(name="2x-832x480-paper", more=PAPER, seconds=12),
    Job(name="4x-832x480-paper", more=PAPER),
    Job(name="4x-1280x720", more={"picture": (1280, 720)}),
    Job(name="1x-832x480-error", error=True),
    Job(name="1x-832x480-fp8-attention-error", more=FP8_ATTENTION, error=True),
    Job(name="1x-832x480-bf16", more={"fp8": False}, seconds=10),
    Job(name="1x-832x480-wan-vae", more={"decoder": DecoderKind.WAN}, seconds=10),
    Job(name="1x-832x480-long", seconds=60, limit_s=300),
    Job(name="1x-720x416-long", more=NARROW, seconds=60, limit_s=300),
)


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=[], help=", ".join(job.name for job in JOBS))
    parser.add_argument("--minutes", type=float, default=8.8)
    parser.add_argument("--seconds", type=float, help="of video in every setting")
    parser.add_argument("--way", default="kernels", help="kernels, compiled or eager: what stands around attention")
    parser.add_argument("--rehearse", action="store_true", help="tiny, on the CPU: says nothing of speed")
    parser.add_argument("--work", nargs="*", help=argparse.SUPPRESS)  # the settings of a process that times
    return parser.parse_args()


def chosen(options: argparse.Namespace) -> list[Job]:
    """Settings that were asked for, or all that this machine has devices for."""
    there = 2 if options.rehearse else torch.cuda.device_count()
    if unknown := set(options.only) - {job.name for job in JOBS}:
        sys.exit(f"--only {' '.join(sorted(unknown))}: there are {', '.join(job.name for job in JOBS)}")
    counts = {1, there} if there < 4 else {1, 2, 4}
    return [job for job in JOBS if job.name in options.only or (not options.only and int(job.name[0]) in counts)]


def work(options: argparse.Namespace) -> None:
    """Time some settings in this process, each of whose failures is told and costs that one alone."""
    began = time.monotonic()
    kind = "cpu" if options.rehearse else "cuda"
    if kind == "cuda" and options.way == Way.KERNELS and not rows_agree(kind):
        options.way = Way.COMPILED
    for job in (job for job in JOBS if job.name in options.work):
        (options.out / f"{job.name}.begun").touch()
        try:
            time_job(job, options, kind)
        except Exception:  # noqa: BLE001 (a boundary: a setting that fails, whatever the reason, is told, and the next is tried)
            last = traceback.format_exc().strip().splitlines()
            print(f"{job.name} FAILED\n" + "\n".join(last[-25:]), flush=True)
            (options.out / f"{job.name}.fault").write_text(last[-1])
        print(f"[{time.monotonic() - began:.0f} s] {job.name} is done", flush=True)
        release(tuple(torch.device(kind, n) for n in range(torch.cuda.device_count() if kind == "cuda" else 0)))


def time_job(job: Job, options: argparse.Namespace, kind: str) -> None:
    """Measure one setting and write its table."""
    setting, began = job.setting(rehearse=options.rehearse), time.monotonic()
    devices = tuple(torch.device(kind, n) if kind == "cuda" else torch.device(kind) for n in range(setting.devices))
    print(f"{job.name}: {setting.told()}", flush=True)
    if kind == "cuda":
        require_room(setting, tuple(torch.cuda.mem_get_info(device)[0] for device in devices))
    if setting.attention is not Attention.CUDNN and kind == "cuda" and not is_attention_supported(devices[0]):
        raise InputError(f"attention={setting.attention}: needs a Hopper GPU and pip install 'openlpm[hopper]'")
    wishes = Wishes(
        seconds=1.0 if options.rehearse else options.seconds or job.seconds,
        way=Way.EAGER if options.rehearse and job.error else Way(options.way),
        recorded=job.recorded,
    )

    def report(stage: str, done: int, total: int) -> None:
        if total < 5 or done in (1, total) or done % 10 == 0:
            print(f"  [{time.monotonic() - began:6.1f} s] {stage} {done}/{total}", flush=True)

    short = kind if kind == "cpu" else torch.cuda.get_device_name().removeprefix("NVIDIA ").replace(" ", "-")
    if job.kernels:
        rows = kernel_rows(setting, devices[0], short)
    elif job.error:
        error = fp8_error(setting, devices, wishes, report)
        rows = [Row.of(f"{prefix_of(setting, short)}/fp8_error", Estimate.single(error))]
    else:
        by_columns = setting.plan is Plan.COLUMNS
        measured = (
            measure_columns(setting, kind, wishes, report) if by_columns else measure(setting, devices, wishes, report)
        )
        rows = [
            replace(row, name=f"{row.name}/recorded") if job.recorded else row
            for row in speed_rows(setting, measured, short)
        ]
        if measured.parts is not None:
            lines = [f"{1e3 * spent:9.2f} ms {count:6} {name[:150]}" for name, spent, count in measured.parts.largest]
            (options.out / f"{job.name}.kernels.txt").write_text("\n".join(lines) + "\n")
    table = Table(
        title=f"bench speed, {job.name}",
        machine=describe_machine(devices[0]),
        command=f"runs/speed_17b.py --only {job.name}",
        commit=describe_commit(),
        critics={},
        rows=tuple(rows),
        notes=(setting.told(), f"reckoned: {max(each.total for each in reckon(setting)) / 2**30:.1f} GiB a device"),
    )
    table.write_json(options.out / f"{job.name}.json")
    if not job.kernels:  # those are told one by one
        show(table.rows)


def kernel_rows(setting: SpeedSetting, device: torch.device, short: str) -> list[Row]:
    """Attention with each kernel there is, and what stands between products, at the shapes of the setting."""
    dit, heads = setting.dit, setting.dit.num_heads
    torch.manual_seed(0)

    def drawn(tokens: int) -> Tensor:
        return torch.randn(1, heads, tokens, dit.head_width, device=device).to(dtype_on(device)).transpose(1, 2)

    query, key, value = drawn(setting.chunk_tokens), drawn(setting.key_tokens), drawn(setting.key_tokens)
    few = query[:, :64]
    wanted = attention(few.float(), key.float(), value.float())
    operations = 4 * setting.chunk_tokens * setting.key_tokens * dit.width
    rows: list[Row] = []

    def add(name: str, work: Callable[[], object], amount: float, unit: str, error: float | None = None) -> None:
        spent = median_s(work, device)
        rows.append(Row.of(f"kernel/{name}/1x{short}", Estimate.single(1e-12 * amount / spent), unit=unit))
        rows.append(Row.of(f"kernel/{name}/step/1x{short}", Estimate.single(1e3 * spent), unit="ms"))
        if error is not None:
            rows.append(Row.of(f"kernel/{name}/error/1x{short}", Estimate.single(error)))
        show(tuple(rows[-3:]))

    def attended(name: str, given: tuple[Tensor, Tensor, Tensor], work: Callable[..., Tensor]) -> None:
        error = relative_difference(work(given[0][:, :64], *given[1:]).float(), wanted)
        add(f"attention/{name}", lambda: work(*given), operations, "TFLOP/s", error)

    with torch.inference_mode():
        with fastest_attention(device):
            attended("cudnn", (query, key, value), attention)
        if device.type == "cpu" or is_attention_supported(device):
            narrow = (narrowed(query), narrowed(key), narrowed(value))
            attended("fp8", narrow, partial(narrow_attention, dtype=query.dtype))
        if is_attention_supported(device):
            attended("flash3", (query, key, value), flash_attention)
        positions = grid_positions(torch.arange(setting.online.chunk_frames, device=device).float(), *setting.grid)
        rotation, size = rotation_at(positions, dit.head_width), query.numel() * query.element_size()
        error = relative_difference(
            rotate(few, part(rotation, 64)).float(), rotate(few.cpu(), part(rotation, 64, "cpu")).float().to(device)
        )
        add("rotate", lambda: rotate(query, rotation), 2 * size, "TB/s", error)
        target = torch.empty_like(key[:, : setting.chunk_tokens], dtype=torch.float8_e4m3fn)
        error = relative_difference(narrowed(few).float(), narrowed(few.cpu()).float().to(device))
        add("narrow", lambda: narrow_into(target, query), 1.5 * size, "TB/s", error)
        small = replace(setting.ring, num_layers=2)
        ring = RingMemory(setting.online.memory, small, dtype=query.dtype, device=device, last_is_kept=True)
        add("commit of 2 layers", ring.commit, 8 * size, "TB/s")
        new_key, new_value = (each[:, : setting.chunk_tokens] for each in (key, value))
        if rope_kernel.is_supported(query):
            add("enter", partial(ring.enter, 0, query, new_key, new_value, rotation), 6 * size, "TB/s")
            ring = RingMemory(
                setting.online.memory, small, dtype=query.dtype, device=device, last_is_kept=True, narrow=True
            )
            ring.nothing_hidden = True
            add("enter in 8 bits too", partial(ring.enter, 0, query, new_key, new_value, rotation), 6.5 * size, "TB/s")
            kept = setting.online.memory.num_frames / setting.online.chunk_frames
            add("commit of 2 layers in 8 bits too", ring.commit, (8 + 6 * kept) * size, "TB/s")
    if (error := kernel_error(device.type)) is not None:
        rows.append(Row.of(f"kernel/fp8_linear/error/1x{short}", Estimate.single(error)))
    return rows


def part(rotation: Rotation, tokens: int, place: str | None = None) -> Rotation:
    """Of the first tokens."""
    cos, sin = rotation.cos[:tokens], rotation.sin[:tokens]
    return Rotation(cos=cos, sin=sin) if place is None else Rotation(cos=cos.to(place), sin=sin.to(place))


def kernel_error(kind: str) -> float | None:
    """How far the kernel of 8-bit floating point is from its emulation; None where there is none."""
    if kind == "cpu" or not is_supported(torch.device(kind)):
        return None
    torch.manual_seed(0)
    layer = Fp8Linear(nn.Linear(5120, 1536))
    x = torch.randn(1560, 5120, dtype=torch.bfloat16)
    wanted = layer(x.float())
    error = relative_difference(layer.cuda()(x.cuda()).float().cpu(), wanted)
    print(f"fp8 kernel beside its emulation: {error:.5f} (rounding to bf16 alone makes about 0.002)", flush=True)
    return error


def rows_agree(kind: str) -> bool:
    """Whether the kernels between products compute what the plain code computes; what is wrong is told."""
    torch.manual_seed(0)
    x, product = (torch.randn(1, 96, 5120).to(torch.bfloat16) for _ in range(2))
    hidden, bias = torch.randn(1, 96, 13824).to(torch.bfloat16), torch.randn(13824).to(torch.bfloat16)
    shift, scale, gate = torch.randn(1, 3, 3, 5120).unbind(2)
    roots = torch.randn(1, 5120).to(torch.bfloat16)

    def made(place: str) -> list[Tensor]:
        x_, product_, hidden_, bias_, shift_, scale_, gate_, roots_ = (
            each.to(place) for each in (x, product, hidden, bias, shift, scale, gate, roots)
        )
        update = Update(product_BSD=product_, bias_D=bias_[:5120].contiguous(), gate_BGD=gate_)
        other = Update(product_BSD=x_, bias_D=update.bias_D)
        passed, narrow, scales = add_and_norm(x_, (update,), Norm(eps=1e-6, scale=scale_, shift=shift_))
        thought, sizes = narrow_rows(hidden_, bias_, gelu=True)
        rooted = root_norms(product_, update.bias_D, roots_, 1e-6)
        return [passed, narrow.float() * scales, thought.float() * sizes, add(x_, (update, other)), rooted]

    try:
        with torch.inference_mode():
            pairs = zip(made(kind), made("cpu"), strict=True)
            errors = [relative_difference(found.float().cpu(), wanted.float()) for found, wanted in pairs]
    except Exception:  # noqa: BLE001 (whatever it is: torch.compile does the same)
        print("kernels between products FAILED\n" + traceback.format_exc()[-1500:], flush=True)
        return False
    print(f"kernels between products beside the plain code: {[f'{error:.5f}' for error in errors]}", flush=True)
    return max(errors) < 0.03  # roundings to 8 bits fall otherwise here and there


def show(rows: tuple[Row, ...]) -> None:
    """The rows that matter first."""
    for row in rows:
        if any(part in row.name for part in SHOWN) and row.value is not None:
            met = {True: "met", False: "missed", None: ""}[row.met]
            print(f"{row.name:58} {row.value:10.4g} {row.unit:8} {row.bar or '':12} {met}", flush=True)


def oversee(options: argparse.Namespace, jobs: list[Job]) -> dict[str, str]:
    """Let processes work through the settings, another after each that falls or hangs; returns what went wrong."""
    began, faults = time.monotonic(), dict[str, str]()
    left = [job.name for job in jobs]
    while left:
        call = [sys.executable, __file__, *sys.argv[1:], "--work", *left]
        # Multicast over NVLink fails inside some containers, and neither all-to-all nor all-gather needs it.
        worker = subprocess.Popen(call, env={"NCCL_NVLS_ENABLE": "0"} | os.environ, process_group=0)
        current, since = left[0], time.monotonic()
        while worker.poll() is None:
            time.sleep(0.3)
            begun = [name for name in left if (options.out / f"{name}.begun").is_file()]
            if begun and begun[-1] != current:
                current, since = begun[-1], time.monotonic()
            limit = next(job.limit_s for job in jobs if job.name == current)
            late = time.monotonic() - began > 60 * options.minutes
            if late or time.monotonic() - since > limit:
                os.killpg(worker.pid, signal.SIGKILL)  # and the processes that it began
                faults[current] = "the time was up" if late else f"took more than {limit:g} s"
        worker.wait()
        begun = [name for name in left if (options.out / f"{name}.begun").is_file()]
        if not begun:
            return faults | dict.fromkeys(left, f"no process could begin (exit status {worker.returncode})")
        if worker.returncode and begun[-1] not in faults:
            faults[begun[-1]] = f"the process ended with exit status {worker.returncode}"
        left = [name for name in left if name not in begun]
        if time.monotonic() - began > 60 * options.minutes - 40:
            return faults | dict.fromkeys(left, "no time was left")
    return faults


def main() -> None:
    """Time what there is time for, and print what was found."""
    options = read_options()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.work is not None:
        return work(options)
    jobs = chosen(options)
    for job in jobs:
        for ending in ("begun", "fault", "json"):
            (options.out / f"{job.name}.{ending}").unlink(missing_ok=True)
    faults = oversee(options, jobs)
    tables = [json.loads(path.read_text()) for job in jobs if (path := options.out / f"{job.name}.json").is_file()]
    (options.out / "speed.json").write_text(json.dumps(tables, indent=1) + "\n")
    print("\nAll together")
    for table in tables:
        for row in table["rows"]:
            if row["name"].endswith(("/fps", "/first_frame_s", "/fp8_error", "/step", "/memory")):
                print(f"{row['name']:58} {row['value']:10.4g} {row['unit']:8} {row['bar'] or ''}")
    for job in jobs:
        told = options.out / f"{job.name}.fault"
        if fault := faults.get(job.name) or (told.read_text() if told.is_file() else ""):
            print(f"{job.name}: {fault}")
    return None


if __name__ == "__main__":
    main()
