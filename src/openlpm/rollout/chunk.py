"""One chunk of a stream, from noise to latents: the loop that distillation, files and live use share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from openlpm.core.errors import ConfigError
from openlpm.dit.block import ReadText, Told
from openlpm.dit.condition import Condition
from openlpm.dit.config import DiTConfig
from openlpm.dit.model import CharacterTransformer
from openlpm.flow.path import as_data, interpolate
from openlpm.nn.attention import Attend
from openlpm.nn.memory import Memory
from openlpm.nn.streaming import Streaming
from openlpm.rollout.online import OnlineConfig, RefinerKeys
from openlpm.vae.autoencoder import normalise_latents


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class StreamMemories:
    """What the transformers of a stream remember."""

    backbone: Memory
    refiner: Memory | None = None

    def all(self) -> tuple[Memory, ...]:
        """Both, or the one there is."""
        return (self.backbone,) if self.refiner is None else (self.backbone, self.refiner)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class StreamTexts:
    """What the transformers of a stream have read in its text: the same until the words change."""

    backbone: ReadText
    refiner: ReadText | None = None
    """None: as the backbone has."""

    def overwrite(self, new: "StreamTexts") -> None:
        """Be what was read of another text, in place: recordings go on reading it here."""
        self.backbone.overwrite(new.backbone)
        if self.refiner is not None and new.refiner is not None:
            self.refiner.overwrite(new.refiner)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """A finished chunk."""

    latents_BCTHW: Tensor
    """To be decoded."""
    predictions: tuple[Tensor, ...]
    """x_0 as every step saw it, in order, as the transformers gave it."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A chunk as the backbone leaves it, with what a refiner needs: it may work elsewhere, on the chunk before."""

    latents_BCTHW: Tensor
    predictions: tuple[Tensor, ...]
    noise_BCTHW: Tensor | None
    """The refiner's sample; None where there is no refiner."""
    condition: Condition
    told: Condition | Told | None = None
    """The condition as the backbone has read it; None: it is to be read again."""
    moving_B: Tensor | None = None
    gradient_step: int | None = None
    texts: StreamTexts | None = None


def finished(sizes: DiTConfig, data_BCTHW: Tensor) -> Tensor:
    """Latents as they are decoded and remembered: of unit power where those of the size are."""
    return normalise_latents(data_BCTHW) if sizes.unit_power else data_BCTHW


Around = Callable[[Attend, Tensor], Attend]
"""Stands around attention; is given what attends, and where the chunk's frames stand."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ChunkMaker:
    """The transformers of a stream and their steps. All state is in the memories that are passed in."""

    online: OnlineConfig
    backbone: CharacterTransformer
    refiner: CharacterTransformer | None = None
    """May be the backbone itself."""
    tells_once: bool = False
    """Whether conditions are read once a chunk instead of once a step: the same pictures for less work, where no
    weights are sharded and no blocks compiled for training."""
    around: Around | None = None
    """An exchange with other processes, say (``parallel.sequence``)."""

    def __post_init__(self) -> None:
        if (self.refiner is None) != (self.online.refiner_time is None):
            raise ConfigError(f"refiner_time={self.online.refiner_time}: a refiner needs a time, and a time a refiner")

    def read_texts(self, text_BLD: Tensor) -> StreamTexts:
        """Read a text for all chunks that follow, for ``make`` where ``tells_once``."""
        apart = self.refiner is not None and self.refiner is not self.backbone
        return StreamTexts(
            backbone=self.backbone.read_text(text_BLD),
            refiner=self.refiner.read_text(text_BLD) if self.refiner is not None and apart else None,
        )

    def make(
        self,
        memories: StreamMemories,
        noise_NBCTHW: Tensor,
        condition: Condition,
        *,
        moving_B: Tensor | None = None,
        gradient_step: int | None = None,
        texts: StreamTexts | None = None,
    ) -> Chunk:
        """Make the next chunk of every row and remember it in those that move (None: all).

        ``noise_NBCTHW`` holds ``online.num_noises`` samples, the one of the first step first. ``condition`` is that of
        the chunk's frames, without references: those are in the memories (``dit.references``). Gradients, where they
        are enabled, flow through all steps, or through ``gradient_step`` alone. ``texts`` spares reading the
        condition's text where that is what ``read_texts`` was given.
        """
        draft = self.draft(
            memories.backbone, noise_NBCTHW, condition, moving_B=moving_B, gradient_step=gradient_step, texts=texts
        )
        if memories.refiner is None:
            return Chunk(latents_BCTHW=draft.latents_BCTHW, predictions=draft.predictions)
        return self.refine(memories.refiner, draft)

    def draft(
        self,
        memory: Memory,
        noise_NBCTHW: Tensor,
        condition: Condition,
        *,
        moving_B: Tensor | None = None,
        gradient_step: int | None = None,
        texts: StreamTexts | None = None,
    ) -> Draft:
        """The backbone's part of ``make``."""
        online, times = self.online, self.online.backbone_times
        if condition.slots:
            raise ConfigError("condition.slots: references belong into the memories; leave them out of a chunk")
        if len(noise_NBCTHW) != online.num_noises:
            raise ConfigError(f"noise of {len(noise_NBCTHW)} steps: a chunk takes {online.num_noises}")
        frames, enabled = noise_NBCTHW.shape[3], torch.is_grad_enabled()
        told = condition
        if self.tells_once:
            told = self.backbone.tell(condition, noise_NBCTHW.shape[1:], None if texts is None else texts.backbone)
        step = _Step(self.backbone, memory, told, memory.open_chunk(frames), self.around)
        predictions: list[Tensor] = []
        sample_BCTHW = noise_NBCTHW[0]
        for number, time in enumerate(times):
            if number:
                sample_BCTHW = _noised(predictions[-1], noise_NBCTHW[number], time)
            with torch.set_grad_enabled(enabled and gradient_step in (None, number)):
                record = online.history_time is None and number == len(times) - 1
                predictions.append(step.data(sample_BCTHW, time, record=record))
        made_BCTHW = finished(self.backbone.config, predictions[-1])
        if online.history_time is not None:
            with torch.set_grad_enabled(enabled and gradient_step is None):
                past_BCTHW = made_BCTHW
                if online.history_time:
                    past_BCTHW = _noised(made_BCTHW, noise_NBCTHW[len(times)], online.history_time)
                step.data(past_BCTHW, online.history_time, record=True)
        memory.commit(moving_B)
        return Draft(
            latents_BCTHW=made_BCTHW,
            predictions=tuple(predictions),
            noise_BCTHW=None if online.refiner_time is None else noise_NBCTHW[-1],
            condition=condition,
            told=told,
            moving_B=moving_B,
            gradient_step=gradient_step,
            texts=texts,
        )

    def refine(self, memory: Memory, draft: Draft) -> Chunk:
        """The refiner's part of ``make``; without a refiner the draft is the chunk."""
        online, refiner = self.online, self.refiner
        if refiner is None or online.refiner_time is None or draft.noise_BCTHW is None:
            return Chunk(latents_BCTHW=draft.latents_BCTHW, predictions=draft.predictions)
        told = draft.told
        if told is None or refiner is not self.backbone:
            told = draft.condition
            if self.tells_once:
                texts = None if draft.texts is None else draft.texts.refiner
                told = refiner.tell(draft.condition, draft.latents_BCTHW.shape, texts)
        step = _Step(refiner, memory, told, memory.open_chunk(draft.latents_BCTHW.shape[2]), self.around)
        keeps_step = online.refiner_keys is RefinerKeys.STEP
        enabled, number = torch.is_grad_enabled(), len(online.backbone_times)
        with torch.set_grad_enabled(enabled and draft.gradient_step in (None, number)):
            sample_BCTHW = _noised(draft.latents_BCTHW, draft.noise_BCTHW, online.refiner_time)
            made_BCTHW = step.data(sample_BCTHW, online.refiner_time, record=keeps_step)
            predictions = (*draft.predictions, made_BCTHW)
            made_BCTHW = finished(refiner.config, made_BCTHW)
            if not keeps_step:
                step.data(made_BCTHW, 0.0, record=True)
        memory.commit(draft.moving_B)
        return Chunk(latents_BCTHW=made_BCTHW, predictions=predictions)


@final
@dataclass(frozen=True, slots=True)
class _Step:
    """What all steps of one transformer on one chunk share."""

    transformer: CharacterTransformer
    memory: Memory
    condition: Condition | Told
    positions_T: Tensor
    around: Around | None

    def data(self, sample_BCTHW: Tensor, time: float, *, record: bool) -> Tensor:
        """x_0 of a sample at ``time``."""
        time_B = torch.full((sample_BCTHW.shape[0],), time, device=sample_BCTHW.device)
        attend: Attend = Streaming(self.memory, record=record)
        if self.around is not None:
            attend = self.around(attend, self.positions_T)
        output_BCTHW = self.transformer(
            sample_BCTHW, time_B, self.condition, attend=attend, positions_T=self.positions_T
        )
        return as_data(self.transformer.config.prediction, output_BCTHW, sample_BCTHW, time_B)


def _noised(data_BCTHW: Tensor, noise_BCTHW: Tensor, time: float) -> Tensor:
    return interpolate(data_BCTHW, noise_BCTHW, torch.full((data_BCTHW.shape[0],), time, device=data_BCTHW.device))
