"""Training Base: flow matching on windows of banked clips, with everything dropped now and then."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from openlpm.core.errors import ConfigError
from openlpm.flow.path import as_data, interpolate
from openlpm.flow.schedule import TimeDraw
from openlpm.nn.attention import Bidirectional
from openlpm.rollout.assembly import CharacterModel
from openlpm.training.clip_bank import ClipBank
from openlpm.training.focus import Focus
from openlpm.training.performance_reader import NO_READER, PerformanceReader, ReaderConfig
from openlpm.training.window_conditions import WindowConditions, latents_of, performance_of, weights_of
from openlpm.training.windows import WindowBatch, WindowDraw, WindowSource


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class BaseObjectiveConfig:
    """Windows and loss of Base."""

    windows: WindowDraw
    most_context_noise: float
    """Given frames are shown at flow times up to this."""
    times: TimeDraw
    focus: Focus
    reader: ReaderConfig = NO_READER

    def __post_init__(self) -> None:
        if not 0 <= self.most_context_noise < 1:
            raise ConfigError(f"most_context_noise={self.most_context_noise}: a flow time from 0 to below 1")


@final
class BaseLearner(nn.Module):
    """The trained parts of a character model and their loss on a bank of clips."""

    def __init__(self, model: CharacterModel, bank: ClipBank, config: BaseObjectiveConfig) -> None:
        super().__init__()
        self.dit = model.dit
        self.conditions = WindowConditions(model, bank)
        self._bank, self._config = bank, config
        sizes, asked = model.config.dit, config.reader
        rigged_N = bank.traits.rigged_N
        self._rigged_N = torch.from_numpy(rigged_N).to(bank.latents_NTCHW.device)
        known_MTX = bank.performance_NTX if rigged_N.all() else bank.performance_NTX[self._rigged_N]
        # Without a clip whose rig is known there is nothing to read.
        self.reader = PerformanceReader(sizes.width, known_MTX) if asked.weight and rigged_N.any() else None
        self._read_layer = asked.layer(sizes.num_layers)

    def forward(self, batch: WindowBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of a batch; noise and disturbances come from the global generator."""
        config, frames = self._config, batch.layout.frames
        data_BCTHW = latents_of(self._bank, batch)
        device = data_BCTHW.device
        given_BT = torch.arange(frames, device=device) < batch.context_B[:, None]
        batch_size = len(batch.clips_B)
        time_B = config.times.draw(batch_size, device=device)
        quiet_B = torch.rand(batch_size, device=device) * config.most_context_noise
        time_BT = torch.where(given_BT, quiet_B[:, None], time_B[:, None])
        noisy_BCTHW = interpolate(data_BCTHW, torch.randn_like(data_BCTHW), time_BT)
        tokens: list[Tensor] = []

        def watch(layer: int, tokens_BTSD: Tensor) -> None:
            if layer == self._read_layer:
                tokens.append(tokens_BTSD)

        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            output = self.dit(noisy_BCTHW, time_BT, self.conditions(batch), attend=Bidirectional(), watch=watch)
        made_BCTHW = as_data(self.dit.config.prediction, output.float(), noisy_BCTHW, time_BT)
        error_BTHW = (made_BCTHW - data_BCTHW).square().mean(dim=1)
        weight_BTHW = weights_of(self._bank, batch, config.focus)
        weight_BTHW = weight_BTHW * (~given_BT)[:, :, None, None] * _time_weight(time_B)[:, None, None, None]
        loss = (weight_BTHW * error_BTHW).sum() / (weight_BTHW > 0).sum()
        scalars = {"error": _mean_over(~given_BT, error_BTHW.mean(dim=(2, 3)))}
        if self.reader is not None:
            misread_BT = self.reader(tokens[0], performance_of(self._bank, batch))
            known_BT = ~given_BT & self._rigged_N[batch.clips_B][:, None]
            scalars["misread"] = _mean_over(known_BT, misread_BT)
            loss = loss + config.reader.weight * scalars["misread"]
        return loss, scalars


def _mean_over(chosen_BT: Tensor, values_BT: Tensor) -> Tensor:
    return (values_BT * chosen_BT).sum() / chosen_BT.sum().clamp_min(1)


def _time_weight(time_B: Tensor) -> Tensor:
    """Velocity weighting 1/t^2 of an error in x_0, bounded where t is small."""
    return time_B.clamp_min(0.45).pow(-2)


@final
class BaseObjective:
    """An ``Objective``: windows of a bank, and what Base makes of them."""

    def __init__(self, model: CharacterModel, bank: ClipBank, config: BaseObjectiveConfig) -> None:
        self.module: nn.Module = BaseLearner(model, bank, config)
        self._source = WindowSource(bank, config.windows)

    def batch(self, step: int, rank: int) -> WindowBatch:
        """The windows of a step for a process."""
        return self._source.batch(step, rank)

    def loss(self, batch: WindowBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Weighted error of the predicted clean latents."""
        return self.module(batch)
