"""The processes that train together: one a GPU, or one on the CPU."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import final

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from openlpm.core.errors import ConfigError


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """This process, the others and the mesh they form."""

    rank: int
    size: int
    device: torch.device
    mesh: DeviceMesh
    context: int = 1
    """Neighbouring processes that share every sequence: they see the same batch, and each computes a part of it."""
    context_group: dist.ProcessGroup | None = None
    """Those of this process, where there are several."""

    @property
    def data_rank(self) -> int:
        """Which of the different batches of a step this process learns from."""
        return self.rank // self.context

    @property
    def data_size(self) -> int:
        """Batches that differ within a step."""
        return self.size // self.context

    @property
    def context_rank(self) -> int:
        """Which part of a shared sequence is this process's."""
        return self.rank % self.context

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and logs."""
        return self.rank == 0

    def agree(self, number: int) -> int:
        """The first process's number, on every process."""
        if self.size == 1:
            return number
        box = torch.tensor([number], device=self.device)
        dist.broadcast(box, src=0)
        return int(box.item())

    def mean(self, numbers: torch.Tensor) -> torch.Tensor:
        """Mean over the processes."""
        if self.size > 1:
            dist.all_reduce(numbers)
            numbers /= self.size
        return numbers

    def wait(self) -> None:
        """Until every process is here."""
        if self.size > 1:
            dist.barrier()


def _store_of_attempt() -> dist.Store | None:
    """Where processes of one torchrun that has started them again find each other; None: where torch looks.

    torchrun's own store is the same in every attempt (``_create_c10d_store`` takes it for a new one), so that who comes
    first finds the address of somebody who is dead, and both wait for ever. Of several torchruns each counts its own
    attempts; there a new store is wanted of them (``runs/launch/torchrun.sh``).
    """
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    if attempt == "0" or os.environ.get("GROUP_WORLD_SIZE") != "1":
        return None
    there = dist.TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), is_master=False)
    return dist.PrefixStore(f"attempt {attempt}", there)


@contextmanager
def joined(device: str | None = None, *, context: int = 1) -> Generator[World]:
    """Join the processes that torchrun started, or be a world of one; leaves the group at the end.

    ``device`` is "cuda" or "cpu"; by default CUDA where there is any. So many neighbours as ``context`` says share
    every sequence.

    Raises:
        ConfigError: the number of processes is no multiple of ``context``.
    """
    kind = device or ("cuda" if torch.cuda.is_available() else "cpu")
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if context < 1 or size % context:
        raise ConfigError(f"context={context}: must divide the {size} processes")
    place = torch.device(kind, int(os.environ.get("LOCAL_RANK", "0"))) if kind == "cuda" else torch.device(kind)
    backend = "nccl" if kind == "cuda" else "gloo"
    if kind == "cuda":
        torch.cuda.set_device(place)
    started = not dist.is_initialized()
    if started and "MASTER_ADDR" in os.environ:
        store, mine = _store_of_attempt(), place if kind == "cuda" else None
        if store is None:
            dist.init_process_group(backend, device_id=mine)
        else:
            dist.init_process_group(backend, store=store, rank=rank, world_size=size, device_id=mine)
    elif started:
        dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1)
    try:
        group = None
        if context > 1:
            sharing = init_device_mesh(kind, (size // context, context), mesh_dim_names=("data", "context"))
            group = sharing.get_group("context")
        yield World(
            rank=rank,
            size=size,
            device=place,
            mesh=init_device_mesh(kind, (size,), mesh_dim_names=("data",)),
            context=context,
            context_group=group,
        )
    finally:
        if started:
            dist.destroy_process_group()
