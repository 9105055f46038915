"""Large weights written shard by shard: memory holds one shard, and a run that was stopped goes on where it was.

``conversion.partial.json`` lists finished shards with their checksums until the index takes its place.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import safetensors.torch
import torch
from torch import Tensor

from openlpm.core.errors import WeightsError
from openlpm.weights.room import require_disk, require_memory
from openlpm.weights.store import INDEX, Storage, write_index

JOURNAL = "conversion.partial.json"
_BLOCK = 2**24
_HEADER_BYTES = 120
"""About what a safetensors file says of one tensor, beside its numbers."""
_TIMES_SHARD, _TIMES_TENSOR = 2, 3
"""A shard is held as tensors and as bytes; a tensor as it is stored, in float32, and beside an adapter's difference."""

Make = Callable[[str], Tensor]
"""Makes the tensor of a name; its type is then that of the part."""
Progress = Callable[[int, int], None]
"""Receives how many tensors are done, and of how many."""


@final
@dataclass(frozen=True, slots=True)
class Part:
    """One tensor to be written."""

    key: str
    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def size_bytes(self) -> int:
        """In the file."""
        return torch.Size(self.shape).numel() * self.dtype.itemsize + _HEADER_BYTES


def dtype_for(key: str, shape: tuple[int, ...], storage: Storage) -> torch.dtype:
    """How a tensor is stored: the blocks' matrices narrow, all that is small and matters (norms, tables) in float32."""
    narrow = storage is Storage.BF16 and len(shape) == 2 and key.startswith("blocks.") and not key.endswith("_WD")
    return torch.bfloat16 if narrow else torch.float32


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ShardJob:
    """What is to be written."""

    parts: Sequence[Part]
    make: Make
    storage: Storage
    fingerprint: str
    """Two jobs with the same one write the same."""
    max_shard_bytes: int
    finish: Callable[[], None]
    """Writes what belongs beside the shards, when all of these are there; the index comes after it."""


def write_shards(folder: Path, job: ShardJob, progress: Progress | None = None) -> tuple[Path, ...]:
    """Write all parts in order and return the shards; those that a run before has finished are checked and kept.

    Raises:
        WeightsError: something else is being written to ``folder``, or is there already.
        InputError: the disk or the memory has too little room; the text says how much is missing.
    """
    groups = _groups(job.parts, job.max_shard_bytes)
    names = [f"weights-{number:05}-of-{len(groups):05}.safetensors" for number in range(1, len(groups) + 1)]
    finished = _resume(folder, job.fingerprint)
    left = [group for name, group in zip(names, groups, strict=True) if name not in finished]
    require_disk(folder, sum(part.size_bytes for group in left for part in group))
    _require_memory(left)
    folder.mkdir(parents=True, exist_ok=True)
    done = 0
    for name, group in zip(names, groups, strict=True):
        if name not in finished:
            finished[name] = _write(folder / name, group, job.make)
            _note(folder, job.fingerprint, finished)
        done += len(group)
        if progress is not None:
            progress(done, len(job.parts))
    job.finish()
    write_index(folder, job.storage, {name: finished[name] for name in names})
    (folder / JOURNAL).unlink(missing_ok=True)
    return tuple(folder / name for name in names)


def _write(path: Path, group: Sequence[Part], make: Make) -> dict[str, Any]:
    tensors = {part.key: make(part.key).to(part.dtype).contiguous() for part in group}
    for part in group:
        if tuple(tensors[part.key].shape) != part.shape:
            raise WeightsError(f"{part.key} became {tuple(tensors[part.key].shape)} instead of {part.shape}")
    draft = path.with_suffix(".draft")
    safetensors.torch.save_file(tensors, draft)
    draft.replace(path)
    return {"sha256": file_sha256(path), "size_bytes": path.stat().st_size}


def file_sha256(path: Path) -> str:
    """Checksum of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _resume(folder: Path, fingerprint: str) -> dict[str, dict[str, Any]]:
    """Shards that are whole, by name."""
    if (folder / INDEX).is_file():
        raise WeightsError(f"{folder} holds weights already: give another folder, or remove it")
    if not (folder / JOURNAL).is_file():
        return {}
    try:
        journal = json.loads((folder / JOURNAL).read_bytes())
        whose, shards = journal["fingerprint"], dict(journal["shards"])
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{folder / JOURNAL} cannot be read: remove {folder} and begin anew") from error
    if whose != fingerprint:
        raise WeightsError(f"{folder} holds half a conversion of something else: give another folder, or remove it")
    return {
        name: told
        for name, told in shards.items()
        if (folder / name).is_file() and file_sha256(folder / name) == told["sha256"]
    }


def _note(folder: Path, fingerprint: str, shards: dict[str, dict[str, Any]]) -> None:
    draft = folder / (JOURNAL + ".draft")
    draft.write_text(json.dumps({"fingerprint": fingerprint, "shards": shards}, indent=1) + "\n")
    draft.replace(folder / JOURNAL)


def _require_memory(groups: Sequence[Sequence[Part]]) -> None:
    shard = max((sum(part.size_bytes for part in group) for group in groups), default=0)
    tensor = max((4 * torch.Size(part.shape).numel() for group in groups for part in group), default=0)
    require_memory(_TIMES_SHARD * shard + _TIMES_TENSOR * tensor, "close other programs, or give a smaller --shard-mib")


def _groups(parts: Sequence[Part], max_shard_bytes: int) -> list[list[Part]]:
    """Parts in order, in groups of at most ``max_shard_bytes``; a larger tensor has a group of its own."""
    groups: list[list[Part]] = [[]]
    filled = 0
    for part in parts:
        if groups[-1] and filled + part.size_bytes > max_shard_bytes:
            groups.append([])
            filled = 0
        groups[-1].append(part)
        filled += part.size_bytes
    return groups
