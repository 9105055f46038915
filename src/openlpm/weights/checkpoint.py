"""Checkpoints of others: safetensors files of which only the headers are read until a tensor is asked for."""

import hashlib
import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from openlpm.core.errors import WeightsError

_CONFIG = "config.json"
_TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


@final
@dataclass(frozen=True, slots=True)
class StoredTensor:
    """One tensor of a checkpoint, not read yet."""

    file: Path
    name: str
    """In the file."""
    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def num_values(self) -> int:
        """How many numbers it holds."""
        return torch.Size(self.shape).numel()


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """All tensors of a checkpoint by name, and what its config.json and its files' headers say beside them."""

    path: Path
    tensors: Mapping[str, StoredTensor]
    config: Mapping[str, Any] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes by name."""
        return {name: tensor.shape for name, tensor in self.tensors.items()}

    @property
    def size_bytes(self) -> int:
        """What the tensors take."""
        return sum(tensor.num_values * tensor.dtype.itemsize for tensor in self.tensors.values())

    def fingerprint(self) -> str:
        """Says which checkpoint this is without reading it all: names, shapes, types, sizes and times of its files."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.tensors.items()):
            digest.update(f"{name} {tensor.shape} {tensor.dtype} {tensor.file.name}\n".encode())
        for file in sorted({tensor.file for tensor in self.tensors.values()}):
            found = file.stat()
            digest.update(f"{file.name} {found.st_size} {found.st_mtime_ns}\n".encode())
        return digest.hexdigest()


def open_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint in a file, in a folder of shards, or in the ``transformer`` of a folder of diffusers.

    Raises:
        WeightsError: nothing is there, a shard is missing (it is named) or is no safetensors file.
    """
    if path.is_file():
        return _of_files(path, [path], None)
    if not path.is_dir():
        raise WeightsError(f"{path} does not exist: give a .safetensors file or a folder of them")
    inner = path / "transformer"
    folder = inner if not _files(path) and inner.is_dir() else path
    indices = sorted(folder.glob("*.safetensors.index.json"))
    if len(indices) > 1:
        raise WeightsError(f"{folder} has several indices ({indices[0].name}, {indices[1].name}): give one checkpoint")
    config = _json(folder / _CONFIG) if (folder / _CONFIG).is_file() else None
    if indices:
        return _indexed(folder, indices[0], config)
    files = _files(folder)
    if not files:
        raise WeightsError(f"{folder} holds no .safetensors files: give the folder of the transformer")
    return _of_files(folder, files, config)


def read_tensor(tensor: StoredTensor) -> Tensor:
    """One tensor, as it is stored."""
    with _opened(tensor.file) as file:
        return file.get_tensor(tensor.name)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def _indexed(folder: Path, index: Path, config: Mapping[str, Any] | None) -> Checkpoint:
    places = _json(index).get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
        raise WeightsError(f"{index} has no weight_map: fetch it again")
    names = sorted(set(places.values()))
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        shown = ", ".join(missing[:4]) + (" and others" if len(missing) > 4 else "")
        raise WeightsError(f"{folder} lacks {len(missing)} of {len(names)} shards, {shown}: fetch them again")
    found = _of_files(folder, [folder / name for name in names], config)
    for key, name in places.items():
        if key not in found.tensors or found.tensors[key].file.name != name:
            raise WeightsError(f"{name} has no {key}, though {index.name} says so: fetch both again")
    unlisted = sorted(found.tensors.keys() - places.keys())
    if unlisted:
        raise WeightsError(
            f"{', '.join(unlisted[:4])}: in the shards of {folder} but not in {index.name}; fetch both again"
        )
    return found


def _of_files(path: Path, files: list[Path], config: Mapping[str, Any] | None) -> Checkpoint:
    tensors: dict[str, StoredTensor] = {}
    metadata: dict[str, str] = {}
    for file in files:
        with _opened(file) as shard:
            metadata |= shard.metadata() or {}
            for name in shard.keys():  # noqa: SIM118 (no mapping: it cannot be iterated)
                part = shard.get_slice(name)
                if name in tensors:
                    raise WeightsError(
                        f"{name} is in {tensors[name].file.name} and in {file.name}: give one checkpoint"
                    )
                kind = _TYPES.get(part.get_dtype())
                if kind is None:
                    raise WeightsError(f"{name} in {file} is of type {part.get_dtype()}, which cannot be converted")
                tensors[name] = StoredTensor(file, name, tuple(part.get_shape()), kind)
    return Checkpoint(path=path, tensors=tensors, config=config, metadata=metadata)


@contextmanager
def _opened(file: Path) -> Generator[Any]:
    try:
        with safe_open(file, framework="pt") as opened:
            yield opened
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{file} is no whole safetensors file ({error}): fetch it again") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise WeightsError(f"{path} is not JSON: fetch it again") from error
    if not isinstance(found, dict):
        raise WeightsError(f"{path} is no JSON object: fetch it again")
    return found
