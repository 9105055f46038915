"""The judges of the benchmark: how the critic and its companion that hears a mouth are trained.

One process or several under torchrun; the recipe is planned for about 90 seconds on one large GPU.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import torch
from torch import Tensor, nn

from openlpm.bench.audio_mouth import MouthPredictor, mouth_loss
from openlpm.bench.critic import Critic, CriticConfig
from openlpm.bench.critic_data import FrameBatch, FrameConfig, FrameSource
from openlpm.bench.critic_loss import reading_loss
from openlpm.bench.mouth_data import VoiceBatch, VoiceSource
from openlpm.bench.reading import CRITIC_FOLDER, MOUTH_FOLDER
from openlpm.training.optimiser import OptimiserConfig
from openlpm.training.schedule import WarmStableDecay
from openlpm.training.trainer import TrainerConfig
from openlpm.weights import store


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class CriticRecipe:
    """Everything that makes the judges what they are."""

    critic: CriticConfig = field(default_factory=CriticConfig)
    frames: FrameConfig = field(default_factory=FrameConfig)
    critic_trainer: TrainerConfig
    mouth_trainer: TrainerConfig


def critic_recipe(*, seconds: float = 90.0) -> CriticRecipe:
    """For one large GPU, four fifths of the time for the critic.

    Small batches of many people: what a step costs is pictures, and 128 (a piece of the renderer) of 64 people are
    enough to tell where to go.
    """
    return CriticRecipe(
        critic_trainer=_trainer(lr=1e-3, steps=20_000, seconds=0.8 * seconds),
        mouth_trainer=_trainer(lr=3e-3, steps=4_000, seconds=0.2 * seconds),
    )


def tiny_critic_recipe(*, steps: int = 3) -> CriticRecipe:
    """A few steps on a processor: to see that everything fits together, never to be used as a judge."""
    trainer = TrainerConfig(
        steps=steps,
        optimiser=OptimiserConfig(lr=1e-3),
        schedule=WarmStableDecay(warmup_steps=1, decay_fraction=0.5),
        log_every=1,
    )
    frames = FrameConfig(identities=2, frames_each=2)
    return CriticRecipe(frames=frames, critic_trainer=trainer, mouth_trainer=trainer)


def _trainer(*, lr: float, steps: int, seconds: float) -> TrainerConfig:
    return TrainerConfig(
        steps=steps,
        seconds=seconds,
        optimiser=OptimiserConfig(lr=lr, weight_decay=0.02, betas=(0.9, 0.98)),
        schedule=WarmStableDecay(warmup_steps=100, decay_fraction=0.5),
        average_decay=0.998,
        record=True,
    )


@final
class CriticObjective:
    """An ``Objective``: pictures, what is seen in them, and who is who."""

    def __init__(self, critic: Critic, source: FrameSource) -> None:
        self.module: nn.Module = critic
        self._source = source

    def batch(self, step: int, rank: int) -> FrameBatch:
        """Freshly rendered pictures."""
        return self._source.batch(step, rank)

    def loss(self, batch: FrameBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Rig, viseme and identity."""
        frames_NCHW = batch.frames_NCHW
        with torch.autocast(frames_NCHW.device.type, torch.bfloat16, enabled=frames_NCHW.is_cuda):
            reading = self.module(frames_NCHW, batch.look_N3)
        losses = reading_loss(reading, batch)
        return losses.loss, {name: value for name, value in losses.metrics.items() if name != "loss"}


@final
class MouthObjective:
    """An ``Objective``: voices and the mouths that spoke them."""

    def __init__(self, predictor: MouthPredictor, source: VoiceSource) -> None:
        self.module: nn.Module = predictor
        self._source = source

    def batch(self, step: int, rank: int) -> VoiceBatch:
        """Random windows of random voices."""
        return self._source.batch(step, rank)

    def loss(self, batch: VoiceBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Error of the mouth."""
        mel_BML = batch.mel_BML
        with torch.autocast(mel_BML.device.type, torch.bfloat16, enabled=mel_BML.is_cuda):
            predicted_BFX = self.module(mel_BML)
        return mouth_loss(predicted_BFX.float(), batch.mouth_BFX, batch.speaking_BF), {}


def save_judges(folder: Path, critic: Critic, mouth: MouthPredictor) -> None:
    """Write both networks in 8 bits under ``critic`` and ``critic-mouth``."""
    store.save(critic.state_dict(), folder / CRITIC_FOLDER, storage=store.Storage.INT8_ROWS)
    store.save(mouth.state_dict(), folder / MOUTH_FOLDER, storage=store.Storage.INT8_ROWS)
