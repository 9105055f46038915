"""Distribution matching: a generator of few steps learns from what two scores say about its clips (DMD)."""

from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor, nn

from openlpm.core.errors import ConfigError
from openlpm.core.seeds import generator
from openlpm.dit.excerpt import excerpt
from openlpm.dit.model import CharacterTransformer
from openlpm.flow.matching import pulled
from openlpm.rollout.assembly import CharacterModel
from openlpm.rollout.chunk import finished
from openlpm.training.clip_bank import ClipBank
from openlpm.training.makers import Maker
from openlpm.training.perception import FeatureDistance
from openlpm.training.scores import FakeScore, ScoreConfig, Scores
from openlpm.training.window_conditions import WindowConditions, latents_of
from openlpm.training.windows import WindowBatch, WindowDraw, WindowSource


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class MatchingConfig:
    """Clips, scores and what is compared with the data."""

    windows: WindowDraw
    scores: ScoreConfig
    fake_steps: int = 5
    """Steps of the fake score for one of the generator."""
    score_frames: int
    """Latent frames at the end of a clip that the scores see, with a caption of what happens in them."""
    perceptual: float = 0.0
    """Weight of the distance to the data in features; only where a clip is made behind the data itself."""

    def __post_init__(self) -> None:
        if self.fake_steps < 1:
            raise ConfigError(f"fake_steps={self.fake_steps}: the fake score learns in every step; give 1 or more")
        shortest = min(layout.frames for layout in self.windows.layouts)
        if not 0 < self.score_frames <= shortest:
            raise ConfigError(f"score_frames={self.score_frames}: give 1 to {shortest}, the shortest clip")


@final
@dataclass(frozen=True, slots=True)
class MatchingBatch:
    """Windows, and who learns from them."""

    window: WindowBatch
    moves: bool
    """Whether the generator learns in this step; the fake score always does."""
    step: int
    """The generator's step that the gradient goes through."""


@final
class MatchingLearner(nn.Module):
    """Generator and fake score in one module; neither loss reaches the other's weights."""

    def __init__(
        self,
        generator: nn.Module,
        maker: Maker,
        model: CharacterModel,
        fake: CharacterTransformer,
        bank: ClipBank,
        config: MatchingConfig,
    ) -> None:
        """``generator`` holds the weights that ``maker`` is to learn; ``model.dit`` is the real score."""
        super().__init__()
        self.generator = generator
        self.fake = FakeScore(fake, time_shift=config.scores.time_shift)
        self._scores = Scores(model.dit, fake, config.scores)
        self._bank, self._config, self._maker = bank, config, maker
        self._frozen = (WindowConditions(model, bank), FeatureDistance(model.own_parts().vae), model.config.dit)

    def forward(self, batch: MatchingBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of a batch; noise and disturbances come from the global generator."""
        conditions, distance, sizes = self._frozen
        config, data_BCTHW = self._config, latents_of(self._bank, batch.window)
        device, frames = data_BCTHW.device, data_BCTHW.shape[2]
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            condition = conditions(batch.window)
            told = conditions.told(batch.window, frames - config.score_frames, config.score_frames)
        with torch.set_grad_enabled(batch.moves):
            made_BCTHW = finished(sizes, self._maker.make(data_BCTHW, condition, batch.step))
        judged = slice(frames - config.score_frames, frames)
        judged_BCTHW = made_BCTHW[:, :, judged]
        heard = excerpt(condition, sizes, frames - config.score_frames, config.score_frames)
        heard = replace(heard, text_BLD=told.text_BLD, prompt_BT=told.prompt_BT)
        loss = self.fake(judged_BCTHW.detach(), heard)
        scalars = {"fake": loss}
        if batch.moves:
            gradient_BCTHW = self._scores.gradient(judged_BCTHW, heard)
            loss = loss + pulled(judged_BCTHW, gradient_BCTHW).mean()
            scalars["pull"] = gradient_BCTHW.abs().mean()
            if config.perceptual:
                scalars["perceptual"] = distance(made_BCTHW, data_BCTHW)
                loss = loss + config.perceptual * scalars["perceptual"]
        return loss, scalars


@final
class MatchingObjective:
    """An ``Objective`` for a trainer in two rhythms: ``generator.`` every ``fake_steps`` steps, ``fake.`` always."""

    def __init__(self, learner: MatchingLearner, maker: Maker, bank: ClipBank, config: MatchingConfig) -> None:
        self.module: nn.Module = learner
        self.learner = learner
        self._maker, self._config = maker, config
        self._source = WindowSource(bank, config.windows)

    def batch(self, step: int, rank: int) -> MatchingBatch:
        """The windows of a step for a process; all processes teach the same step of the generator."""
        taught = int(generator("taught step", step).integers(self._maker.num_steps))
        moves = step % self._config.fake_steps == 0
        return MatchingBatch(self._source.batch(step, rank), moves=moves, step=taught)

    def loss(self, batch: MatchingBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """What the fake score learns, and in its steps the generator."""
        return self.module(batch)
