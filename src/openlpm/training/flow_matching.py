"""Flow matching for the large sizes: a sharded transformer alone, on conditions that were encoded before."""

from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor, nn

from openlpm.core.errors import ConfigError
from openlpm.dit.condition import Condition
from openlpm.dit.model import CharacterTransformer
from openlpm.flow.path import as_data, interpolate, velocity, velocity_from_data
from openlpm.flow.schedule import logit_normal_times
from openlpm.parallel.scale import attend_over, columns_of
from openlpm.parallel.world import World
from openlpm.training.flow_windows import FlowBatch, FlowDraw, FlowSource
from openlpm.training.latent_store import LatentStore

_LEAST_TIME = 0.02
"""A velocity that is read off a prediction of data is divided by the time."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class FlowConfig:
    """Windows and loss of a lesson."""

    draw: FlowDraw
    time_shift: float
    most_context_noise: float = 0.0
    """Given frames are shown at flow times up to this."""

    def __post_init__(self) -> None:
        if not 0 <= self.most_context_noise < 1:
            raise ConfigError(f"most_context_noise={self.most_context_noise}: a flow time from 0 to below 1")


@final
class FlowLearner(nn.Module):
    """A transformer and the error of its velocity; processes that share a sequence each compute their columns of it."""

    def __init__(self, transformer: CharacterTransformer, world: World, config: FlowConfig) -> None:
        super().__init__()
        self.dit = transformer
        self._world, self._config = world, config

    def forward(self, batch: FlowBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean squared error over all cells that were not given; noise comes from the global generator."""
        config, data_BCTHW = self._config, batch.latents_BCTHW
        device, (count, _, frames) = data_BCTHW.device, data_BCTHW.shape[:3]
        given_BT = torch.arange(frames, device=device) < batch.context_B[:, None]
        time_B = logit_normal_times(count, shift=config.time_shift, device=device).clamp_min(_LEAST_TIME)
        quiet_B = torch.rand(count, device=device) * config.most_context_noise
        time_BT = torch.where(given_BT, quiet_B[:, None], time_B[:, None])
        # Those who share a sequence draw the same noise, and take their columns of it.
        noise_BCTHW = torch.randn_like(data_BCTHW)
        error_BT = velocity_error(self.dit, data_BCTHW, noise_BCTHW, time_BT, batch.condition, self._world)
        loss = (error_BT * ~given_BT).sum() / (~given_BT).sum().clamp_min(1)
        return loss, {"error": loss.detach()}


def velocity_error(
    dit: CharacterTransformer,
    data_BCTHW: Tensor,
    noise_BCTHW: Tensor,
    time_BT: Tensor,
    condition: Condition,
    world: World,
) -> Tensor:
    """Mean squared error of the velocity in every latent frame, (B, T), over this process's columns of it."""
    split = columns_of(dit, (data_BCTHW.shape[3], data_BCTHW.shape[4]), world)
    positions_T = torch.arange(data_BCTHW.shape[2], device=data_BCTHW.device, dtype=torch.float32)
    if split is not None:
        data_BCTHW, noise_BCTHW = split.mine(data_BCTHW), split.mine(noise_BCTHW)
        if condition.references_BJCHW is not None:
            condition = replace(condition, references_BJCHW=split.mine(condition.references_BJCHW))
    places_T = torch.cat([positions_T, dit.reference_positions(condition.slots, data_BCTHW.device)])
    attend = attend_over(split, places_T, dit.config.head_width)
    noisy_BCTHW = interpolate(data_BCTHW, noise_BCTHW, time_BT)
    output_BCTHW = dit(noisy_BCTHW, time_BT, condition, attend=attend).float()
    made_BCTHW = as_data(dit.config.prediction, output_BCTHW, noisy_BCTHW, time_BT)
    moved_BCTHW = velocity_from_data(noisy_BCTHW, made_BCTHW, time_BT.clamp_min(_LEAST_TIME))
    return (moved_BCTHW - velocity(data_BCTHW, noise_BCTHW)).square().mean(dim=(1, 3, 4))


@final
class FlowObjective:
    """An ``Objective``: windows of a store."""

    def __init__(self, learner: FlowLearner, source: FlowSource) -> None:
        self.module: nn.Module = learner
        self._source = source

    @classmethod
    def of(
        cls, transformer: CharacterTransformer, store: LatentStore, world: World, config: FlowConfig
    ) -> "FlowObjective":
        """What a lesson learns from a store."""
        source = FlowSource(store, config.draw, transformer.config, world.device)
        return cls(FlowLearner(transformer, world, config), source)

    def batch(self, step: int, rank: int) -> FlowBatch:
        """The windows of a step for the process at a place."""
        return self._source.batch(step, rank)

    def loss(self, batch: FlowBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Error of the velocity."""
        return self.module(batch)
