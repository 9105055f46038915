"""Processor, memory and GPU."""

import os
import shutil
from pathlib import Path

from openlpm.cli.checks.finding import Finding, ok, weak
from openlpm.core.processors import usable_cores

_CPU_INFO = Path("/proc/cpuinfo")
_MEMORY_INFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")
_SHARED = Path("/dev/shm")
_NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
_GIB = 2**30
_PERIOD = 100_000
"""Of a quota, as almost everybody sets it."""
_INSTRUCTIONS = {
    "AVX2": ("avx2",),
    "AVX-512": ("avx512_f",),
    "bfloat16": ("avx512_bf16", "bf16"),
    "VNNI": ("avx512_vnni", "avx_vnni"),
    "AMX": ("amx_int8", "amx_bf16"),
}
_WANTED_BYTES = 2 * _GIB
"""With nano `generate` held 0.7 GiB at most; a worker that streams 0.7, and whoever started it 0.4 more."""
_SAVED_BYTES = 2 * 90 * 2**20
"""A saved row of nano, and the next one while it is written."""


def processor() -> Finding:
    """Model, cores and what it multiplies fast."""
    import torch

    able = torch.cpu.get_capabilities()
    known = [name for name, keys in _INSTRUCTIONS.items() if any(able.get(key, False) for key in keys)]
    cores, allowed = os.cpu_count() or 1, _allowed_cores()
    found = f"{_cpu_name() or able.get('cpu_name', 'unknown')}, {cores} cores, {', '.join(known) or 'no AVX2'}"
    if "AVX2" not in known and able.get("architecture") == "x86_64":
        return weak(found, "expect no real time here: use a processor with AVX2 or newer, or a GPU")
    if allowed < cores:
        return weak(
            f"{found}; {allowed:g} of the cores may be used", "allow all of them: the engine starts a thread for each"
        )
    return ok(found)


def _cpu_name() -> str:
    if not _CPU_INFO.is_file():
        return ""
    for line in _CPU_INFO.read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return ""


def _allowed_cores() -> float:
    """How many this process may use at once: by its affinity, and by the quota of a container."""
    count = usable_cores()
    quota = _number_of(_CGROUP / "cpu.max")
    return float(count) if quota is None else min(float(count), quota / _PERIOD)


def memory() -> Finding:
    """What is free, in a container what it may have."""
    free_bytes = _free_bytes()
    if free_bytes is None:
        return ok("this system does not say how much is free")
    limit = _number_of(_CGROUP / "memory.max")
    used = _number_of(_CGROUP / "memory.current")
    if limit is not None:
        free_bytes = min(free_bytes, limit - (used or 0))
    found = f"{free_bytes / _GIB:.1f} GiB free"
    if limit is not None:
        found += f", of {limit / _GIB:.1f} GiB that this container may use"
    if free_bytes < _WANTED_BYTES:
        return weak(
            found, f"close other programs, or give {_WANTED_BYTES // _GIB} GiB: less may end in a killed process"
        )
    return ok(found)


def _free_bytes() -> int | None:
    if not _MEMORY_INFO.is_file():
        return None
    for line in _MEMORY_INFO.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    return None


def _number_of(path: Path) -> int | None:
    """The first number of a file of the control group; None without a limit."""
    try:
        first = path.read_text().split()[0]
    except (OSError, IndexError):
        return None
    return int(first) if first.isdigit() else None


def shared_memory() -> Finding:
    """Where the engine keeps what it needs to go on after a fault."""
    if not _SHARED.is_dir():
        return ok(f"no {_SHARED}: the folder for temporary files is used")
    free_bytes = shutil.disk_usage(_SHARED).free
    found = f"{free_bytes / 2**20:.0f} MiB free in {_SHARED}"
    if not os.access(_SHARED, os.W_OK):
        return weak(f"{_SHARED} cannot be written", "make it writable for this user: chmod 1777 on it, or --shm-size")
    if free_bytes < _SAVED_BYTES:
        return weak(found, "give it 1 GiB (docker: --shm-size=1g): characters are saved there, 90 MB each")
    return ok(found)


def gpu() -> Finding:
    """Whether torch can use one."""
    import torch

    if torch.cuda.is_available():
        named = [torch.cuda.get_device_properties(place) for place in range(torch.cuda.device_count())]
        return ok(", ".join(f"{each.name} with {each.total_memory / _GIB:.0f} GiB" for each in named))
    if not (_NVIDIA_DRIVER.exists() or shutil.which("nvidia-smi")):
        return ok("none, and none is needed: everything runs on the processor")
    if torch.version.cuda is None:
        build = torch.__version__
        return weak(
            f"there is one, but torch {build} is built without CUDA", "install torch with CUDA from pytorch.org"
        )
    return weak(
        f"there is one, but torch {torch.__version__} cannot use it",
        "see that nvidia-smi works (docker: --gpus all) and that its driver is new enough for this torch",
    )
