"""The judges of the benchmark: how the critic and its companion that hears a mouth are trained.

One process or several under torchrun; the recipe is planned for about 90 seconds on one large GPU.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import torch
from torch import Tensor, distributed, nn

from openlpm.bench.audio_mouth import MouthPredictor, mouth_loss
from openlpm.bench.critic import Critic, CriticConfig
from openlpm.bench.critic_data import FrameConfig, FrameSource
from openlpm.bench.critic_loss import reading_loss
from openlpm.bench.mouth_data import VoiceSource
from openlpm.bench.reading import CRITIC_FOLDER, MOUTH_FOLDER
from openlpm.core.errors import ConfigError, OpenLPMError
from openlpm.weights import store

_COMPILING_STEPS = 3

OnLog = Callable[[int, float, Mapping[str, float]], None]
"""Receives step, share of the run that is done, and scalars."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class LoopConfig:
    """AdamW with a cosine over steps or seconds, whichever ends first, and an average of the weights."""

    steps: int
    seconds: float = math.inf
    """Counted after the first steps, in which everything is compiled."""
    lr: float = 1.5e-3
    weight_decay: float = 0.02
    warmup_steps: int = 100
    average_decay: float = 0.995
    log_every: int = 50

    def __post_init__(self) -> None:
        if self.steps < 1 or self.seconds <= 0:
            raise ConfigError(f"steps={self.steps}, seconds={self.seconds}: give a positive length to both")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class CriticRecipe:
    """Everything that makes the judges what they are."""

    critic: CriticConfig = field(default_factory=CriticConfig)
    frames: FrameConfig = field(default_factory=FrameConfig)
    critic_loop: LoopConfig
    mouth_loop: LoopConfig
    compiled: bool


def critic_recipe(*, seconds: float = 90.0) -> CriticRecipe:
    """For one large GPU: batches of 512 pictures, compiled, four fifths of the time for the critic."""
    return CriticRecipe(
        critic_loop=LoopConfig(steps=20_000, seconds=0.8 * seconds),
        mouth_loop=LoopConfig(steps=4_000, seconds=0.2 * seconds, lr=3e-3),
        compiled=True,
    )


def tiny_critic_recipe(*, steps: int = 3) -> CriticRecipe:
    """A few steps on a processor: to see that everything fits together, never to be used as a judge."""
    loop = LoopConfig(steps=steps, warmup_steps=1, log_every=1)
    frames = FrameConfig(identities=2, frames_each=2)
    return CriticRecipe(frames=frames, critic_loop=loop, mouth_loop=loop, compiled=False)


def train_critic(recipe: CriticRecipe, source: FrameSource, device: torch.device, *, on_log: OnLog) -> Critic:
    """A critic trained from nothing, with averaged weights, in evaluation mode."""
    torch.manual_seed(0)
    critic = Critic(recipe.critic).to(device)
    read = torch.compile(critic) if recipe.compiled else critic
    rank = distributed.get_rank() if distributed.is_initialized() else 0

    def loss_of(step: int) -> tuple[Tensor, dict[str, Tensor]]:
        batch = source.batch(step, rank)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            reading = read(batch.frames_NCHW)
        losses = reading_loss(reading, batch.rig_NR, batch.viseme_N, batch.identity_index_N)
        return losses.loss, losses.metrics

    fit(critic, loss_of, recipe.critic_loop, on_log=on_log)
    return critic.eval()


def train_mouth(recipe: CriticRecipe, source: VoiceSource, device: torch.device, *, on_log: OnLog) -> MouthPredictor:
    """A mouth predictor trained from nothing, with averaged weights, in evaluation mode."""
    torch.manual_seed(0)
    predictor = MouthPredictor().to(device)
    rank = distributed.get_rank() if distributed.is_initialized() else 0

    def loss_of(step: int) -> tuple[Tensor, dict[str, Tensor]]:
        batch = source.batch(step, rank)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            predicted_BFX = predictor(batch.mel_BML)
        loss = mouth_loss(predicted_BFX.float(), batch.mouth_BFX, batch.speaking_BF)
        return loss, {"mouth": loss.detach()}

    fit(predictor, loss_of, recipe.mouth_loop, on_log=on_log)
    return predictor.eval()


def fit(
    module: nn.Module,
    loss_of: Callable[[int], tuple[Tensor, dict[str, Tensor]]],
    config: LoopConfig,
    *,
    on_log: OnLog,
) -> None:
    """Minimise ``loss_of(step)``; at the end ``module`` holds the averaged weights.

    Under torch.distributed the gradients are averaged over processes and the first process's clock counts.
    """
    parameters = [p for p in module.parameters() if p.requires_grad]
    averages = [p.detach().clone() for p in parameters]
    optimiser = torch.optim.AdamW(parameters, lr=config.lr, betas=(0.9, 0.98), weight_decay=config.weight_decay)
    started = math.inf
    module.train()
    done = 0.0
    for step in range(config.steps):
        if step == _COMPILING_STEPS:
            started = time.monotonic()
        if step % 10 == 0:
            spent = max(0.0, time.monotonic() - started) / config.seconds
            done = _agreed(max(step / config.steps, spent), parameters[0])
        if done >= 1.0:
            break
        warm = min(1.0, (step + 1) / config.warmup_steps)
        for group in optimiser.param_groups:
            group["lr"] = config.lr * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
        loss, metrics = loss_of(step)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        _average_gradients(parameters)
        nn.utils.clip_grad_norm_(parameters, 1.0, foreach=True)
        optimiser.step()
        with torch.no_grad():
            decay = min(config.average_decay, (1 + step) / (10 + step))
            torch._foreach_lerp_(averages, [p.detach() for p in parameters], 1 - decay)
        if (step + 1) % config.log_every == 0:
            _report(step + 1, done, metrics, on_log)
    with torch.no_grad():
        for parameter, average in zip(parameters, averages, strict=True):
            parameter.copy_(average)


def save_judges(folder: Path, critic: Critic, mouth: MouthPredictor) -> None:
    """Write both networks in bf16 under ``critic`` and ``critic-mouth``."""
    store.save(critic.state_dict(), folder / CRITIC_FOLDER, storage=store.Storage.BF16)
    store.save(mouth.state_dict(), folder / MOUTH_FOLDER, storage=store.Storage.BF16)


def _report(step: int, done: float, metrics: dict[str, Tensor], on_log: OnLog) -> None:
    names = list(metrics)
    scalars = dict(zip(names, torch.stack([metrics[name].float() for name in names]).tolist(), strict=True))
    if not all(math.isfinite(value) for value in scalars.values()):
        raise OpenLPMError(f"the loss is not finite at step {step} ({scalars}): lower LoopConfig.lr")
    if not distributed.is_initialized() or distributed.get_rank() == 0:
        on_log(step, done, scalars)


def _agreed(value: float, like: Tensor) -> float:
    if not distributed.is_initialized():
        return value
    first = torch.tensor(value, device=like.device, dtype=torch.float64)
    distributed.broadcast(first, src=0)
    return float(first)


def _average_gradients(parameters: Sequence[Tensor]) -> None:
    if not distributed.is_initialized():
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients])
    distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))
