"""Memory and time of a training step, reckoned from sizes and from what a machine can do.

Weights, gradients, moments and averages are sharded over all GPUs in float32 (``fully_shard``), blocks are computed in
bfloat16, each block's activations are computed again in the backward pass, and a sequence may be shared out over some
GPUs (context parallelism).
"""

from dataclasses import dataclass
from typing import final

from openlpm.core.errors import ConfigError
from openlpm.dit.config import DiTConfig
from openlpm.dit.work import SequenceShape, block_parameters, num_parameters, pass_work
from openlpm.recipes.programme.machine import Machine

_WIDE, _NARROW = 4, 2
"""Bytes of a float32, and of a bfloat16."""
_BLOCK_MAPS = 30
"""Maps as wide as the model that a block holds for its backward pass: norms keep float32 beside what they are given."""
_FFN_MAPS = 3
"""Of the feed-forward's width."""
_PASSES = 24
"""Times that a block reads or writes such a map outside of products, compiled: norms, rotation, gates, sums."""
_FFN_PASSES = 4


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """How a step is spread."""

    gpus: int
    context: int = 1
    """GPUs that share one sequence."""
    rows: int = 1
    """Sequences that such a group trains on in a step."""
    checkpoint: bool = True
    """Whether blocks are computed again in the backward pass in place of keeping what they made."""
    average: bool = True
    """Whether an average of the weights is kept."""
    sharded: bool = True
    """Whether every GPU holds a part of the weights, or all of them hold all."""
    accumulated: int = 1
    """Times that such a group computes gradients before the weights move."""

    def __post_init__(self) -> None:
        counts = (self.gpus, self.rows, self.context, self.accumulated)
        if min(counts) < 1 or self.gpus % self.context:
            raise ConfigError(f"{self}: give positive numbers, and gpus that are a multiple of context")

    @property
    def sequences(self) -> int:
        """Of a step, over all GPUs."""
        return self.gpus // self.context * self.rows * self.accumulated

    @property
    def share(self) -> int:
        """GPUs that hold the weights together."""
        return self.gpus if self.sharded else 1


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Passes:
    """What a step does with a sequence, in passes of the whole sequence through one network."""

    trained: float = 1.0
    """Forward and backward."""
    seen: float = 0.0
    """Forward alone: teachers, scores, rollouts."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """Bytes on one GPU."""

    weights: float
    gradients: float
    optimiser: float
    average: float
    gathered: float
    """Whole blocks that are being computed, and the next ones on their way."""
    activations: float
    overhead: float

    @property
    def total(self) -> float:
        """All of it."""
        held = self.weights + self.gradients + self.optimiser + self.average
        return held + self.gathered + self.activations + self.overhead


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class StepTime:
    """Seconds of a step on every GPU."""

    gemm: float
    attention: float
    elementwise: float
    optimiser: float
    exchange: float
    """Of tokens for heads around attention: nothing else goes on meanwhile."""
    waiting: float
    """For weights and gradients, where they take longer than what is computed meanwhile."""

    @property
    def total(self) -> float:
        """All of it."""
        computed = self.gemm + self.attention + self.elementwise + self.optimiser
        return computed + self.exchange + self.waiting


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class StepPlan:
    """What a step takes."""

    memory: Memory
    time: StepTime
    tokens: int
    """Video tokens that are learnt from, over all GPUs."""
    operations: float
    """Of all GPUs: each product once, whatever is computed again."""
    mfu: float
    """Share of the data sheet's operations."""


def reckon(config: DiTConfig, shape: SequenceShape, layout: Layout, passes: Passes, machine: Machine) -> StepPlan:
    """Memory, time, tokens and operations of a step."""
    work = pass_work(config, shape)
    operations = layout.sequences * (passes.trained * work.training + passes.seen * work.forward)
    time = _time(config, shape, layout, passes, machine)
    return StepPlan(
        memory=reckon_memory(config, shape, layout, machine),
        time=time,
        tokens=layout.sequences * shape.video_tokens,
        operations=operations,
        mfu=operations / (layout.gpus * machine.peak.value * time.total),
    )


def reckon_memory(config: DiTConfig, shape: SequenceShape, layout: Layout, machine: Machine) -> Memory:
    """Bytes on one GPU while a network learns."""
    parameters, share = num_parameters(config), layout.share
    largest = max(block_parameters(config, layer) for layer in range(config.num_layers))
    outside = parameters - sum(block_parameters(config, layer) for layer in range(config.num_layers))
    tokens = layout.rows * shape.tokens / layout.context
    block = tokens * (_BLOCK_MAPS * config.width + _FFN_MAPS * config.ffn_width) * _NARROW
    kept = config.num_layers * tokens * config.width * _NARROW
    return Memory(
        weights=_WIDE * parameters / share,
        gradients=_WIDE * parameters / share,
        optimiser=2 * _WIDE * parameters / share,
        average=_WIDE * parameters / share if layout.average else 0.0,
        # Two blocks and what is outside in bfloat16, and gradients of a block in both.
        gathered=_NARROW * (2 * largest + outside) + (0 if share == 1 else (_NARROW + _WIDE) * largest),
        activations=kept + block if layout.checkpoint else config.num_layers * block,
        overhead=machine.overhead_bytes.value,
    )


def _time(config: DiTConfig, shape: SequenceShape, layout: Layout, passes: Passes, machine: Machine) -> StepTime:
    work, parameters = pass_work(config, shape), num_parameters(config)
    rows = layout.rows * layout.accumulated / layout.context
    # A trained pass is one forward, one backward (two products for one) and, with checkpoints, one forward again.
    forward = passes.seen + passes.trained * (2 if layout.checkpoint else 1)
    gemm = rows * (forward * work.gemm + passes.trained * (2 * work.gemm - work.inputs)) / machine.gemm.value
    attention = rows * forward * work.attention / machine.attention.value
    attention += rows * passes.trained * 2 * work.attention / machine.attention_backward.value
    block_bytes = shape.tokens * (_PASSES * config.width + _FFN_PASSES * config.ffn_width) * _NARROW
    elementwise = rows * config.num_layers * block_bytes * (forward + 2 * passes.trained) / machine.copy_bytes.value
    touched = 7 + (2 if layout.average else 0)  # weights and two moments read and written, gradients read
    optimiser = touched * _WIDE * parameters / layout.share / machine.copy_bytes.value
    computed = gemm + attention + elementwise
    waiting = max(0.0, _moved_bytes(parameters, layout, passes) / machine.between(layout.gpus) - computed)
    exchange = 0.0
    if layout.context > 1:
        # Queries, keys, values and what was gathered, in every block and direction.
        sent = 4 * rows * shape.tokens * config.width * _NARROW * (1 - 1 / layout.context) * config.num_layers
        exchange = sent * (forward + passes.trained) / machine.between(layout.context)
    return StepTime(
        gemm=gemm,
        attention=attention,
        elementwise=elementwise,
        optimiser=optimiser,
        exchange=exchange,
        waiting=waiting,
    )


def _moved_bytes(parameters: int, layout: Layout, passes: Passes) -> float:
    """Bytes that each GPU receives of weights in bfloat16 (for every pass) and gradients in float32."""
    if layout.gpus == 1:
        return 0.0
    away = parameters * (1 - 1 / layout.gpus)
    if not layout.sharded:
        return 2 * _WIDE * away  # gradients are summed once, and come back
    weights = _NARROW * (passes.seen + 2 * passes.trained)
    return layout.accumulated * (weights + _WIDE * passes.trained) * away
