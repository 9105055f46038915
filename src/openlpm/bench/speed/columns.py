"""A setting whose chunks are shared out by columns: a process for each device."""

import os
import pickle
import tempfile
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from openlpm.bench.speed.measure import Measured, Report, Wishes, timed
from openlpm.bench.speed.setting import SpeedSetting
from openlpm.bench.speed.stream import SpeedStream
from openlpm.parallel.attention_choice import fastest_attention
from openlpm.parallel.sequence import ColumnSplit

_WARM_CHUNKS = 3


def measure_columns(setting: SpeedSetting, kind: str, wishes: Wishes, report: Report) -> Measured:
    """Numbers of a setting on as many devices of a kind (cuda or cpu) as it names; parts and errors are left out."""
    report("processes", 0, 1)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "measured"
        mp.spawn(_work, args=(setting, kind, wishes, folder), nprocs=setting.devices)
        report("processes", 1, 1)
        return Measured(**pickle.loads(out.read_bytes()))


def _work(rank: int, setting: SpeedSetting, kind: str, wishes: Wishes, folder: str) -> None:
    device = torch.device(kind, rank) if kind == "cuda" else torch.device(kind)
    store = dist.FileStore(str(Path(folder) / "store"), setting.devices)
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
        device_id=device if kind == "cuda" else None,
    )
    try:
        split = ColumnSplit(
            rank=rank,
            size=setting.devices,
            num_heads=setting.dit.num_heads,
            grid=setting.grid,
            patch_columns=setting.dit.patch[2],
        )
        with fastest_attention(device):
            found = _timed(setting, device, split, wishes)
        if split.is_last:  # which shows the pictures
            (Path(folder) / "measured").write_bytes(pickle.dumps(found))
    finally:
        dist.destroy_process_group()


def _timed(setting: SpeedSetting, device: torch.device, split: ColumnSplit, wishes: Wishes) -> dict[str, object]:
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    stream = SpeedStream(setting, device, device, dtype, split)
    stream.quicken(wishes.way)
    if wishes.recorded:
        stream.record()
    with torch.inference_mode():
        for _ in range(_WARM_CHUNKS):
            stream.show(stream.make(stream.hear(stream.sound())))
    return timed(stream, wishes, lambda stage, done, total: None)
