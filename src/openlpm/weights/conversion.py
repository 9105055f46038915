"""What a conversion will do with every tensor of a parent, decided from names and shapes alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch

from openlpm.core.errors import WeightsError
from openlpm.dit.config import DiTConfig
from openlpm.dit.model import CharacterTransformer
from openlpm.weights.fresh import is_new
from openlpm.weights.wan import PATCH, Layout, Reason, layout_of, meaning, their_name, without_prefix
from openlpm.weights.wan_sizes import Shape, WanSizes, expected, sizes_of

_SHOWN = 6


@final
@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something of a parent that the result does not have."""

    key: str
    """In the file; a part of a tensor as Python would slice it."""
    shape: Shape
    reason: Reason


@final
@dataclass(frozen=True, slots=True)
class Made:
    """A tensor of the result."""

    key: str
    shape: Shape
    parent: str | None
    """Its name in the file; None: no parent has it, and it begins as ``weights.fresh`` says."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ConversionPlan:
    """Every tensor of the result, and everything of the parent that is not in it."""

    layout: Layout
    sizes: WanSizes
    target: DiTConfig
    made: tuple[Made, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def shapes(self) -> dict[str, Shape]:
        """Of the result."""
        return {each.key: each.shape for each in self.made}

    @property
    def new(self) -> tuple[Made, ...]:
        """What the result has and the parent has not."""
        return tuple(each for each in self.made if each.parent is None)


def read_sizes(shapes: Mapping[str, Shape], config: Mapping[str, object] | None) -> tuple[Layout, WanSizes]:
    """Whose names the tensors have, and which sizes they show; every one of them must be what these sizes ask for.

    Raises:
        WeightsError: names are missing, unknown or of other shapes; they are listed.
    """
    names = without_prefix(shapes)
    layout = layout_of(names)
    given = {name: shapes[key] for name, key in names.items()}
    strange = sorted(name for name in given if meaning(name, layout) is None)
    if strange:
        raise WeightsError(f"not Wan2.1 in the {layout} layout: {_some(strange)} belong to another kind of model")
    sizes = sizes_of(given, layout, config)
    wanted = expected(sizes, layout)
    faults = [
        *_named("missing", sorted(wanted.keys() - given.keys())),
        *_named("unexpected", sorted(given.keys() - wanted.keys())),
        *_named(
            "of another shape",
            [
                f"{name} ({given[name]} instead of {wanted[name]})"
                for name in sorted(wanted.keys() & given.keys())
                if given[name] != wanted[name]
            ],
        ),
    ]
    if faults:
        raise WeightsError(f"no whole Wan2.1 in the {layout} layout: {'; '.join(faults)}")
    return layout, sizes


def target_shapes(target: DiTConfig) -> dict[str, Shape]:
    """Every tensor of a character transformer, without making one."""
    with torch.device("meta"):
        model = CharacterTransformer(target)
    return {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}


def plan_conversion(
    shapes: Mapping[str, Shape], target: DiTConfig, config: Mapping[str, object] | None = None
) -> ConversionPlan:
    """What becomes of a parent's tensors (names in the file, and shapes) in a character transformer.

    Raises:
        WeightsError: the parent is no whole Wan2.1, or of other sizes than the target; keys are named.
    """
    layout, sizes = read_sizes(shapes, config)
    _require_same_sizes(sizes, target)
    in_file = without_prefix(shapes)
    wanted = target_shapes(target)
    made: list[Made] = []
    taken: set[str] = set()
    for key, shape in sorted(wanted.items()):
        if is_new(key):
            made.append(Made(key, shape, None))
            continue
        name = in_file.get(their_name(key, layout))
        if name is None or _kept_shape(key, shapes[name], target) != shape:
            found = None if name is None else shapes[name]
            raise WeightsError(f"{their_name(key, layout)} is {found} and would have to become {key} of {shape}")
        taken.add(name)
        made.append(Made(key, shape, name))
    left_out: list[LeftOut] = []
    for name, key in in_file.items():
        meant = meaning(name, layout)
        if key not in taken and meant is not None and meant.left_out is not None:
            left_out.append(LeftOut(key, shapes[key], meant.left_out))
        elif key not in taken:
            raise WeightsError(f"{key} would be lost without a reason: this is a fault of OpenLPM, please report it")
    kept = target.latent_channels
    if sizes.in_channels > kept:
        cut = (sizes.width, sizes.in_channels - kept, *sizes.patch)
        left_out.append(LeftOut(f"{in_file[their_name(PATCH, layout)]}[:, {kept}:]", cut, Reason.PICTURE_CHANNELS))
    return ConversionPlan(layout=layout, sizes=sizes, target=target, made=tuple(made), left_out=tuple(left_out))


def _kept_shape(key: str, shape: Shape, target: DiTConfig) -> Shape:
    """What a parent's tensor is after the surgery."""
    return (shape[0], target.patch_channels) if key == PATCH else shape


def _require_same_sizes(sizes: WanSizes, target: DiTConfig) -> None:
    pairs = (
        ("width", sizes.width, target.width),
        ("num_layers", sizes.num_layers, target.num_layers),
        ("num_heads", sizes.num_heads, target.num_heads),
        ("ffn_width", sizes.ffn_width, target.ffn_width),
        ("text_width", sizes.text_width, target.text_width),
        ("freq_width", sizes.freq_width, target.freq_width),
        ("patch", sizes.patch, target.patch),
        ("latent_channels", sizes.out_channels, target.latent_channels),
    )
    wrong = [f"{name} {found} instead of {wanted}" for name, found, wanted in pairs if found != wanted]
    if wrong:
        raise WeightsError(f"the checkpoint has {', '.join(wrong)}: it is the parent of another model")
    if sizes.in_channels < target.latent_channels:
        raise WeightsError(f"{sizes.in_channels} input channels cannot hold latents of {target.latent_channels}")


def _named(fault: str, keys: list[str]) -> list[str]:
    return [f"{fault}: {_some(keys)}"] if keys else []


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:_SHOWN]) + (f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else "")
