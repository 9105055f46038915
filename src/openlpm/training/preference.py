"""Learning from preferences: the better of two takes becomes likelier beside what the model thought before (DPO).

Diffusion-DPO (Wallace et al. 2023) for flow matching: how likely a take is, is told by the error of its velocity at a
random point of its path, the same for both takes and for the frozen reference. Flow matching on the data goes on beside
it, so that colours do not drift (LPM 1.0, section 2, phase 6).
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from openlpm.core.errors import ConfigError
from openlpm.core.seeds import generator
from openlpm.dit.condition import Condition
from openlpm.dit.model import CharacterTransformer
from openlpm.flow.path import interpolate
from openlpm.rollout.assembly import CharacterModel
from openlpm.training.base import BaseLearner, BaseObjectiveConfig
from openlpm.training.clip_bank import ClipBank
from openlpm.training.pairs import PairConfig, Pairs
from openlpm.training.scores import predicted
from openlpm.training.windows import WindowBatch, WindowDraw, WindowSource

_LEAST_TIME = 0.45
"""As in Base: the error of a velocity is that of x_0 over the time."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class PreferenceConfig:
    """Pairs, and what they count beside the data."""

    pairs: PairConfig
    draw: WindowDraw
    """Windows that are performed for pairs: one layout, nothing left out."""
    base: BaseObjectiveConfig
    """Windows and loss of the data beside them."""
    beta: float = 400.0
    """How soon a preference counts as learnt: times the mean squared error of the velocity."""
    data: float = 1.0
    """Weight of the data's loss; 0: preferences alone."""
    rows: int = 8
    """Pairs of a process and step."""

    def __post_init__(self) -> None:
        if self.beta <= 0 or self.data < 0 or self.rows < 1:
            raise ConfigError(
                f"beta={self.beta}, data={self.data}, rows={self.rows}: give a beta above 0, a weight of 0 or more, "
                "and one pair or more"
            )


@final
@dataclass(frozen=True, slots=True)
class PreferenceBatch:
    """Windows of the data, and pairs with the windows that they perform."""

    window: WindowBatch
    asked: WindowBatch
    better_BCTHW: Tensor
    worse_BCTHW: Tensor


@final
class PreferenceLearner(nn.Module):
    """Base and its loss on pairs and on data; the reference is the transformer as it began, and stays."""

    def __init__(
        self, model: CharacterModel, reference: CharacterTransformer, bank: ClipBank, config: PreferenceConfig
    ) -> None:
        super().__init__()
        self.base = BaseLearner(model, bank, config.base)
        self._reference, self._config = (reference.requires_grad_(requires_grad=False),), config

    def forward(self, batch: PreferenceBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of a batch; noise and disturbances come from the global generator."""
        config = self._config
        device = batch.better_BCTHW.device
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            condition = self.base.conditions(batch.asked)
        ahead_B = self.ahead(batch.better_BCTHW.float(), batch.worse_BCTHW.float(), condition)
        preference = -logsigmoid(config.beta / 2 * ahead_B).mean()
        scalars = {
            "preference": preference,
            "preferred": (ahead_B > 0).float().mean(),
            "ahead": ahead_B.mean(),
        }
        if not config.data:
            return preference, scalars
        data, seen = self.base(batch.window)
        return preference + config.data * data, {**scalars, **seen}

    def ahead(self, better_BCTHW: Tensor, worse_BCTHW: Tensor, condition: Condition) -> Tensor:
        """By how much more than the reference this model finds the better take likelier: differences of errors, (B)."""
        noise_BCTHW = torch.randn_like(better_BCTHW)
        time_B = self._config.base.times.draw(len(better_BCTHW), device=better_BCTHW.device)
        (reference,) = self._reference
        errors: list[Tensor] = []
        for take_BCTHW in (better_BCTHW, worse_BCTHW):
            noisy_BCTHW = interpolate(take_BCTHW, noise_BCTHW, time_B)
            own_B = _error(self.base.dit, noisy_BCTHW, take_BCTHW, time_B, condition)
            with torch.no_grad():
                before_B = _error(reference, noisy_BCTHW, take_BCTHW, time_B, condition)
            errors.append(own_B - before_B)
        return errors[1] - errors[0]


def _error(
    dit: CharacterTransformer, noisy_BCTHW: Tensor, take_BCTHW: Tensor, time_B: Tensor, condition: Condition
) -> Tensor:
    """Mean squared error of the velocity."""
    made_BCTHW = predicted(dit, noisy_BCTHW, time_B, condition)
    return (made_BCTHW - take_BCTHW).square().mean(dim=(1, 2, 3, 4)) * time_B.clamp_min(_LEAST_TIME).pow(-2)


@final
class PreferenceObjective:
    """An ``Objective``: pairs, drawn for a step and a process, and windows of the data."""

    def __init__(self, learner: PreferenceLearner, pairs: Pairs, bank: ClipBank, config: PreferenceConfig) -> None:
        self.module: nn.Module = learner
        self._pairs, self._config = pairs, config
        self._source = WindowSource(bank, config.base.windows)

    def batch(self, step: int, rank: int) -> PreferenceBatch:
        """The pairs and windows of a step for a process."""
        rows = generator("preferences", step, rank).integers(len(self._pairs), size=self._config.rows)
        some = self._pairs.some(torch.from_numpy(rows).to(self._pairs.better_PCTHW.device))
        return PreferenceBatch(self._source.batch(step, rank), some.window, some.better_PCTHW, some.worse_PCTHW)

    def loss(self, batch: PreferenceBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Error of preferences and of the data."""
        return self.module(batch)
