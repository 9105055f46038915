"""What ``openlpm weights inspect`` finds, as lines and as JSON."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import torch

from openlpm.core.errors import InputError
from openlpm.recipes.models import named_models
from openlpm.recipes.wan import character_of, named_checkpoint
from openlpm.weights.checkpoint import open_checkpoint
from openlpm.weights.conversion import ConversionPlan, plan_conversion, read_sizes
from openlpm.weights.room import gib
from openlpm.weights.shard_writer import dtype_for
from openlpm.weights.store import Storage
from openlpm.weights.wan import Layout
from openlpm.weights.wan_sizes import Shape, expected, named_checkpoints, names_of

_SHOWN = 3


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A checkpoint, and what would become of it."""

    what: str
    names: tuple[str, ...]
    parameters: int
    size_bytes: int | None
    """None for a release by name, of which nothing is here."""
    types: dict[str, int]
    """How many tensors there are of each type."""
    plan: ConversionPlan

    @property
    def result_bytes(self) -> int:
        """What the result takes on the disk in bf16."""
        shapes = self.plan.shapes.items()
        return sum(_count(shape) * dtype_for(key, shape, Storage.BF16).itemsize for key, shape in shapes)

    @property
    def becomes(self) -> str:
        """The name of our size."""
        return next((each.name for each in named_models() if each.config == self.plan.target), "a size without a name")

    def as_dict(self) -> dict[str, Any]:
        """For a file."""
        plan = self.plan
        return {
            "names": list(self.names),
            "layout": plan.layout.value,
            "sizes": asdict(plan.sizes),
            "parameters": self.parameters,
            "size_bytes": self.size_bytes,
            "types": self.types,
            "becomes": self.becomes,
            "result": {"parameters": sum(map(_count, plan.shapes.values())), "bf16_bytes": self.result_bytes},
            "left_out": [{"key": each.key, "shape": each.shape, "reason": each.reason.value} for each in plan.left_out],
            "added": [{"key": each.key, "shape": each.shape} for each in plan.new],
        }


def found_at(checkpoint: str, layout: str) -> Found:
    """What lies at a path, or what a release of that name is.

    Raises:
        InputError: there is neither such a path nor such a name, or the layout has another name.
        WeightsError: it is no transformer of Wan2.1; keys are named.
    """
    if layout not in list(Layout):
        raise InputError(f"--layout {layout}: give original or diffusers")
    known = {each.name for each in named_checkpoints()}
    if checkpoint in known and not Path(checkpoint).exists():
        shapes = expected(named_checkpoint(checkpoint).sizes, Layout(layout))
        return _found(f"{checkpoint} (by name; nothing was read)", shapes, None, {}, None)
    if not Path(checkpoint).exists():
        raise InputError(f"{checkpoint} is neither a path nor one of {', '.join(sorted(known))}")
    parent = open_checkpoint(Path(checkpoint))
    types = Counter(str(tensor.dtype).removeprefix("torch.") for tensor in parent.tensors.values())
    return _found(checkpoint, parent.shapes, parent.size_bytes, dict(types), parent.config)


def lines_of(found: Found, *, every_key: bool) -> Iterator[str]:
    """The report."""
    plan, sizes = found.plan, found.plan.sizes
    kind = "text to video" if sizes.picture_width is None else "picture to video"
    yield f"{found.what}"
    yield f"  is         {' or '.join(found.names) or 'no release by its sizes'} ({kind}), {plan.layout} layout"
    yield (
        f"  sizes      {sizes.num_layers} layers of width {sizes.width}, {sizes.num_heads} heads, feed-forward "
        f"{sizes.ffn_width}, {sizes.in_channels} channels in, {sizes.out_channels} out"
    )
    stored = "" if found.size_bytes is None else f", {gib(found.size_bytes)}"
    types = ", ".join(f"{count} in {kind}" for kind, count in sorted(found.types.items()))
    yield f"  parameters {found.parameters / 1e9:.3f} B{stored}{f' ({types})' if types else ''}"
    total = sum(map(_count, plan.shapes.values()))
    yield f"  becomes    {found.becomes}: {total / 1e9:.3f} B parameters, {gib(found.result_bytes)} in bf16"
    for reason in dict.fromkeys(each.reason for each in plan.left_out):
        gone = [(each.key, each.shape) for each in plan.left_out if each.reason is reason]
        yield f"  left out   {_told(gone)}: {reason}"
        yield from _listed(gone, every_key=every_key)
    added = [(each.key, each.shape) for each in plan.new]
    if added:
        yield f"  added      {_told(added)}: branches that hear both voices; their values begin at zero"
        yield from _listed(added, every_key=every_key)


def _found(what: str, shapes: dict[str, Shape], size: int | None, types: dict[str, int], config: Any) -> Found:
    _, sizes = read_sizes(shapes, config)
    return Found(
        what=what,
        names=names_of(sizes),
        parameters=sum(map(_count, shapes.values())),
        size_bytes=size,
        types=types,
        plan=plan_conversion(shapes, character_of(sizes, any_size=True), config),
    )


def _told(tensors: list[tuple[str, Shape]]) -> str:
    return f"{len(tensors)} tensors, {sum(_count(shape) for _, shape in tensors) / 1e9:.3f} B"


def _listed(tensors: list[tuple[str, Shape]], *, every_key: bool) -> Iterator[str]:
    shown = tensors if every_key else tensors[:_SHOWN]
    for key, shape in shown:
        yield f"               {key} {tuple(shape)}"
    if len(shown) < len(tensors):
        yield f"               and {len(tensors) - len(shown)} more (--keys lists all)"


def _count(shape: Shape) -> int:
    return torch.Size(shape).numel()
