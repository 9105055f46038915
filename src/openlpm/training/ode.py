"""ODE initialisation: a causal student learns where its teacher's trajectories end (LPM 1.0, section 3, stage 1)."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from openlpm.dit.model import CharacterTransformer
from openlpm.flow.path import interpolate
from openlpm.rollout.assembly import CharacterModel
from openlpm.rollout.online import OnlineConfig
from openlpm.training.causal import CausalClip
from openlpm.training.clip_bank import ClipBank
from openlpm.training.teacher import TeacherConfig, trajectory
from openlpm.training.window_conditions import WindowConditions, latents_of
from openlpm.training.windows import WindowBatch, WindowDraw, WindowSource


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class OdeObjectiveConfig:
    """Windows and teacher."""

    windows: WindowDraw
    teacher: TeacherConfig


@final
class OdeLearner(nn.Module):
    """Squared error to the teacher's x_0 at every time that the student visits, behind the teacher's past."""

    def __init__(
        self,
        model: CharacterModel,
        teacher: CharacterTransformer,
        bank: ClipBank,
        online: OnlineConfig,
        config: OdeObjectiveConfig,
    ) -> None:
        super().__init__()
        self.dit = model.dit
        self._bank, self._online, self._config = bank, online, config
        self._frozen = (teacher, WindowConditions(model, bank))  # in a tuple: neither is trained nor saved

    def forward(self, batch: WindowBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of a batch; noise and disturbances come from the global generator."""
        teacher, conditions = self._frozen
        config, online = self._config, self._online
        shape_of_BCTHW = latents_of(self._bank, batch)
        device = shape_of_BCTHW.device
        with torch.no_grad():
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                condition = conditions(batch)
            way = trajectory(
                teacher, torch.randn_like(shape_of_BCTHW), condition, online.backbone_times, config.teacher
            )
        clip = CausalClip(self.dit, online, condition)
        if online.history_time is None:
            last_BCTHW, steps = clip.last(way.samples[-1]), online.backbone_times[:-1]
        else:
            past_B = torch.full((len(shape_of_BCTHW),), online.history_time, device=device)
            clip.last(interpolate(way.data_BCTHW, torch.randn_like(way.data_BCTHW), past_B))
            last_BCTHW, steps = None, online.backbone_times
        made = [
            clip.other(sample_BCTHW, torch.full((len(sample_BCTHW),), time, device=device))
            for time, sample_BCTHW in zip(steps, way.samples, strict=False)
        ]
        made += [] if last_BCTHW is None else [last_BCTHW]
        # Nothing weighs more than the rest: where the teacher put mouth and eyes is not known.
        errors = [(each - way.data_BCTHW).square().mean() for each in made]
        return torch.stack(errors).sum(), {"error_first": errors[0], "error_last": errors[-1]}


@final
class OdeObjective:
    """An ``Objective``: windows whose conditions teacher and student share; the encoders stay as they are."""

    def __init__(
        self,
        model: CharacterModel,
        teacher: CharacterTransformer,
        bank: ClipBank,
        online: OnlineConfig,
        config: OdeObjectiveConfig,
    ) -> None:
        self.module: nn.Module = OdeLearner(model, teacher, bank, online, config)
        self._source = WindowSource(bank, config.windows)

    def batch(self, step: int, rank: int) -> WindowBatch:
        """The windows of a step for a process."""
        return self._source.batch(step, rank)

    def loss(self, batch: WindowBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Error to the ends of the teacher's trajectories."""
        return self.module(batch)
