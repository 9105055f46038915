"""The two scores of distribution matching: a frozen teacher with guidance, and a student of the student."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from openlpm.core.errors import ConfigError
from openlpm.dit.condition import Condition
from openlpm.dit.model import CharacterTransformer
from openlpm.flow.guidance import GuidanceScales, guidance_passes, guided
from openlpm.flow.matching import matching_gradient, matching_times
from openlpm.flow.path import as_data, interpolate
from openlpm.flow.schedule import logit_normal_times
from openlpm.nn.attention import Bidirectional
from openlpm.rollout.conditioning import kept_by


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreConfig:
    """How the scores are asked."""

    guidance: GuidanceScales
    """Of the real score; the fake one follows its conditions as learnt."""
    least_time: float = 0.02
    most_time: float = 0.98
    time_shift: float = 2.5

    def __post_init__(self) -> None:
        if not 0 < self.least_time < self.most_time < 1:
            raise ConfigError(
                f"least_time={self.least_time}, most_time={self.most_time}: give 0 < least < most < 1; "
                "at 0 the scores know nothing, at 1 they see nothing"
            )


def predicted(dit: CharacterTransformer, noisy_BCTHW: Tensor, time_B: Tensor, condition: Condition) -> Tensor:
    """x_0 of a whole window, seen at once, in float32."""
    time_BT = time_B[:, None].expand(-1, noisy_BCTHW.shape[2])
    with torch.autocast(noisy_BCTHW.device.type, torch.bfloat16, enabled=noisy_BCTHW.is_cuda):
        output = dit(noisy_BCTHW, time_BT, condition, attend=Bidirectional())
    return as_data(dit.config.prediction, output.float(), noisy_BCTHW, time_BT)


@final
class Scores:
    """Real and fake score of windows of latents."""

    def __init__(self, real: CharacterTransformer, fake: CharacterTransformer, config: ScoreConfig) -> None:
        self.real, self.fake, self.config = real, fake, config
        self._passes = guidance_passes(config.guidance)

    @torch.no_grad()
    def gradient(self, made_BCTHW: Tensor, condition: Condition) -> Tensor:
        """How the distribution of what is made differs from that of the data, at a random time for every row."""
        config, device = self.config, made_BCTHW.device
        time_B = matching_times(
            made_BCTHW.shape[0], least=config.least_time, most=config.most_time, shift=config.time_shift, device=device
        )
        made_BCTHW = made_BCTHW.detach().float()
        noisy_BCTHW = interpolate(made_BCTHW, torch.randn_like(made_BCTHW), time_B)
        outputs = [predicted(self.real, noisy_BCTHW, time_B, kept_by(condition, each)) for each in self._passes]
        fake_BCTHW = predicted(self.fake, noisy_BCTHW, time_B, condition)
        return matching_gradient(made_BCTHW, guided(outputs, self._passes), fake_BCTHW)


@final
class FakeScore(nn.Module):
    """The network that learns to denoise what the generator makes, as Base learnt to denoise the data."""

    def __init__(self, dit: CharacterTransformer, *, time_shift: float) -> None:
        super().__init__()
        self.dit = dit
        self._shift = time_shift

    def forward(self, made_BCTHW: Tensor, condition: Condition) -> Tensor:
        """Error of x_0 over all windows, weighted as a velocity's (1/t^2, bounded)."""
        time_B = logit_normal_times(made_BCTHW.shape[0], shift=self._shift, device=made_BCTHW.device)
        noisy_BCTHW = interpolate(made_BCTHW, torch.randn_like(made_BCTHW), time_B)
        error_B = (predicted(self.dit, noisy_BCTHW, time_B, condition) - made_BCTHW).square().mean(dim=(1, 2, 3, 4))
        return (error_B * time_B.clamp_min(0.45).pow(-2)).mean()
