"""Base as a teacher: its own way from noise to data under guidance, kept at the times that a student visits."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from openlpm.core.errors import ConfigError
from openlpm.dit.condition import Condition
from openlpm.dit.model import CharacterTransformer
from openlpm.flow.guidance import GuidanceScales, guidance_passes, guided
from openlpm.flow.path import Prediction
from openlpm.flow.sampler import euler_steps
from openlpm.flow.schedule import uniform_times
from openlpm.rollout.conditioning import kept_by
from openlpm.training.scores import predicted


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class TeacherConfig:
    """How the teacher samples."""

    steps: int
    guidance: GuidanceScales
    time_shift: float = 2.5

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ConfigError(f"steps={self.steps}: a teacher needs at least one step")


@final
@dataclass(frozen=True, slots=True)
class Trajectory:
    """The teacher's way: where its samples stood at the student's times, and where they ended."""

    samples: tuple[Tensor, ...]
    """(B, C, T, H, W) at each of the times asked for, in order."""
    data_BCTHW: Tensor


@torch.no_grad()
def trajectory(
    dit: CharacterTransformer,
    noise_BCTHW: Tensor,
    condition: Condition,
    times: tuple[float, ...],
    config: TeacherConfig,
) -> Trajectory:
    """Sample windows from ``noise_BCTHW``; steps end at each of ``times`` (falling from 1) as well as at their own."""
    passes = guidance_passes(config.guidance)
    own = uniform_times(config.steps, shift=config.time_shift).tolist()
    knots = sorted({round(time, 6) for time in (*own, *times)}, reverse=True)

    def denoise(sample_BCTHW: Tensor, time_B: Tensor) -> Tensor:
        return guided([predicted(dit, sample_BCTHW, time_B, kept_by(condition, each)) for each in passes], passes)

    found = {1.0: noise_BCTHW.float()}
    last_BCTHW = noise_BCTHW
    for step in euler_steps(denoise, noise_BCTHW, torch.tensor(knots, dtype=torch.float64), prediction=Prediction.DATA):
        found[round(step.time, 6)] = step.sample_BCTHW
        last_BCTHW = step.sample_BCTHW
    return Trajectory(tuple(found[round(time, 6)] for time in times), last_BCTHW)
