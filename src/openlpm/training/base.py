"""Training Base: flow matching on windows of banked clips, with everything dropped now and then."""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from openlpm.core.errors import ConfigError
from openlpm.core.motion import MOTION_CHANNELS, MOTION_GROUPS, NUM_MOTION
from openlpm.core.seeds import generator
from openlpm.core.units import samples_at_frame
from openlpm.dit.condition import Condition, ReferenceKind, ReferenceSlot
from openlpm.dit.config import AudioBranch
from openlpm.encoders.mel import log_mel
from openlpm.encoders.speech import SpeechEncoder
from openlpm.flow.path import as_data, interpolate
from openlpm.flow.schedule import logit_normal_times
from openlpm.nn.attention import Bidirectional
from openlpm.rollout.assembly import CharacterModel
from openlpm.rollout.conditioning import audio_span
from openlpm.training.clip_bank import SITUATIONS, STRIDE, ClipBank
from openlpm.training.sound import disturb, warp_bands

_KEEP_GROUP = 0.75
"""How often each group of a given motion track is told."""
_WHOLE_SPAN = 0.7
"""How often a given motion track covers its whole window."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class WindowLayout:
    """A shape of training window: how long, and how many references of each kind."""

    frames: int
    first: bool
    views: int
    expressions: int

    @property
    def num_tokens_frames(self) -> int:
        """Latent frames and references together."""
        return self.frames + 1 + self.first + self.views + self.expressions


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ClipMix:
    """How often windows come from clips of each situation, beside one another; 0 leaves them out.

    What is rare in the footage is drawn as often as what is common if both weigh the same.
    """

    speak: float = 1.0
    listen: float = 1.0
    idle: float = 0.5
    conversation: float = 1.5

    def __post_init__(self) -> None:
        weights = [getattr(self, name) for name in SITUATIONS]
        if min(weights) < 0 or not any(weights):
            raise ConfigError(f"{self}: weights are 0 or more, and one of them is positive")

    def probabilities(self, situation_N: NDArray[np.int8]) -> NDArray[np.float64]:
        """How probable each clip is; a situation that the bank lacks gives its share to the others."""
        count_S = np.bincount(situation_N, minlength=len(SITUATIONS))
        weight_S = np.array([getattr(self, name) for name in SITUATIONS]) * (count_S > 0)
        if not weight_S.any():
            raise ConfigError(f"{self}: the bank has no clip of these situations; make more footage")
        return (weight_S / np.maximum(count_S, 1) / weight_S.sum())[situation_N]


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class BaseObjectiveConfig:
    """Batch, dropout and loss of Base."""

    token_frames: int
    """Latent frames and references a process and step, over all windows."""
    mix: ClipMix
    layouts: tuple[WindowLayout, ...]
    drop_text: float
    drop_speak: float
    drop_listen: float
    drop_all: float
    give_motion: float
    """Share of windows that are given the motion track; of those, each group of channels is left out now and then."""
    continue_share: float
    """Share of windows that go on from given frames."""
    most_context: int
    most_context_noise: float
    time_shift: float
    mouth_weight: float
    eyes_weight: float

    def __post_init__(self) -> None:
        if self.most_context >= min(layout.frames for layout in self.layouts):
            raise ConfigError(f"most_context={self.most_context}: leave frames to generate in the shortest layout")


@final
@dataclass(frozen=True, slots=True)
class BaseBatch:
    """Windows of banked clips; all of a step share one layout."""

    layout: WindowLayout
    clips_B: Tensor
    starts_B: Tensor
    """First latent frame, a multiple of STRIDE."""
    context_B: Tensor
    """Latent frames at the start that are given."""
    references: tuple[int, ...]
    """Which of the bank's references."""
    keep_B3: Tensor
    """Whether text, own voice and partner's voice are kept."""
    motion_BM: Tensor
    """Which channels of the motion track are given."""
    motion_span_B2: Tensor
    """From which latent frame of the window to which."""


@final
class BaseLearner(nn.Module):
    """The trained parts of a character model and their loss on a bank of clips."""

    def __init__(self, model: CharacterModel, bank: ClipBank, config: BaseObjectiveConfig) -> None:
        super().__init__()
        self.dit, self.speak, self.listen, self.text = model.dit, model.speak, model.listen, model.text
        self._bank, self._config = bank, config

    def forward(self, batch: BaseBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of a batch; noise and disturbances come from the global generator."""
        bank, config, frames = self._bank, self._config, batch.layout.frames
        device = bank.latents_NTCHW.device
        steps_T = torch.arange(frames, device=device)
        picked = (batch.clips_B[:, None], batch.starts_B[:, None] + steps_T)
        data_BCTHW = bank.latents_NTCHW[picked].transpose(1, 2).float()
        given_BT = steps_T < batch.context_B[:, None]
        batch_size = len(batch.clips_B)
        time_B = logit_normal_times(batch_size, shift=config.time_shift, device=device)
        quiet_B = torch.rand(batch_size, device=device) * config.most_context_noise
        time_BT = torch.where(given_BT, quiet_B[:, None], time_B[:, None])
        noisy_BCTHW = interpolate(data_BCTHW, torch.randn_like(data_BCTHW), time_BT)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            condition = self._condition(batch)
            output = self.dit(noisy_BCTHW, time_BT, condition, attend=Bidirectional())
        made_BCTHW = as_data(self.dit.config.prediction, output.float(), noisy_BCTHW, time_BT)
        error_BTHW = (made_BCTHW - data_BCTHW).square().mean(dim=1)
        focus_BTHW = bank.focus_NTHW[picked]
        weight_BTHW = 1 + (focus_BTHW == 1) * (config.eyes_weight - 1) + (focus_BTHW == 2) * (config.mouth_weight - 1)
        weight_BTHW = weight_BTHW * (~given_BT)[:, :, None, None] * _time_weight(time_B)[:, None, None, None]
        loss = (weight_BTHW * error_BTHW).sum() / (weight_BTHW > 0).sum()
        return loss, {"error": (error_BTHW.mean(dim=(2, 3)) * ~given_BT).sum() / (~given_BT).sum()}

    def _condition(self, batch: BaseBatch) -> Condition:
        bank = self._bank
        clips_B = batch.clips_B
        text_BLD = self.text(bank.text_NLG[clips_B]) * batch.keep_B3[:, 0, None, None]
        steps_T = torch.arange(batch.layout.frames, device=clips_B.device)
        motion_BTM = bank.motion_NTM[clips_B[:, None], batch.starts_B[:, None] + steps_T]
        inside_BT = (steps_T >= batch.motion_span_B2[:, :1]) & (steps_T < batch.motion_span_B2[:, 1:])
        given_BTM = batch.motion_BM.tile(1, motion_BTM.shape[2] // NUM_MOTION)[:, None] & inside_BT[..., None]
        pictures = [bank.references_NJCHW[clips_B, j][:, None] for j in batch.references]
        slots = [bank.slots[j] for j in batch.references]
        if batch.layout.first:
            pictures.append(bank.firsts_NKCHW[clips_B, batch.starts_B // STRIDE][:, None])
            slots.append(ReferenceSlot(kind=ReferenceKind.FIRST))
        branches = self.dit.config
        assert branches.speak is not None
        assert branches.listen is not None
        return Condition(
            text_BLD=text_BLD,
            speak_BLD=self._heard(self.speak, branches.speak, bank.speak_NA, batch),
            listen_BLD=self._heard(self.listen, branches.listen, bank.listen_NA, batch),
            speak_on_B=batch.keep_B3[:, 1],
            listen_on_B=batch.keep_B3[:, 2],
            references_BJCHW=torch.cat(pictures, dim=1).float(),
            slots=tuple(slots),
            motion_BTM=motion_BTM,
            motion_given_BTM=given_BTM,
        )

    def _heard(self, encoder: SpeechEncoder, branch: AudioBranch, tracks_NA: Tensor, batch: BaseBatch) -> Tensor:
        """Tokens of a disturbed voice; what lies before the clip or after it is silence."""
        span = audio_span(encoder, branch, 0, batch.layout.frames)
        starts_B = span.start_sample + batch.starts_B // STRIDE * samples_at_frame(STRIDE * 4)
        index_BA = starts_B[:, None] + torch.arange(span.num_samples, device=tracks_NA.device)
        inside_BA = (index_BA >= 0) & (index_BA < tracks_NA.shape[1])
        samples_BA = tracks_NA[batch.clips_B[:, None], index_BA.clamp(0, tracks_NA.shape[1] - 1)] * inside_BA / 32767.0
        with torch.autocast(tracks_NA.device.type, enabled=False):
            mel_BML = log_mel(disturb(samples_BA.float()), span.first_column, span.num_columns)
        return encoder(warp_bands(mel_BML))


def _given_motion(rng: np.random.Generator, size: int, share: float) -> NDArray[np.bool_]:
    """Which channels each window is told, group by group."""
    given_BM = np.zeros((size, NUM_MOTION), dtype=np.bool_)
    for group in MOTION_GROUPS:
        given_BM[:, [MOTION_CHANNELS.index(channel) for channel in group]] = rng.random((size, 1)) < _KEEP_GROUP
    return given_BM & (rng.random((size, 1)) < share)


def _spans(rng: np.random.Generator, size: int, frames: int) -> NDArray[np.int64]:
    """The stretch of each window in which motion is given: mostly all of it."""
    some_B2 = np.sort(rng.integers(frames + 1, size=(size, 2)), axis=1)
    return np.where(rng.random((size, 1)) < _WHOLE_SPAN, np.array([0, frames]), some_B2)


def _time_weight(time_B: Tensor) -> Tensor:
    """Velocity weighting 1/t^2 of an error in x_0, bounded where t is small."""
    return time_B.clamp_min(0.45).pow(-2)


@final
class BaseObjective:
    """An ``Objective``: which windows, which references, what is dropped."""

    def __init__(self, model: CharacterModel, bank: ClipBank, config: BaseObjectiveConfig) -> None:
        self.module: nn.Module = BaseLearner(model, bank, config)
        self._bank, self._config = bank, config
        self._probability_N = config.mix.probabilities(bank.situation_N)

    def batch(self, step: int, rank: int) -> BaseBatch:
        """The layout and the references depend on the step alone, so that all processes run the same graph."""
        config, bank = self._config, self._bank
        device = bank.latents_NTCHW.device
        shared, own = generator("layout", step), generator("windows", step, rank)
        layout = config.layouts[int(shared.integers(len(config.layouts)))]
        by_kind = {kind: [j for j, slot in enumerate(bank.slots) if slot.kind is kind] for kind in ReferenceKind}
        references = by_kind[ReferenceKind.GLOBAL][:1]
        for kind, count in ((ReferenceKind.VIEW, layout.views), (ReferenceKind.EXPRESSION, layout.expressions)):
            references += [int(j) for j in sorted(shared.choice(by_kind[kind], size=count, replace=False))]
        size = max(1, config.token_frames // layout.num_tokens_frames)
        starts = own.integers((bank.num_frames - layout.frames) // STRIDE + 1, size=size) * STRIDE
        context = own.integers(1, config.most_context + 1, size=size) * (own.random(size) < config.continue_share)
        keep = own.random((size, 3)) >= (config.drop_text, config.drop_speak, config.drop_listen)
        keep &= own.random((size, 1)) >= config.drop_all
        return BaseBatch(
            layout=layout,
            clips_B=torch.from_numpy(own.choice(len(bank), size=size, p=self._probability_N)).to(device),
            starts_B=torch.from_numpy(starts).to(device),
            context_B=torch.from_numpy(context).to(device),
            references=tuple(references),
            keep_B3=torch.from_numpy(keep).to(device),
            motion_span_B2=torch.from_numpy(_spans(own, size, layout.frames)).to(device),
            motion_BM=torch.from_numpy(_given_motion(own, size, config.give_motion)).to(device),
        )

    def loss(self, batch: BaseBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Weighted error of the predicted clean latents."""
        return self.module(batch)
