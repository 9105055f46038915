"""Compiled graphs that outlive their machine: minutes of compiling, paid once for a GPU and a version of the code."""

from pathlib import Path

import torch


def load_compiled(path: Path) -> bool:
    """Make the artefacts of an earlier run available to this process; False if there are none."""
    if not path.is_file():
        return False
    return torch.compiler.load_cache_artifacts(path.read_bytes()) is not None


def save_compiled(path: Path) -> int:
    """Write what this process compiled or loaded; returns the size in bytes, 0 if nothing was compiled."""
    artefacts = torch.compiler.save_cache_artifacts()
    if artefacts is None:
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_bytes(artefacts[0])
    draft.replace(path)
    return len(artefacts[0])
