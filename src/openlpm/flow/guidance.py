"""Classifier-free guidance with one scale for each condition (Ho and Salimans, 2022), nested.

With f(none), f(text), f(text, speak), f(text, speak, listen) and, where a motion track leads, f(all) the result is

    f(none) + a (f(text) - f(none)) + b (f(text, speak) - f(text)) + c (f(..., listen) - f(text, speak)) + ...,

a weighted sum whose weights add up to 1. A pass with weight 0 need not run, so scales of 1 cost one evaluation.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from openlpm.core.errors import ConfigError


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class GuidanceScales:
    """How far to lean towards each condition; 1 follows it as learnt, 0 ignores it."""

    text: float = 1.0
    speak: float = 1.0
    listen: float = 1.0
    motion: float = 1.0


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """Which conditions a pass keeps; the others are dropped."""

    text: bool = True
    speak: bool = True
    listen: bool = True
    motion: bool = True


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class GuidancePass:
    """One evaluation of the network and its weight in the sum."""

    kept: Kept
    weight: float


def guidance_passes(scales: GuidanceScales, *, present: Kept | None = None) -> tuple[GuidancePass, ...]:
    """The evaluations that ``scales`` ask for, fullest first; at least one.

    Conditions that are not ``present`` (None: all are) differ in no pass and cost none.
    """
    present = Kept() if present is None else present
    ladder = [Kept(text=False, speak=False, listen=False, motion=False)]
    steps: list[float] = []
    for each in fields(scales):
        if not getattr(present, each.name):
            continue
        ladder.append(replace(ladder[-1], **{each.name: True}))
        steps.append(getattr(scales, each.name))
    # f_0 + sum_i s_i (f_i - f_(i-1)): rung i is weighted s_i - s_(i+1), where s_0 = 1 and the last s_(i+1) = 0.
    weights = [scale - after for scale, after in zip([1.0, *steps], [*steps, 0.0], strict=True)]
    passes = [GuidancePass(kept=kept, weight=weight) for kept, weight in zip(ladder, weights, strict=True)]
    return tuple(reversed([each for each in passes if each.weight != 0.0]))


def separate_passes(scales: GuidanceScales) -> tuple[GuidancePass, ...]:
    """As ``guidance_passes``, but not in a ladder: each condition is leant on against all others.

    f(all) + (a - 1) (f(all) - f(all but text)) + (c - 1) (f(all) - f(all but listen)) + ...
    """
    less = [
        GuidancePass(kept=replace(Kept(), **{each.name: False}), weight=1.0 - getattr(scales, each.name))
        for each in fields(scales)
        if getattr(scales, each.name) != 1.0
    ]
    return GuidancePass(kept=Kept(), weight=1.0 - sum(each.weight for each in less)), *less


def guided(outputs: Sequence[Float[Tensor, "B C T H W"]], passes: Sequence[GuidancePass]) -> Float[Tensor, "B C T H W"]:
    """The weighted sum of the network's outputs, in the order of ``passes``.

    Raises:
        ConfigError: the numbers of outputs and passes differ.
    """
    if len(outputs) != len(passes):
        raise ConfigError(f"outputs={len(outputs)}: {len(passes)} passes were asked for")
    if len(passes) == 1:
        return outputs[0]
    weighted = [each.weight * output for each, output in zip(passes, outputs, strict=True)]
    return torch.stack(weighted).sum(dim=0)
