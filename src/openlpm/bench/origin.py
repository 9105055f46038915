"""Where a number comes from: the machine and the commit."""

import os
import platform
import shlex
import subprocess
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from pathlib import Path

import torch

from openlpm.core.processors import usable_cores


def describe_machine(device: torch.device) -> str:
    """Processor, cores that this process may use, memory type where known, and the accelerator if one is used."""
    words = [f"{_processor()}, {usable_cores()} cores, {torch.get_num_threads()} threads"]
    if device.type == "cuda":
        words.insert(0, torch.cuda.get_device_name(device))
    words.append(f"torch {torch.__version__}, Python {platform.python_version()}")
    return "; ".join(words)


def describe_command(arguments: Sequence[str]) -> str:
    """The command line; of absolute paths only the last name, since the folders of a machine tell others nothing."""
    return shlex.join(["openlpm", *(Path(word).name if Path(word).is_absolute() else word for word in arguments)])


@cache
def describe_commit() -> str:
    """Commit of the checkout this package runs from (``+changes`` if src differs), else the package's version.

    As it was at the first call: the tree may move on while a long benchmark runs. A copy of a tree without its history
    (on a machine with a GPU, say) is told its commit by the environment variable OPENLPM_COMMIT.
    """
    if told := os.environ.get("OPENLPM_COMMIT"):
        return told
    source = Path(__file__).resolve().parents[2]
    if (source.parent / ".git").exists():
        try:
            commit = _git(source, "rev-parse", "--short=12", "HEAD")
            return commit + ("+changes" if _git(source, "status", "--porcelain", "--", ".") else "")
        except (OSError, subprocess.CalledProcessError):
            pass
    try:
        return "openlpm " + metadata.version("openlpm")
    except metadata.PackageNotFoundError:
        return "unknown"


def _git(folder: Path, *arguments: str) -> str:
    finished = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return finished.stdout.strip()


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
