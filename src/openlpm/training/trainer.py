"""The loop that every training runs in: exact resume, weight average, curves, one process or many.

A batch is a function of (step, rank) and its noise of (seed, step, rank), never of a reader's position, so a run that
was killed and resumed sees what an unbroken run sees.
"""

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar, final, runtime_checkable

import torch
from torch import Tensor, nn

from openlpm.core.errors import ConfigError, OpenLPMError
from openlpm.parallel.recorder import Recorder, Tensors, tensors_of, with_tensors
from openlpm.parallel.world import World
from openlpm.training.average import WeightAverage
from openlpm.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from openlpm.training.curves import CurveFile
from openlpm.training.gradients import GradientBuffer, clip_gradients, is_sharded
from openlpm.training.guard import GuardConfig, SpikeGuard
from openlpm.training.optimiser import MuonAdamW, OptimiserConfig, Rhythm
from openlpm.training.schedule import WarmStableDecay

Batch = TypeVar("Batch")


class Objective(Protocol[Batch]):
    """What is trained: a module whose ``forward(batch)`` is the loss, and a source of batches."""

    module: nn.Module

    def batch(self, step: int, rank: int) -> Batch:
        """The batch of a step for a process; the same arguments give the same batch."""
        ...

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Scalar loss and named scalars to plot, all on the device."""
        ...


@runtime_checkable
class Differentiating(Protocol[Batch]):
    """An objective of several losses that are differentiated one after another, by itself."""

    module: nn.Module

    def batch(self, step: int, rank: int) -> Batch:
        """As of an ``Objective``."""
        ...

    def differentiate(self, batch: Batch, share: float) -> dict[str, Tensor]:
        """Add ``share`` of the gradients of a batch; named scalars to plot, "loss" among them, all on the device."""
        ...


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class TrainerConfig:
    """How long, how fast, how often."""

    steps: int
    """Updates in all; with ``seconds`` the most that could be made."""
    optimiser: OptimiserConfig
    schedule: WarmStableDecay
    rhythms: tuple[Rhythm, ...] = (Rhythm(),)
    """Which parameters move when, and how fast beside one another; gradients are clipped by rhythm."""
    seconds: float | None = None
    """Wall-clock budget, also over kills and resumes: the decay is placed so that the run ends in time."""
    average_decay: float = 0.999
    clip_norm: float = 1.0
    log_every: int = 50
    save_every: int = 0
    """Steps between checkpoints; 0: by time alone."""
    save_seconds: float = 120.0
    """Seconds after which the next log entry brings a checkpoint; one comes at the end in any case."""
    record: bool = False
    """Record steps as CUDA graphs where there is CUDA; needs replicated weights and batches that are dataclasses."""
    accumulate: int = 1
    """Batches that a process computes gradients of before the weights move. Half as many processes that accumulate
    twice as many batches learn from the same ones."""
    guard: GuardConfig | None = None
    """Steps that would throw the weights off are left out; not for recorded steps, which nobody looks at."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ConfigError(f"steps={self.steps}: train for at least one step")
        if self.log_every < 1:
            raise ConfigError(f"log_every={self.log_every}: give 1 or more")
        if self.accumulate < 1:
            raise ConfigError(f"accumulate={self.accumulate}: give 1 or more batches")
        if self.record and (self.accumulate > 1 or self.guard is not None):
            raise ConfigError(
                f"record=True, accumulate={self.accumulate}, guard={self.guard}: recorded steps have one batch and no "
                "guard; give record=False"
            )


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How fast a run is at present."""

    steps_per_s: float
    mfu: float | None
    """Share of the operations that the GPU's data sheet promises; None: not known."""


@final
@dataclass(frozen=True, slots=True)
class LogEntry:
    """Means since the entry before."""

    step: int
    total_steps: int
    seconds: float
    scalars: dict[str, float]
    pace: Pace | None = None
    """Added by who watches a run."""


@final
class Trainer:
    """Owns optimiser, average, checkpoints and curves of one objective."""

    def __init__(
        self, objective: Objective[Any] | Differentiating[Any], config: TrainerConfig, world: World, folder: Path
    ) -> None:
        self._objective, self._config, self._world, self._folder = objective, config, world, folder
        self.optimiser = MuonAdamW(objective.module.named_parameters(), config.optimiser, config.rhythms)
        self.average = WeightAverage(objective.module, config.average_decay)
        sharded = is_sharded(objective.module.parameters())
        self._saved_step: int | None = None
        self._buffer = None if sharded else GradientBuffer(objective.module.parameters())
        if config.record and sharded:
            raise ConfigError("record=True: only replicated weights can be recorded; use replicate() or record=False")
        self._recorder = Recorder(world.device) if config.record and world.device.type == "cuda" else None
        self._guard = None if config.guard is None else SpikeGuard(config.guard)
        self._progress = Progress(step=0, total_steps=config.steps)
        self._curves = CurveFile(folder / "curves.jsonl") if world.is_first else None

    @property
    def step(self) -> int:
        """Updates made so far."""
        return self._progress.step

    def resume(self) -> bool:
        """Continue from the newest checkpoint in the folder, if there is one."""
        progress = load_checkpoint(self._folder, self._objective.module, self.optimiser, self.average)
        if progress is None:
            return False
        self._progress = progress
        if self._guard is not None:
            self._guard.restore(progress.guard)
        if self._curves is not None:
            self._curves.forget_after(progress.step)
        return True

    def save(self) -> None:
        """Write a checkpoint; the one before stays until this one is whole."""
        save_checkpoint(self._folder, self._objective.module, self.optimiser, self.average, self._progress, self._world)

    def run(self, on_log: Callable[[LogEntry], None] = lambda _: None) -> None:
        """Train to the end of the steps or of the time."""
        config, first_step = self._config, self._progress.step
        began = saved = time.monotonic()
        started = began - self._progress.seconds
        sums: dict[str, Tensor] = {}
        counts: Counter[str] = Counter()
        self._objective.module.train()
        timed_from = (began, first_step)
        while self._progress.step < self._progress.total_steps:
            scalars = self.update()
            for name, value in scalars.items():
                sums[name] = sums[name] + value if name in sums else value
            counts.update(list(scalars))
            step = self._progress.step
            if step == self._progress.total_steps:
                self._save_at(started)  # first: whoever is told of the last step may fail
            if step % config.log_every == 0 or step == self._progress.total_steps:
                if "loss" in sums:  # a guard may have left out all of them
                    means = {name: total.float() / counts[name] for name, total in sums.items()}
                    self._report(means, time.monotonic() - started, on_log)
                    sums, counts = {}, Counter()
                if step - first_step == config.log_every:
                    timed_from = (time.monotonic(), step)  # the first steps compile; they say nothing about speed
                elif config.seconds is not None:
                    self._fit_to_time(started, timed_from)
                if self._world.agree(int(time.monotonic() - saved >= config.save_seconds)):
                    saved = self._save_at(started)
            if config.save_every and step % config.save_every == 0 and self._saved_step != step:
                saved = self._save_at(started)
        if self._saved_step != self._progress.step:  # the time ended, or nothing was left to do
            self._save_at(started)

    def _save_at(self, started: float) -> float:
        """A checkpoint that knows how long the run has taken; returns the time."""
        now = time.monotonic()
        guard = () if self._guard is None else self._guard.state
        self._progress = replace(self._progress, seconds=now - started, guard=guard)
        self.save()
        self._saved_step = self._progress.step
        return now

    def update(self) -> Tensors:
        """One step: batches, loss, gradients, weights, average; returns scalars on the device."""
        config, step = self._config, self._progress.step
        self.optimiser.rate.fill_(config.optimiser.lr * config.schedule.factor(step, self._progress.total_steps))
        self.average.aim(step)
        scalars = self._gradients(step)
        if self._buffer is not None:
            self._buffer.average(self._world)
        moving = self.optimiser.moving(step)
        if self._guard is not None and not self._is_sound(scalars["loss"], moving):
            scalars, norm = {"skipped": torch.ones((), device=self._world.device)}, {}
        else:
            norm = (
                self._apply(moving)
                if self._recorder is None
                else self._recorder.run(("apply", moving), lambda _: self._apply(moving), {})
            )
        if self._buffer is None:
            self.optimiser.zero_grad(set_to_none=True)
        self._progress = replace(self._progress, step=step + 1)
        return {**scalars, **norm, "lr": self.optimiser.rate.clone()}

    def _gradients(self, step: int) -> Tensors:
        """Those of all batches of a step, and what was seen in them."""
        world, count = self._world, self._config.accumulate
        if self._buffer is not None and self._recorder is None:
            self._buffer.clear()
        sums: Tensors = {}
        for part in range(count):
            place = world.data_rank + world.data_size * part
            torch.manual_seed(hash((self._config.seed, step, place)) % 2**63)
            batch = self._objective.batch(step, place)
            if self._recorder is None:
                scalars = self._differentiate(batch, 1 / count)
            else:
                tensors, key = tensors_of(batch)
                scalars = self._recorder.run(
                    key, lambda given, of=batch: self._recorded(with_tensors(of, given)), tensors
                )
            sums = {name: value + sums[name] if sums else value for name, value in scalars.items()}
        return {name: value / count for name, value in sums.items()} if count > 1 else sums

    def _is_sound(self, loss: Tensor, moving: tuple[int, ...]) -> bool:
        """Whether the guard lets a step pass; all processes decide alike."""
        assert self._guard is not None
        owners = [p for rhythm in moving for p in self.optimiser.parameters_of(rhythm)]
        norm = float(clip_gradients(owners, math.inf))
        return self._guard.allows(float(self._world.mean(loss.clone())), norm, step=self._progress.step)

    def _recorded(self, batch: Any) -> Tensors:
        assert self._buffer is not None
        self._buffer.clear()
        return self._differentiate(batch, 1.0)

    def _differentiate(self, batch: Any, share: float) -> Tensors:
        if isinstance(self._objective, Differentiating):
            return self._objective.differentiate(batch, share)
        loss, scalars = self._objective.loss(batch)
        (loss * share if share != 1 else loss).backward()
        return {"loss": loss.detach(), **{name: value.detach() for name, value in scalars.items()}}

    def _apply(self, moving: tuple[int, ...]) -> Tensors:
        """Gradients into the weights that are moving, weights into their average."""
        norms = [clip_gradients(self.optimiser.parameters_of(rhythm), self._config.clip_norm) for rhythm in moving]
        self.optimiser.step(moving)
        self.average.update()
        return {"gradient_norm": torch.stack(norms).square().sum().sqrt()}

    def _report(self, own: dict[str, Tensor], seconds: float, on_log: Callable[[LogEntry], None]) -> None:
        names = sorted(own)
        means = self._world.mean(torch.stack([own[name] for name in names])).tolist()
        entry = LogEntry(self._progress.step, self._progress.total_steps, seconds, dict(zip(names, means, strict=True)))
        if not math.isfinite(entry.scalars["loss"]):
            raise OpenLPMError(
                f"loss is {entry.scalars['loss']} at step {entry.step}: lower optimiser.lr or resume a checkpoint"
            )
        if self._curves is not None:
            self._curves.add(entry.step, entry.seconds, entry.scalars)
            on_log(entry)

    def _fit_to_time(self, started: float, timed_from: tuple[float, int]) -> None:
        """Place the end of the run so that it fits the time, until the decay has begun."""
        assert self._config.seconds is not None
        step, total = self._progress.step, self._progress.total_steps
        if total < self._config.steps and step >= total * (1 - self._config.schedule.decay_fraction):
            return
        now = time.monotonic()
        per_step = (now - timed_from[0]) / max(1, step - timed_from[1])
        left = max(1, int((self._config.seconds - (now - started)) / max(per_step, 1e-6)))
        total = self._world.agree(min(self._config.steps, step + left))
        self._progress = replace(self._progress, total_steps=total)
