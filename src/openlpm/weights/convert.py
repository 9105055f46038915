"""From a parent's checkpoint to a folder of ours, and from that to one with adapters merged in."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

from torch import Tensor

from openlpm.core.errors import WeightsError
from openlpm.dit.config import DiTConfig
from openlpm.weights.adapter import Adapter, open_adapter
from openlpm.weights.checkpoint import Checkpoint, StoredTensor, open_checkpoint, read_tensor
from openlpm.weights.conversion import ConversionPlan, Made, plan_conversion, target_shapes
from openlpm.weights.fresh import fresh
from openlpm.weights.shard_writer import Make, Part, Progress, ShardJob, dtype_for, write_shards
from openlpm.weights.store import INDEX, Storage, plain_shards
from openlpm.weights.transformer_folder import (
    WEIGHTS,
    read_record,
    read_transformer_config,
    write_record,
    write_transformer_config,
)
from openlpm.weights.wan import PATCH
from openlpm.weights.wan_sizes import names_of

SHARD_BYTES = 2**30


@final
@dataclass(frozen=True, slots=True)
class GivenAdapter:
    """An adapter to merge."""

    path: Path
    strength: float = 1.0


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Choices:
    """How weights are written."""

    storage: Storage = Storage.BF16
    max_shard_bytes: int = SHARD_BYTES
    seed: int = 0
    """Of the new branches."""
    adapters: tuple[GivenAdapter, ...] = ()

    def __post_init__(self) -> None:
        if self.storage is Storage.INT8_ROWS:
            raise WeightsError(
                "storage=int8_rows: weights this large are kept in bf16 or fp32, and narrowed when loaded"
            )
        if self.max_shard_bytes < 1:
            raise WeightsError(f"max_shard_bytes={self.max_shard_bytes}: give 1 or more")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What lies on the disk now."""

    folder: Path
    shards: tuple[Path, ...]
    plan: ConversionPlan | None
    """None where nothing was converted but adapters merged."""
    adapters: tuple[Adapter, ...]


def convert(
    parent: Checkpoint, target: DiTConfig, out: Path, choices: Choices, *, progress: Progress | None = None
) -> Written:
    """Make the weights of a character transformer from its parent's, in ``out``; run again, it goes on.

    The result is ``transformer.json``, the shards in ``dit`` and ``conversion.json``, which lists what was left out.

    Raises:
        WeightsError: the parent or an adapter does not fit, or ``out`` holds something else; keys are named.
        InputError: disk or memory have too little room; the text says how much is missing.
    """
    plan = plan_conversion(parent.shapes, target, parent.config)
    adapters = _opened(choices.adapters, plan.shapes)
    by_key = {made.key: made for made in plan.made}

    def make(key: str) -> Tensor:
        return _merged(key, _from_parent(by_key[key], parent, choices.seed), adapters)

    def finish() -> None:
        write_transformer_config(out, target)
        write_record(out, _record(parent, plan, choices, adapters))

    marks = {
        "parent": parent.fingerprint(),
        "target": repr(target),
        "seed": choices.seed,
        "adapters": _marks(adapters),
    }
    shards = write_shards(out / WEIGHTS, _job(plan.shapes, make, choices, marks, finish), progress)
    return Written(folder=out, shards=shards, plan=plan, adapters=adapters)


def merge(folder: Path, out: Path, choices: Choices, *, progress: Progress | None = None) -> Written:
    """Merge adapters into the transformer of a folder that ``convert`` or ``merge`` has written, into another folder.

    Raises:
        WeightsError: an adapter does not fit (keys are named), or there is none to merge.
        InputError: disk or memory have too little room; the text says how much is missing.
    """
    if not choices.adapters:
        raise WeightsError("adapters=(): give at least one adapter to merge")
    config = read_transformer_config(folder)
    shapes = target_shapes(config)
    _, files = plain_shards(folder / WEIGHTS)
    stored: dict[str, StoredTensor] = {}
    for file in files:
        stored |= open_checkpoint(file).tensors
    if {key: tensor.shape for key, tensor in stored.items()} != shapes:
        odd = sorted(stored.keys() ^ shapes.keys())[:4]
        raise WeightsError(
            f"{folder} does not hold what its transformer.json says ({', '.join(odd)}): convert it again"
        )
    adapters = _opened(choices.adapters, shapes)

    def make(key: str) -> Tensor:
        return _merged(key, read_tensor(stored[key]), adapters)

    def finish() -> None:
        before = read_record(folder)
        write_transformer_config(out, config)
        write_record(out, before | {"adapters": [*before.get("adapters", []), *_adapter_records(adapters)]})

    index = hashlib.sha256((folder / WEIGHTS / INDEX).read_bytes()).hexdigest()
    marks = {"index": index, "adapters": _marks(adapters)}
    shards = write_shards(out / WEIGHTS, _job(shapes, make, choices, marks, finish), progress)
    return Written(folder=out, shards=shards, plan=None, adapters=adapters)


def _opened(given: Sequence[GivenAdapter], shapes: dict[str, tuple[int, ...]]) -> tuple[Adapter, ...]:
    return tuple(open_adapter(each.path, shapes, strength=each.strength) for each in given)


def _from_parent(made: Made, parent: Checkpoint, seed: int) -> Tensor:
    if made.parent is None:
        return fresh(made.key, made.shape, seed)
    tensor = read_tensor(parent.tensors[made.parent])
    if made.key == PATCH:  # channels come first in a flattened kernel, those of the latents first among them
        return tensor.flatten(1)[:, : made.shape[1]]
    return tensor


def _merged(key: str, tensor: Tensor, adapters: Sequence[Adapter]) -> Tensor:
    for adapter in adapters:
        tensor = adapter.applied(key, tensor)
    return tensor


def _job(
    shapes: dict[str, tuple[int, ...]],
    make: Make,
    choices: Choices,
    marks: dict[str, Any],
    finish: Callable[[], None],
) -> ShardJob:
    marks |= {"storage": choices.storage.value, "max_shard_bytes": choices.max_shard_bytes}
    return ShardJob(
        parts=[Part(key, shape, dtype_for(key, shape, choices.storage)) for key, shape in sorted(shapes.items())],
        make=make,
        storage=choices.storage,
        fingerprint=hashlib.sha256(json.dumps(marks, sort_keys=True).encode()).hexdigest(),
        max_shard_bytes=choices.max_shard_bytes,
        finish=finish,
    )


def _marks(adapters: Sequence[Adapter]) -> list[tuple[str, float]]:
    return [(adapter.fingerprint, adapter.strength) for adapter in adapters]


def _record(parent: Checkpoint, plan: ConversionPlan, choices: Choices, adapters: Sequence[Adapter]) -> dict[str, Any]:
    files = sorted({tensor.file for tensor in parent.tensors.values()})
    return {
        "parent": {
            "names": list(names_of(plan.sizes)),
            "layout": plan.layout.value,
            "sizes": asdict(plan.sizes),
            "files": {file.name: file.stat().st_size for file in files},
        },
        "left_out": [{"key": each.key, "shape": each.shape, "reason": each.reason.value} for each in plan.left_out],
        "new": [each.key for each in plan.new],
        "seed": choices.seed,
        "adapters": _adapter_records(adapters),
    }


def _adapter_records(adapters: Sequence[Adapter]) -> list[dict[str, Any]]:
    return [
        {
            "file": adapter.path.name,
            "strength": adapter.strength,
            "changed": sorted(adapter.changes),
            "left_out": [{"module": module, "reason": reason.value} for module, reason in adapter.left_out],
        }
        for adapter in adapters
    ]
