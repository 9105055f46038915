"""Room on a disk, in memory and on a GPU: what is missing is said before anything is begun."""

import shutil
from pathlib import Path

import torch

from openlpm.core.errors import InputError

_MEMORY = Path("/proc/meminfo")


def require_disk(folder: Path, needed_bytes: int) -> None:
    """See that files of so many bytes fit where ``folder`` lies or will lie.

    Raises:
        InputError: they do not; the text says how much is missing.
    """
    there = next(parent for parent in (folder, *folder.resolve().parents) if parent.is_dir())
    _require(
        shutil.disk_usage(there).free, needed_bytes, f"on the disk of {folder}", "free some, or give another folder"
    )


def require_memory(needed_bytes: int, remedy: str) -> None:
    """See that so many bytes of memory are free; where the system does not say, it is taken to be so.

    Raises:
        InputError: they are not; the text says how much is missing, then the remedy.
    """
    free = free_memory()
    if free is not None:
        _require(free, needed_bytes, "in memory", remedy)


def require_gpu_memory(device: torch.device, needed_bytes: int, remedy: str) -> None:
    """The same for a GPU.

    Raises:
        InputError: it has too little.
    """
    free, _ = torch.cuda.mem_get_info(device)
    _require(free, needed_bytes, f"on {torch.cuda.get_device_name(device)}", remedy)


def free_memory() -> int | None:
    """Bytes that can be had without swapping; None where the system does not say."""
    try:
        lines = _MEMORY.read_text().splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return 1024 * int(found[0]) if found else None


def gib(size_bytes: float) -> str:
    """A size as people read it."""
    return f"{size_bytes / 2**30:.2f} GiB" if size_bytes >= 2**28 else f"{size_bytes / 2**20:.1f} MiB"


def _require(free: int, needed: int, where: str, remedy: str) -> None:
    if free < needed:
        raise InputError(
            f"{gib(needed - free)} are missing {where}: {gib(needed)} are needed, {gib(free)} free; {remedy}"
        )
