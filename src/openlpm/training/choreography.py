"""Training a choreographer: flow matching on the motion of banked clips, each chunk behind what came before it."""

from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from openlpm.core.motion import MOTION_CHANNELS, NUM_MOTION
from openlpm.core.rig import MOUTH_CHANNELS
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.dit.condition import Condition, ReferenceKind, ReferenceSlot
from openlpm.encoders.text import TextEncoder
from openlpm.flow.path import interpolate
from openlpm.flow.schedule import TimeDraw
from openlpm.rollout.choreographer import LONGEST_S, Choreographer, clock
from openlpm.training.causal import CausalClip
from openlpm.training.clip_bank import ClipBank, motion_of, situations
from openlpm.training.footage import Footage
from openlpm.training.window_captions import WindowText
from openlpm.training.window_conditions import WindowConditions, motion_in
from openlpm.training.windows import WindowBatch, WindowDraw, WindowSource

_LEAST_SPREAD = 0.05
"""A channel that hardly moves in the footage is not blown up to matter as much as others."""


def bank_of_motion(text: TextEncoder, footage: Footage, frames_per_latent: int, device: torch.device) -> ClipBank:
    """Footage without its pictures: all that a choreographer learns from."""
    clips, frames = footage.rig_NFR.shape[:2]
    frames //= frames_per_latent
    motion_NTM, performance_NTX = motion_of(footage, frames_per_latent, device)
    return ClipBank(
        latents_NTCHW=torch.zeros(clips, frames, 0, 0, 0, device=device),
        focus_NTHW=torch.zeros(clips, frames, 0, 0, dtype=torch.uint8, device=device),
        firsts_NKCHW=torch.zeros(clips, 0, 0, 0, 0, device=device),
        references_NJCHW=torch.zeros(clips, 1, 0, 0, 0, device=device),
        slots=(ReferenceSlot(kind=ReferenceKind.GLOBAL),),
        motion_NTM=motion_NTM,
        performance_NTX=performance_NTX,
        speak_NA=torch.from_numpy(footage.speak_NA).to(device),
        listen_NA=torch.from_numpy(footage.listen_NA).to(device),
        text=WindowText.of(text, footage.told, footage.stretches.in_groups(frames_per_latent), device),
        situation_N=situations(footage.state_NF),
    )


def parted(bank: ClipBank, held_out: int) -> tuple[ClipBank, ClipBank]:
    """The same bank twice: for learning, which never draws its last clips, and for trying, which draws these alone.

    Of few clips an eighth is held out at most, of fewer than eight none: then both are the whole bank.
    """
    held = min(held_out, len(bank) // 8)
    if not held:
        return bank, bank
    traits, is_held_N = bank.traits, np.arange(len(bank)) >= len(bank) - held

    def of(kept_N: NDArray[np.bool_]) -> ClipBank:
        return replace(bank, uneven=replace(traits, frames_N=np.where(kept_N, traits.frames_N, 0)))

    return of(~is_held_N), of(is_held_N)


def measure(model: Choreographer, bank: ClipBank) -> None:
    """Set mean and spread of every channel by those of the bank's clips whose rig is known."""
    known_N = torch.from_numpy(bank.traits.rigged_N).to(bank.motion_NTM.device)
    values_XM = bank.motion_NTM[known_N].float().unflatten(2, (-1, NUM_MOTION)).flatten(0, 2)
    group = model.config.frames_per_latent
    model.mean_X.copy_(values_XM.mean(dim=0).tile(group))
    model.spread_X.copy_(values_XM.std(dim=0).clamp_min(_LEAST_SPREAD).tile(group))


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ChoreographyConfig:
    """Windows and loss of a choreographer."""

    windows: WindowDraw
    times: TimeDraw
    mouth: float = 2.0
    """What an error of the mouth counts, those of other channels 1."""


@final
class ChoreographyLearner(nn.Module):
    """A choreographer and its loss on a bank of clips."""

    def __init__(self, model: Choreographer, bank: ClipBank, config: ChoreographyConfig) -> None:
        super().__init__()
        self.dit, self.conditions = model.dit, WindowConditions(model, bank)
        self._frozen = (model,)  # in a tuple: its parts are here already
        self._bank, self._config = bank, config
        mouth_M = torch.tensor([config.mouth if each in MOUTH_CHANNELS else 1.0 for each in MOTION_CHANNELS])
        weight_X = mouth_M.tile(model.config.frames_per_latent).to(bank.motion_NTM.device)
        self._weight_X = weight_X / weight_X.mean()
        self._known_N = torch.from_numpy(bank.traits.rigged_N).to(bank.motion_NTM.device)

    def forward(self, batch: WindowBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of both passes (``CausalClip``); noise and disturbances come from the global generator."""
        [model] = self._frozen
        config, way = self._config, model.config.online
        data = model.to_latents(motion_in(self._bank, batch).float())
        device, frames = data.device, data.shape[2]
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            condition = self._told(batch)
        clip = CausalClip(self.dit, way, condition)
        past_B = torch.full((len(data),), way.history_noise, device=device)
        last = clip.last(interpolate(data, torch.randn_like(data), past_B))
        chunks = -(-frames // way.chunk_frames)
        time_BK = config.times.draw(len(data), chunks, device=device)
        time_BT = time_BK.repeat_interleave(way.chunk_frames, dim=1)[:, :frames]
        other = clip.other(interpolate(data, torch.randn_like(data), time_BT), time_BT)
        known_BT = self._known_N[batch.clips_B][:, None].float()
        last_BT, other_BT = (self._error(each, data) * known_BT for each in (last, other))
        loss = (other_BT * time_BT.clamp_min(0.3).pow(-2)).mean() + last_BT.mean()
        return loss, {"error": other_BT.mean(), "error_last": last_BT.mean()}

    def _error(self, made: Tensor, data: Tensor) -> Tensor:
        """Of latent frames, (B, T)."""
        squared_BTX = (made - data)[..., 0, 0].square().transpose(1, 2)
        return (squared_BTX * self._weight_X).mean(dim=2)

    def _told(self, batch: WindowBatch) -> Condition:
        """Voices and words, and how long the words have held."""
        condition = self.conditions.heard_and_told(batch)
        steps_T = torch.arange(batch.layout.frames, device=batch.clips_B.device)
        since_BT = torch.where(
            batch.told_at_once_B[:, None], steps_T, steps_T % (batch.prompt_frames or batch.layout.frames)
        )
        age_BT = since_BT * (self._frozen[0].config.frames_per_latent / FRAME_RATE_HZ)
        age_BT = torch.where(batch.keep_B3[:, :1], age_BT, torch.full_like(age_BT, LONGEST_S))
        return replace(condition, motion_BTM=clock(age_BT))


@final
class ChoreographyObjective:
    """An ``Objective``: windows of a bank, and what a choreographer makes of them."""

    def __init__(self, model: Choreographer, bank: ClipBank, config: ChoreographyConfig, *, held_out: int = 0) -> None:
        """So many clips of the bank are kept from learning, as far as ``parted`` goes."""
        self.module: nn.Module = ChoreographyLearner(model, bank, config)
        learnt, tried = parted(bank, held_out)
        self.holds_out = tried is not bank
        self._source, self._tried = WindowSource(learnt, config.windows), WindowSource(tried, config.windows)

    def batch(self, step: int, rank: int) -> WindowBatch:
        """The windows of a step for a process."""
        return self._source.batch(step, rank)

    def loss(self, batch: WindowBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Error of the predicted motion, at the noise of the history and at random times."""
        return self.module(batch)

    @torch.no_grad()
    def errors(self, batches: int = 8) -> tuple[float, float]:
        """Mean error on clips that were learnt from and on those held out, by the same noise each time."""
        found: list[float] = []
        devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
        for source in (self._source, self._tried):
            with torch.random.fork_rng(devices):
                torch.manual_seed(0)
                errors = [self.module(source.batch(step, 0))[1]["error"] for step in range(batches)]
            found.append(float(torch.stack(errors).mean()))
        return found[0], found[1]
