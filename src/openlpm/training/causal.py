"""Teaching a transformer to see only the past: a whole clip in two passes, each chunk as a stream would make it.

The first pass shows all frames at the noise of the history and keeps their keys; since each chunk sees earlier ones
and itself, it is also the last step of every chunk, unless the history has a noise of its own. Other steps are second
passes, which see the kept keys of earlier chunks.
"""

from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor, nn

from openlpm.core.errors import ConfigError
from openlpm.dit.condition import Condition
from openlpm.dit.model import CharacterTransformer
from openlpm.flow.path import as_data, interpolate
from openlpm.flow.schedule import TimeDraw
from openlpm.nn.block_causal import BlockCausal, CausalLayout, KeyRecord
from openlpm.rollout.assembly import CharacterModel
from openlpm.rollout.online import OnlineConfig
from openlpm.training.clip_bank import ClipBank
from openlpm.training.focus import Focus
from openlpm.training.window_conditions import WindowConditions, latents_of, weights_of
from openlpm.training.windows import WindowBatch, WindowDraw, WindowSource


@final
class CausalClip:
    """A clip under its conditions, ready to be predicted chunk by chunk in parallel."""

    def __init__(self, dit: CharacterTransformer, online: OnlineConfig, condition: Condition) -> None:
        self._dit, self._online, self._condition = dit, online, condition
        self._record: KeyRecord | None = None

    def last(self, noisy_BCTHW: Tensor) -> Tensor:
        """x_0 of all frames at ``online.history_noise``, float32: their history, and mostly the last step of chunks."""
        self._record = KeyRecord()
        time_B = torch.full((noisy_BCTHW.shape[0],), self._online.history_noise, device=noisy_BCTHW.device)
        layout = self._layout(noisy_BCTHW, references=len(self._condition.slots))
        attend = BlockCausal(layout, record=self._record, device=noisy_BCTHW.device)
        return self._data(noisy_BCTHW, time_B, self._condition, attend)

    def other(self, noisy_BCTHW: Tensor, time: Tensor) -> Tensor:
        """x_0 of all frames at other times, (B) or (B, T), every chunk after the history that ``last`` was shown."""
        if self._record is None:
            raise ConfigError("other: there is no history yet; call last first")
        bare = replace(self._condition, references_BJCHW=None, slots=())
        layout = self._layout(noisy_BCTHW, references=0)
        return self._data(noisy_BCTHW, time, bare, BlockCausal(layout, history=self._record, device=noisy_BCTHW.device))

    def _layout(self, noisy_BCTHW: Tensor, *, references: int) -> CausalLayout:
        return CausalLayout(
            chunk_frames=self._online.chunk_frames,
            num_frames=noisy_BCTHW.shape[2],
            num_references=references,
            tokens_per_frame=self._dit.config.tokens_per_frame(*noisy_BCTHW.shape[3:]),
            memory=self._online.memory,
        )

    def _data(self, noisy_BCTHW: Tensor, time: Tensor, condition: Condition, attend: BlockCausal) -> Tensor:
        time_BT = time[:, None].expand(-1, noisy_BCTHW.shape[2]) if time.ndim == 1 else time
        with torch.autocast(noisy_BCTHW.device.type, torch.bfloat16, enabled=noisy_BCTHW.is_cuda):
            output = self._dit(noisy_BCTHW, time_BT, condition, attend=attend)
        return as_data(self._dit.config.prediction, output.float(), noisy_BCTHW, time_BT)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class CausalObjectiveConfig:
    """Windows and loss of causal flow matching."""

    windows: WindowDraw
    times: TimeDraw
    focus: Focus


@final
class CausalLearner(nn.Module):
    """Flow matching as Base does it, but each chunk sees only what a stream sees, behind a history that is noised."""

    def __init__(
        self, model: CharacterModel, bank: ClipBank, online: OnlineConfig, config: CausalObjectiveConfig
    ) -> None:
        super().__init__()
        self.dit = model.dit
        self.conditions = WindowConditions(model, bank)
        self._bank, self._online, self._config = bank, online, config

    def forward(self, batch: WindowBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of both passes; noise and disturbances come from the global generator."""
        config, data_BCTHW = self._config, latents_of(self._bank, batch)
        device, frames = data_BCTHW.device, data_BCTHW.shape[2]
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            condition = self.conditions(batch)
        clip = CausalClip(self.dit, self._online, condition)
        past_B = torch.full((len(data_BCTHW),), self._online.history_noise, device=device)
        last_BCTHW = clip.last(interpolate(data_BCTHW, torch.randn_like(data_BCTHW), past_B))
        # A time for each chunk: one pass teaches many.
        chunks = -(-frames // self._online.chunk_frames)
        time_BK = config.times.draw(len(data_BCTHW), chunks, device=device)
        time_BT = time_BK.repeat_interleave(self._online.chunk_frames, dim=1)[:, :frames]
        noisy_BCTHW = interpolate(data_BCTHW, torch.randn_like(data_BCTHW), time_BT)
        other_BCTHW = clip.other(noisy_BCTHW, time_BT)
        focus_BTHW = weights_of(self._bank, batch, config.focus)
        weight_BT = time_BT.clamp_min(0.45).pow(-2)
        last_BTHW, other_BTHW = ((each - data_BCTHW).square().mean(dim=1) for each in (last_BCTHW, other_BCTHW))
        last = (focus_BTHW * last_BTHW).mean() / max(self._online.history_noise, 0.45) ** 2
        other = (focus_BTHW * other_BTHW * weight_BT[:, :, None, None]).mean()
        return last + other, {"error": other_BTHW.mean(), "error_last": last_BTHW.mean()}


@final
class CausalObjective:
    """An ``Objective``: the same windows as Base's, seen causally."""

    def __init__(
        self, model: CharacterModel, bank: ClipBank, online: OnlineConfig, config: CausalObjectiveConfig
    ) -> None:
        self.module: nn.Module = CausalLearner(model, bank, online, config)
        self._source = WindowSource(bank, config.windows)

    def batch(self, step: int, rank: int) -> WindowBatch:
        """The windows of a step for a process."""
        return self._source.batch(step, rank)

    def loss(self, batch: WindowBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Error of the predicted clean latents, at the noise of the history and at random times."""
        return self.module(batch)
