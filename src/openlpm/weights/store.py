"""Checkpoints on disk: safetensors in shards, an index with a checksum for each, strict in every direction.

A folder holds ``weights-00001-of-00003.safetensors`` and so on, and ``index.json``. A matrix stored as int8 rows is two
tensors: its integers under its own key and its scales under ``<key>.scale``; such shards are gzipped (``.gz``), since
most of the integers are small. A folder may hold a difference (``weights.difference``) to the weights of a folder
beside it, which its index names by a checksum.
"""

import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, final

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from openlpm.core.errors import WeightsError
from openlpm.weights.difference import FACTORS, added
from openlpm.weights.int8 import Int8Rows, dequantise, quantise, worth_quantising

INDEX = "index.json"
SCALE = ".scale"
_GZIPPED = ".gz"
_FORMAT = 1


class Storage(StrEnum):
    """How floating-point tensors are stored; others are stored as they are."""

    INT8_ROWS = "int8_rows"
    """Matrices as int8 rows, the rest in float32; beside a base in float16: vectors of a second network weigh much."""
    BF16 = "bf16"
    FP32 = "fp32"


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class _Index:
    storage: Storage
    shards: dict[str, dict[str, Any]]
    """File name to ``sha256`` and ``size_bytes``."""
    quantised: frozenset[str]
    base: dict[str, str] | None
    """``name`` and ``index_sha256`` of the folder to whose weights these are a difference."""


def save(
    state: Mapping[str, Tensor],
    folder: Path,
    *,
    storage: Storage,
    max_shard_bytes: int = 15 * 2**20,
    base: Path | None = None,
) -> tuple[Path, ...]:
    """Write ``state`` and return the shards; what was stored in ``folder`` before is replaced.

    With a ``base``, a folder of weights beside this one, ``state`` is a difference to what lies there.

    Shards come first and the index last, so that a save cut short is refused by ``load``. A tensor larger than
    ``max_shard_bytes`` has a shard of its own.

    Raises:
        WeightsError: a key of ``state`` ends like the scale of another; the base does not lie beside ``folder``.
    """
    if base is not None and (base.resolve().parent != folder.resolve().parent or base.name == folder.name):
        raise WeightsError(
            f"{base} does not lie beside {folder}: store a difference next to what it is a difference to"
        )
    origin = None if base is None else {"name": base.name, "index_sha256": _index_sha256(base)}
    packed: dict[str, Tensor] = {}
    quantised: list[str] = []
    narrow = torch.bfloat16 if storage is Storage.BF16 else torch.float32
    if storage is Storage.INT8_ROWS and base is not None:
        narrow = torch.float16
    for key in sorted(state):
        tensor = state[key].detach().cpu()
        if key.endswith(SCALE) and key.removesuffix(SCALE) in state:
            raise WeightsError(f"key {key!r} could be taken for the scale of another: rename it")
        if storage is Storage.INT8_ROWS and (worth_quantising(tensor) or (base is not None and key.endswith(FACTORS))):
            rows = quantise(tensor)
            packed[key], packed[key + SCALE] = rows.integers, rows.scale
            quantised.append(key)
        elif tensor.is_floating_point():
            packed[key] = tensor.to(narrow).clone()
        else:
            packed[key] = tensor.clone()

    folder.mkdir(parents=True, exist_ok=True)
    groups = _shards(packed, max_shard_bytes)
    ending = ".safetensors" + (_GZIPPED if storage is Storage.INT8_ROWS else "")
    names = [f"weights-{number:05}-of-{len(groups):05}{ending}" for number in range(1, len(groups) + 1)]
    (folder / INDEX).unlink(missing_ok=True)
    for stale in folder.glob("weights-*-of-*.safetensors*"):
        stale.unlink()
    shards: dict[str, dict[str, Any]] = {}
    for name, group in zip(names, groups, strict=True):
        blob = safetensors.torch.save({key: packed[key].contiguous() for key in group})
        if name.endswith(_GZIPPED):
            blob = gzip.compress(blob, mtime=0)
        (folder / name).write_bytes(blob)
        shards[name] = {"sha256": hashlib.sha256(blob).hexdigest(), "size_bytes": len(blob)}
    write_index(folder, storage, shards, quantised=quantised, base=origin)
    return tuple(folder / name for name in names)


def write_index(
    folder: Path,
    storage: Storage,
    shards: Mapping[str, Mapping[str, Any]],
    *,
    quantised: Sequence[str] = (),
    base: Mapping[str, str] | None = None,
) -> None:
    """Say which shards (``sha256`` and ``size_bytes`` by file name) make up the weights in ``folder``; written last."""
    index: dict[str, Any] = {
        "format": _FORMAT,
        "storage": storage.value,
        "shards": dict(shards),
        "quantised": list(quantised),
    }
    index |= {} if base is None else {"base": dict(base)}
    partial = folder / (INDEX + ".partial")
    partial.write_text(json.dumps(index, indent=1) + "\n")
    partial.replace(folder / INDEX)


def plain_shards(folder: Path) -> tuple[Storage, tuple[Path, ...]]:
    """How tensors are stored in ``folder``, and its shards, where these can be read tensor by tensor.

    Raises:
        WeightsError: they are int8 rows or a difference, or the index is missing.
    """
    index = _read_index(folder)
    if index.quantised or index.base is not None or any(name.endswith(_GZIPPED) for name in index.shards):
        raise WeightsError(f"{folder} holds int8 rows or a difference: give weights in bf16 or fp32")
    return index.storage, tuple(folder / name for name in index.shards)


def load_onto(module: nn.Module, folder: Path, device: torch.device | str, dtype: torch.dtype | None = None) -> None:
    """Fill a module on the meta device shard by shard, so that memory holds one shard beside the module.

    ``dtype`` is that of every floating-point tensor; None leaves them as stored.

    Raises:
        WeightsError: keys are missing, unexpected or of another shape (they are named), or a shard is damaged.
    """
    wanted = {key: tuple(tensor.shape) for key, tensor in module.state_dict().items()}
    index = _read_index(folder)
    if index.quantised or index.base is not None:
        raise WeightsError(f"{folder} holds int8 rows or a difference: load it whole")
    left = dict(wanted)
    for name, expected in index.shards.items():
        shard = _read_shard(folder / name, expected)
        _require_fit(module, folder, shard, {key: left[key] for key in shard if key in left})
        placed = {
            key: tensor.to(device, dtype if tensor.is_floating_point() else None) for key, tensor in shard.items()
        }
        module.load_state_dict(placed, strict=False, assign=True)
        for key in shard:
            del left[key]
    _require_fit(module, folder, {}, left)


def load(folder: Path, *, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
    """The state that ``save`` wrote, on the CPU, floating-point tensors in ``dtype``.

    With None they come as stored, and int8 rows as float32. A difference comes as the weights that it makes.

    Raises:
        WeightsError: the index is missing or unreadable, or a shard is missing, truncated or corrupt; it is named. Or
            the weights beside it are not those that a difference was made for.
    """
    index = _read_index(folder)
    packed: dict[str, Tensor] = {}
    for name, expected in index.shards.items():
        packed.update(_read_shard(folder / name, expected))
    state: dict[str, Tensor] = {}
    for key in sorted(packed):
        if key.endswith(SCALE) and key.removesuffix(SCALE) in index.quantised:
            continue
        tensor = packed[key]
        if key in index.quantised:
            tensor = dequantise(Int8Rows(integers=tensor, scale=packed[key + SCALE]))
        state[key] = tensor
    if index.base is not None:
        state = _with_base(state, folder, index.base)
    return {
        key: tensor.to(dtype) if dtype is not None and tensor.is_floating_point() else tensor
        for key, tensor in state.items()
    }


def verify(folder: Path) -> int:
    """See that all that ``save`` wrote is there and unchanged, without making tensors of it; returns its size in bytes.

    Raises:
        WeightsError: something is missing, truncated or corrupt; it is named.
    """
    index = _read_index(folder)
    blobs = [_read_blob(folder / name, expected) for name, expected in index.shards.items()]
    if index.base is not None:
        _require_base(folder, index.base)
    return sum(len(blob) for blob in blobs)


def _with_base(difference: dict[str, Tensor], folder: Path, base: Mapping[str, str]) -> dict[str, Tensor]:
    beside = _require_base(folder, base)
    try:
        return added(load(beside), difference)
    except WeightsError as error:
        raise WeightsError(f"{folder} does not fit {beside}: {error}") from error


def _require_base(folder: Path, base: Mapping[str, str]) -> Path:
    """The folder beside ``folder`` that its difference was made for."""
    beside = folder.parent / base["name"]
    if _index_sha256(beside) != base["index_sha256"]:
        raise WeightsError(
            f"{folder} is a difference to other weights than those in {beside}: fetch both again, or package them again"
        )
    return beside


def load_into(module: nn.Module, folder: Path) -> None:
    """Fill ``module`` with the state in ``folder``, in the types of its parameters; every key has to fit.

    Parameters on the meta device become real, on the CPU.

    Raises:
        WeightsError: keys are missing, unexpected or of another shape (they are named), or ``load`` fails.
    """
    wanted = module.state_dict()
    state = load(folder)
    _require_fit(module, folder, state, {key: tuple(tensor.shape) for key, tensor in wanted.items()})
    on_meta = any(tensor.is_meta for tensor in wanted.values())
    typed = {key: tensor.to(wanted[key].dtype) for key, tensor in state.items()}
    module.load_state_dict(typed, strict=True, assign=on_meta)


def _require_fit(
    module: nn.Module, folder: Path, state: Mapping[str, Tensor], wanted: Mapping[str, tuple[int, ...]]
) -> None:
    faults = [
        *_named("missing", sorted(wanted.keys() - state.keys())),
        *_named("unexpected", sorted(state.keys() - wanted.keys())),
        *_named(
            "of another shape",
            [
                f"{key} ({tuple(state[key].shape)} instead of {wanted[key]})"
                for key in sorted(wanted.keys() & state.keys())
                if tuple(state[key].shape) != wanted[key]
            ],
        ),
    ]
    if faults:
        raise WeightsError(f"{folder} does not fit {type(module).__name__}: {'; '.join(faults)}")


def _named(fault: str, keys: list[str]) -> list[str]:
    shown = ", ".join(keys[:8]) + (f" and {len(keys) - 8} more" if len(keys) > 8 else "")
    return [f"{fault}: {shown}"] if keys else []


def _shards(packed: Mapping[str, Tensor], max_shard_bytes: int) -> list[list[str]]:
    """Keys in groups of at most ``max_shard_bytes``, in order; at least one group."""
    groups: list[list[str]] = [[]]
    filled = 0
    for key, tensor in packed.items():
        size = tensor.numel() * tensor.element_size()
        if groups[-1] and filled + size > max_shard_bytes:
            groups.append([])
            filled = 0
        groups[-1].append(key)
        filled += size
    return groups


def _index_sha256(folder: Path) -> str:
    """Says which weights lie there: an index has the checksums of all shards."""
    if not (folder / INDEX).is_file():
        raise WeightsError(f"{folder} holds no weights, but others are a difference to them: {INDEX} is missing")
    return hashlib.sha256((folder / INDEX).read_bytes()).hexdigest()


def _read_index(folder: Path) -> _Index:
    path = folder / INDEX
    try:
        index = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise WeightsError(f"{folder} holds no weights: {INDEX} is missing (was a save cut short?)") from None
    except ValueError as error:
        raise WeightsError(f"{path} is not JSON: fetch the weights again") from error
    try:
        if index["format"] != _FORMAT:
            raise WeightsError(f"{path} has format {index['format']}, this version reads {_FORMAT}: update OpenLPM")
        base = index.get("base")
        if base is not None and (Path(base["name"]).name != base["name"] or "index_sha256" not in base):
            raise KeyError("base")
        return _Index(
            storage=Storage(index["storage"]),
            shards=index["shards"],
            quantised=frozenset(index["quantised"]),
            base=base,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path} is no index of weights: fetch the weights again") from error


def _read_shard(path: Path, expected: Mapping[str, Any]) -> dict[str, Tensor]:
    try:
        blob = _read_blob(path, expected)
        return safetensors.torch.load(gzip.decompress(blob) if path.suffix == _GZIPPED else blob)
    except (SafetensorError, gzip.BadGzipFile) as error:
        raise WeightsError(f"{path} is not a safetensors file: fetch it again") from error


def _read_blob(path: Path, expected: Mapping[str, Any]) -> bytes:
    try:
        blob = path.read_bytes()
    except FileNotFoundError:
        raise WeightsError(f"{path} is missing: fetch the weights again") from None
    if len(blob) != expected["size_bytes"]:
        raise WeightsError(f"{path} is truncated ({len(blob)} of {expected['size_bytes']} bytes): fetch it again")
    if hashlib.sha256(blob).hexdigest() != expected["sha256"]:
        raise WeightsError(f"{path} is corrupt (its checksum is wrong): fetch it again")
    return blob
