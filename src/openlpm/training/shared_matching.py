"""Distribution matching where generator, fake and real score are roles of one sharded network (``training.roles``).

The generator makes a clip in a few steps from noise, all frames at once; the step that carries the gradient is drawn
for every batch. Generator and fake score differentiate one after another: what blocks compute again in the backward
pass has to be computed in the same role.
"""

from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor, nn

from openlpm.core.errors import ConfigError
from openlpm.core.seeds import generator
from openlpm.dit.condition import Condition
from openlpm.dit.model import CharacterTransformer
from openlpm.flow.guidance import guidance_passes, guided
from openlpm.flow.matching import matching_gradient, matching_times, pulled
from openlpm.flow.path import as_data, interpolate
from openlpm.flow.schedule import logit_normal_times
from openlpm.parallel.scale import attend_over, columns_of
from openlpm.parallel.sequence import ColumnSplit
from openlpm.parallel.world import World
from openlpm.rollout.conditioning import kept_by
from openlpm.training.flow_windows import FlowBatch, FlowSource
from openlpm.training.roles import as_role
from openlpm.training.scores import ScoreConfig

GENERATOR, FAKE = "generator", "fake"


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class SharedMatchingConfig:
    """Steps of the generator, and scores."""

    times: tuple[float, ...]
    """Flow times at which the generator is asked, falling from 1."""
    scores: ScoreConfig
    fake_steps: int = 5
    """Steps of the fake score for one of the generator."""

    def __post_init__(self) -> None:
        falling = all(later < earlier for earlier, later in zip(self.times, self.times[1:], strict=False))
        if not self.times or self.times[0] != 1 or not falling or self.times[-1] <= 0:
            raise ConfigError(f"times={self.times}: give times that fall from 1 and stay above 0")
        if self.fake_steps < 1:
            raise ConfigError(f"fake_steps={self.fake_steps}: the fake score learns in every step; give 1 or more")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class SharedBatch:
    """Windows, and who learns from them."""

    window: FlowBatch
    moves: bool
    """Whether the generator learns in this step; the fake score always does."""
    step: int
    """The generator's step that the gradient goes through."""


@final
class SharedMatchingLearner(nn.Module):
    """One network, its roles, and what they learn from each other."""

    def __init__(self, transformer: CharacterTransformer, world: World, config: SharedMatchingConfig) -> None:
        """``transformer`` has the roles ``generator`` and ``fake`` (``take_roles``) and is scaled."""
        super().__init__()
        self.dit = transformer
        self._world, self._config = world, config
        self._passes = guidance_passes(config.scores.guidance)

    def differentiate(self, batch: SharedBatch, share: float = 1.0) -> dict[str, Tensor]:
        """Leave ``share`` of the gradients of a batch in the adapters; returns what was seen."""
        data_BCTHW, condition, split = self._own(batch.window)
        scalars: dict[str, Tensor] = {}
        with as_role(self.dit, GENERATOR), torch.set_grad_enabled(batch.moves):
            made_BCTHW = self._made(data_BCTHW, condition, batch.step, split)
            if batch.moves:
                gradient_BCTHW = self._gradient(made_BCTHW.detach(), condition, split)
                (share * pulled(made_BCTHW, gradient_BCTHW).mean()).backward()
                scalars["pull"] = gradient_BCTHW.abs().mean()
        made_BCTHW = made_BCTHW.detach()
        with as_role(self.dit, FAKE):
            config = self._config.scores
            time_B = logit_normal_times(len(made_BCTHW), shift=config.time_shift, device=made_BCTHW.device)
            noisy_BCTHW = interpolate(made_BCTHW, self._noise(batch.window, split), time_B)
            found_BCTHW = self._data(noisy_BCTHW, time_B, condition, split)
            error_B = (found_BCTHW - made_BCTHW).square().mean(dim=(1, 2, 3, 4))
            scalars["loss"] = (error_B * time_B.clamp_min(0.45).pow(-2)).mean()
            (share * scalars["loss"]).backward()
        return {name: value.detach() for name, value in scalars.items()}

    def _own(self, window: FlowBatch) -> tuple[Tensor, Condition, ColumnSplit | None]:
        """This process's columns of the windows and of their references."""
        shape = (window.latents_BCTHW.shape[3], window.latents_BCTHW.shape[4])
        split, condition = columns_of(self.dit, shape, self._world), window.condition
        if split is None:
            return window.latents_BCTHW, condition, None
        if condition.references_BJCHW is not None:
            condition = replace(condition, references_BJCHW=split.mine(condition.references_BJCHW))
        return split.mine(window.latents_BCTHW), condition, split

    def _noise(self, window: FlowBatch, split: ColumnSplit | None) -> Tensor:
        """The same on all processes that share a picture, of which each takes its columns."""
        noise_BCTHW = torch.randn_like(window.latents_BCTHW)
        return noise_BCTHW if split is None else split.mine(noise_BCTHW)

    def _made(self, data_BCTHW: Tensor, condition: Condition, step: int, split: ColumnSplit | None) -> Tensor:
        """x_0 of a step, behind the steps before it, which carry no gradient."""
        whole = (*data_BCTHW.shape[:-1], data_BCTHW.shape[-1] * self._world.context)

        def noise() -> Tensor:
            drawn_BCTHW = torch.randn(whole, device=data_BCTHW.device)
            return drawn_BCTHW if split is None else split.mine(drawn_BCTHW)

        sample_BCTHW = noise()
        for number, time in enumerate(self._config.times[: step + 1]):
            time_B = torch.full((len(data_BCTHW),), time, device=data_BCTHW.device)
            with torch.set_grad_enabled(torch.is_grad_enabled() and number == step):
                made_BCTHW = self._data(sample_BCTHW, time_B, condition, split)
            if number == step:
                return made_BCTHW
            after = torch.full_like(time_B, self._config.times[number + 1])
            sample_BCTHW = interpolate(made_BCTHW, noise(), after)
        raise AssertionError(f"step {step} of {len(self._config.times)}")

    @torch.no_grad()
    def _gradient(self, made_BCTHW: Tensor, condition: Condition, split: ColumnSplit | None) -> Tensor:
        config, device = self._config.scores, made_BCTHW.device
        time_B = matching_times(
            len(made_BCTHW), least=config.least_time, most=config.most_time, shift=config.time_shift, device=device
        )
        whole = (*made_BCTHW.shape[:-1], made_BCTHW.shape[-1] * self._world.context)
        noise_BCTHW = torch.randn(whole, device=device)
        noise_BCTHW = noise_BCTHW if split is None else split.mine(noise_BCTHW)
        noisy_BCTHW = interpolate(made_BCTHW, noise_BCTHW, time_B)
        with as_role(self.dit, None):
            real = [self._data(noisy_BCTHW, time_B, kept_by(condition, each), split) for each in self._passes]
        with as_role(self.dit, FAKE):
            fake_BCTHW = self._data(noisy_BCTHW, time_B, condition, split)
        parts = (made_BCTHW, guided(real, self._passes), fake_BCTHW)
        if split is None:
            return matching_gradient(*parts)
        # Its size is that of whole pictures.
        return split.mine(matching_gradient(*(split.joined(part) for part in parts)))

    def _data(self, noisy_BCTHW: Tensor, time_B: Tensor, condition: Condition, split: ColumnSplit | None) -> Tensor:
        """x_0 as the present role sees it, float32."""
        frames = noisy_BCTHW.shape[2]
        time_BT = time_B[:, None].expand(-1, frames)
        places_T = torch.arange(frames, device=noisy_BCTHW.device, dtype=torch.float32)
        offsets_J = self.dit.reference_positions(condition.slots, noisy_BCTHW.device)
        attend = attend_over(split, torch.cat([places_T, offsets_J]), self.dit.config.head_width)
        output_BCTHW = self.dit(noisy_BCTHW, time_BT, condition, attend=attend).float()
        return as_data(self.dit.config.prediction, output_BCTHW, noisy_BCTHW, time_BT)


@final
class SharedMatchingObjective:
    """A ``trainer.Differentiating``: parameters ``*.generator`` move every ``fake_steps`` steps, ``*.fake`` in all."""

    def __init__(self, learner: SharedMatchingLearner, source: FlowSource, config: SharedMatchingConfig) -> None:
        self.module: nn.Module = learner
        self.learner = learner
        self._source, self._config = source, config

    def batch(self, step: int, rank: int) -> SharedBatch:
        """The windows of a step for the process at a place; all teach the same step of the generator."""
        taught = int(generator("taught step", step).integers(len(self._config.times)))
        moves = step % self._config.fake_steps == 0
        return SharedBatch(window=self._source.batch(step, rank), moves=moves, step=taught)

    def differentiate(self, batch: SharedBatch, share: float) -> dict[str, Tensor]:
        """What the fake score learns, and in its steps the generator."""
        return self.learner.differentiate(batch, share)
