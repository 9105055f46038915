"""A setting whose chunks are shared out by columns: a process for each device."""

import faulthandler
import os
import pickle
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, final

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from openlpm.bench.speed.measure import Measured, Report, Wishes, dtype_on, timed
from openlpm.bench.speed.setting import SpeedSetting
from openlpm.bench.speed.stream import SpeedStream
from openlpm.parallel.attention_choice import fastest_attention
from openlpm.parallel.sequence import ColumnSplit

_WARM_CHUNKS = 3
_SILENT_S = 60
"""Seconds without progress after which a process tells where it stands; a collective that waits longer fails."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class _Work:
    """What every process is to do; ``told`` takes how far it has come."""

    setting: SpeedSetting
    kind: str
    wishes: Wishes
    folder: str
    told: Any


def measure_columns(setting: SpeedSetting, kind: str, wishes: Wishes, report: Report) -> Measured:
    """Numbers of a setting on as many devices of a kind (cuda or cpu) as it names; parts and errors are left out.

    Raises:
        ProcessRaisedException: a process failed; its traceback is in the text.
        ProcessExitedException: a process died.
    """
    report("processes", 0, 1)
    told = mp.get_context("spawn").SimpleQueue()  # written at once: a process that is ended loses no word
    with tempfile.TemporaryDirectory() as folder:
        work = _Work(setting=setting, kind=kind, wishes=wishes, folder=folder, told=told)
        running = mp.spawn(_work, args=(work,), nprocs=setting.devices, join=False)
        assert running is not None  # since nobody waits for it yet
        ended = False
        while not ended:
            try:
                ended = running.join(timeout=0.5)
            finally:  # where one fails, the others are ended by now: how far each came is told before the reason
                _relay(told, report)
        report("processes", 1, 1)
        return Measured(**pickle.loads((Path(folder) / "measured").read_bytes()))


def _relay(told: Any, report: Report) -> None:
    while not told.empty():
        rank, stage, done, total = told.get()
        report(f"process {rank}: {stage}", done, total)


def _work(rank: int, work: _Work) -> None:
    def report(stage: str, done: int, total: int) -> None:
        faulthandler.dump_traceback_later(_SILENT_S, repeat=True)  # begins to count anew
        work.told.put((rank, stage, done, total))

    report("begun", 1, 1)
    setting, kind = work.setting, work.kind
    device = torch.device(kind, rank) if kind == "cuda" else torch.device(kind)
    store = dist.FileStore(str(Path(work.folder) / "store"), setting.devices)
    if kind == "cuda":
        torch.cuda.set_device(device)
    else:
        torch.set_num_threads(1)
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    dist.init_process_group(
        "nccl" if kind == "cuda" else "gloo",
        store=store,
        rank=rank,
        world_size=setting.devices,
        timeout=timedelta(seconds=2 * _SILENT_S),
        device_id=device if kind == "cuda" else None,
    )
    try:
        dist.all_reduce(torch.ones(1, device=device))
        report("all are there", 1, 1)
        split = ColumnSplit(
            rank=rank,
            size=setting.devices,
            num_heads=setting.dit.num_heads,
            grid=setting.grid,
            patch_columns=setting.dit.patch[2],
        )
        with fastest_attention(device):
            found = _timed(setting, device, split, work.wishes, report)
        if split.is_last:  # which shows the pictures
            (Path(work.folder) / "measured").write_bytes(pickle.dumps(found))
    finally:
        faulthandler.cancel_dump_traceback_later()
        dist.destroy_process_group()


def _timed(
    setting: SpeedSetting, device: torch.device, split: ColumnSplit, wishes: Wishes, report: Report
) -> dict[str, object]:
    stream = SpeedStream(setting, device, device, dtype_on(device), split)
    report("networks", 1, 1)
    stream.quicken(wishes.way)
    if wishes.recorded:
        stream.record()
    with torch.inference_mode():
        for number in range(_WARM_CHUNKS):
            stream.show(stream.make(stream.hear(stream.sound())))
            report("warming up", number + 1, _WARM_CHUNKS)
    return timed(stream, wishes, report)
