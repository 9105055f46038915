"""Low-rank adapters (LoRA) of Wan in the layouts that people share, as changes to tensors of ours.

A module is named as the authors do, as diffusers does, or as we do, after any of the prefixes of ``_PREFIXES``; or as
the authors do with underscores for dots (kohya's way). Its matrices are ``lora_A`` and ``lora_B`` (PEFT), ``lora_down``
and ``lora_up`` or ``lora.down`` and ``lora.up``. ``alpha`` over the rank scales their product: it is a tensor, or
stands in the header of the file or in PEFT's adapter_config.json beside it; where nobody says it, it is the rank.
``diff``, ``diff_b`` and ``diff_m`` are whole differences of a weight, a bias and a modulation table.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from openlpm.core.errors import WeightsError
from openlpm.weights.checkpoint import Checkpoint, StoredTensor, open_checkpoint, read_tensor
from openlpm.weights.wan import PATCH, Layout, Meant, Reason, modules

_PREFIXES = ("base_model.model.", "model.diffusion_model.", "diffusion_model.", "transformer.")
_FLAT = "lora_unet_"
_ENDS = {
    ".lora_A.weight": "down",
    ".lora_A.default.weight": "down",
    ".lora_down.weight": "down",
    ".lora.down.weight": "down",
    ".lora_B.weight": "up",
    ".lora_B.default.weight": "up",
    ".lora_up.weight": "up",
    ".lora.up.weight": "up",
    ".lora_B.bias": "up_bias",
    ".lora_B.default.bias": "up_bias",
    ".alpha": "alpha",
    ".diff_b": "bias",
    ".diff_m": "table",
    ".diff": "whole",
}
_HEADER, _BESIDE = "lora_adapter_metadata", "adapter_config.json"


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What an adapter adds to one tensor: a product of two matrices times a scale, or a difference as it is."""

    first: StoredTensor
    """The matrix next to the output, or the whole difference."""
    second: StoredTensor | None
    """The matrix next to the input."""
    scale: float

    def difference(self) -> Tensor:
        """In float32, a kernel as a matrix."""
        first = read_tensor(self.first).float()
        if self.second is None:
            return self.scale * (first.flatten(1) if first.ndim == 5 else first)
        return self.scale * (first.flatten(1) @ read_tensor(self.second).float().flatten(1))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the difference."""
        rows = self.first.shape
        if self.second is not None:
            return (rows[0], torch.Size(self.second.shape[1:]).numel())
        return (rows[0], torch.Size(rows[1:]).numel()) if len(rows) == 5 else rows


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Adapter:
    """Changes by the names of our tensors."""

    path: Path
    strength: float
    changes: Mapping[str, tuple[Change, ...]]
    left_out: tuple[tuple[str, Reason], ...]
    """Modules of what we leave out of a parent."""
    fingerprint: str

    def applied(self, key: str, tensor: Tensor) -> Tensor:
        """One of our tensors with what the adapter adds to it, in float32."""
        wide = tensor.float()
        for change in self.changes.get(key, ()):
            difference = change.difference()
            if key == PATCH:  # kernels of picture to video reach over channels that were cut off
                difference = difference[:, : wide.shape[1]]
            wide = wide + self.strength * difference.reshape(wide.shape)
        return wide


def open_adapter(path: Path, shapes: Mapping[str, tuple[int, ...]], *, strength: float = 1.0) -> Adapter:
    """An adapter for a transformer whose tensors have these names and shapes.

    Raises:
        WeightsError: a key is of no known layout or module, half of a pair is missing, a matrix does not fit its tensor
            (all are named), or the adapter is of a kind that cannot be merged.
    """
    found = open_checkpoint(path)
    known = _modules(shapes)
    told = _told(found)
    pieces: dict[str, dict[str, StoredTensor]] = {}
    strange: list[str] = []
    for key, tensor in found.tensors.items():
        module, piece = _split(key)
        if module not in known:
            strange.append(key)
        else:
            pieces.setdefault(module, {})[piece] = tensor
    if strange:
        raise WeightsError(f"{path.name} has {_some(strange)}, which belong to no module of this transformer")
    changes: dict[str, tuple[Change, ...]] = {}
    left_out: list[tuple[str, Reason]] = []
    for module, parts in sorted(pieces.items()):
        meant = known[module]
        if meant.left_out is not None:
            left_out.append((module, meant.left_out))
            continue
        for key, change in _changes(module, meant, parts, told):
            _require_fit(path, key, change, shapes)
            changes[key] = (*changes.get(key, ()), change)
    if not changes:
        raise WeightsError(f"{path.name} changes nothing that is kept: it is not an adapter for this model")
    return Adapter(
        path=path, strength=strength, changes=changes, left_out=tuple(left_out), fingerprint=found.fingerprint()
    )


def _changes(
    module: str, meant: Meant, parts: Mapping[str, StoredTensor], told: "_Told"
) -> Iterator[tuple[str, Change]]:
    if ("down" in parts) != ("up" in parts) or ({"alpha", "up_bias"} & parts.keys() and "up" not in parts):
        raise WeightsError(f"{module}: an adapter needs both of its matrices there, and has {', '.join(sorted(parts))}")
    scale = 1.0
    if "down" in parts:
        rank = parts["down"].shape[0]
        alpha = float(read_tensor(parts["alpha"]).item()) if "alpha" in parts else told.alpha(module, rank)
        scale = alpha / (math.sqrt(rank) if told.by_root else rank)
        yield f"{meant.key}.weight", Change(first=parts["up"], second=parts["down"], scale=scale)
    for piece, leaf, factor in (("up_bias", ".bias", scale), ("whole", ".weight", 1.0), ("bias", ".bias", 1.0)):
        if piece in parts:
            yield meant.key + leaf, Change(first=parts[piece], second=None, scale=factor)
    if "table" in parts:
        if meant.ours not in ("", "head"):
            raise WeightsError(f"{module}.diff_m: only blocks and the head have a modulation table")
        key = "head_modulation" if meant.layer is None else f"blocks.{meant.layer}.modulation"
        yield key, Change(first=parts["table"], second=None, scale=1.0)


def _require_fit(path: Path, key: str, change: Change, shapes: Mapping[str, tuple[int, ...]]) -> None:
    wanted, shape = shapes.get(key), change.shape
    if wanted is None:
        raise WeightsError(f"{path.name} changes {key}, which this transformer does not have")
    cut = key == PATCH and len(shape) == 2 and shape[0] == wanted[0] and shape[1] >= wanted[1]
    inner_fits = change.second is None or len(change.first.shape) < 2 or change.first.shape[1] == change.second.shape[0]
    if not inner_fits or (shape != wanted and not cut):
        raise WeightsError(f"{path.name} changes {key} by {shape}, but it is {wanted}: the adapter is for another size")


def _modules(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Meant]:
    """Every way to name a module."""
    num_layers = 1 + max((int(key.split(".")[1]) for key in shapes if key.startswith("blocks.")), default=-1)
    known: dict[str, Meant] = {}
    for key in shapes:
        stem = key.rpartition(".")[0]
        if key.endswith((".weight", ".bias")):
            known[stem] = Meant(stem, None)
    for layout in Layout:
        known |= dict(modules(num_layers, layout))
    known |= {_FLAT + name.replace(".", "_"): meant for name, meant in modules(num_layers, Layout.ORIGINAL)}
    known |= {f"blocks.{layer}": Meant("", layer) for layer in range(num_layers)}  # tables stand under the block
    known["head"] = known.get("head", Meant("head", None))
    return known


def _split(key: str) -> tuple[str, str]:
    """A module without prefix, and which of its pieces a key is; an empty piece is none that is known."""
    for end, piece in _ENDS.items():
        if key.endswith(end):
            module, before = key.removesuffix(end), ""
            while module != before:
                before = module
                for prefix in _PREFIXES:
                    module = module.removeprefix(prefix)
            return module, piece
    return "", ""


@final
@dataclass(frozen=True, slots=True)
class _Told:
    """What stands beside the matrices."""

    common: float | None
    patterns: Mapping[str, float]
    by_root: bool

    def alpha(self, module: str, rank: int) -> float:
        """For a module; its rank where nobody says."""
        for pattern, alpha in self.patterns.items():
            if re.fullmatch(rf"(.*\.)?({pattern})", module):
                return alpha
        return float(rank) if self.common is None else self.common


def _told(found: Checkpoint) -> _Told:
    beside = (found.path if found.path.is_dir() else found.path.parent) / _BESIDE
    config: dict[str, Any] = {}
    if _HEADER in found.metadata:
        told: dict[str, Any] = json.loads(found.metadata[_HEADER])
        config = {key.removeprefix("transformer."): value for key, value in told.items()}
    elif beside.is_file():
        config = json.loads(beside.read_bytes())
    if config.get("use_dora"):
        raise WeightsError(f"{found.path.name} is a DoRA, whose magnitudes are no sum: merge it where it was trained")
    alpha = config.get("lora_alpha")
    return _Told(
        common=None if alpha is None else float(alpha),
        patterns={name: float(value) for name, value in (config.get("alpha_pattern") or {}).items()},
        by_root=bool(config.get("use_rslora")),
    )


def _some(keys: list[str]) -> str:
    shown = sorted(keys)
    return ", ".join(shown[:4]) + (f" and {len(shown) - 4} more" if len(shown) > 4 else "")
