"""One stream among others: where it is, and what its next chunk is told."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import final

import numpy as np
import torch
from torch import Tensor

from openlpm.core.audio import SILENCE
from openlpm.dit.condition import Condition, ReferenceKind, ReferenceSlot
from openlpm.nn.memory import MemoryConfig
from openlpm.nn.ring import RowMemory
from openlpm.rollout.assembly import CharacterModel
from openlpm.rollout.choreography import ChoreographyState
from openlpm.rollout.conditioning import BOUND_FRAMES, motion_window, sent, speech_of_rows
from openlpm.rollout.request import StreamRequest

_MANY = 32
"""Rows whose noise threads draw: a generator of the host is slow, and the same on every device."""


@final
@dataclass(kw_only=True, slots=True)
class Row:
    """A stream under way; what the device holds of it lies in the buffers of ``OnlineStream``."""

    request: StreamRequest
    generator: torch.Generator
    next_frame: int = 0
    """Latent frames made so far."""
    stale: bool = True
    """Whether its references must be read again before the next chunk."""

    def shown(self, slots: Sequence[ReferenceSlot]) -> list[bool]:
        """Which references the next chunk sees; a first frame is of the first chunk, later ones it would bind."""
        mine = {reference.slot for reference in self.request.references}
        return [slot in mine and (self.next_frame == 0 or slot.kind is not ReferenceKind.FIRST) for slot in slots]

    @property
    def is_planned(self) -> bool:
        """Whether a choreographer leads the next chunk; none does while the pose of a first frame still binds."""
        has_first = any(reference.kind is ReferenceKind.FIRST for reference in self.request.references)
        return self.request.planned and not (has_first and self.next_frame < BOUND_FRAMES)

    def is_full(self, memory: MemoryConfig, slots: Sequence[ReferenceSlot]) -> bool:
        """Whether the next chunk sees all that there is room for in a memory."""
        return self.next_frame >= memory.num_frames and all(self.shown(slots))

    def move(self, num_frames: int) -> None:
        """Account for a finished chunk."""
        has_first = any(reference.kind is ReferenceKind.FIRST for reference in self.request.references)
        self.stale = self.next_frame == 0 and has_first
        self.next_frame += num_frames


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StreamState:
    """A row between two chunks, copied; its voices are shared, not copied."""

    request: StreamRequest
    next_frame: int
    stale: bool
    noise: Tensor
    text_LD: Tensor
    references_JCHW: Tensor
    memories: tuple[RowMemory, ...]
    decoder: tuple[Tensor, ...]
    choreography: ChoreographyState | None = None


def noise_of(rows: Sequence[Row | None], shape: tuple[int, ...]) -> Tensor:
    """Noise of all steps for B rows, (N, B, C, T, H, W) of ``shape`` without B; a row draws from its own generator.

    Rows that do not move (None) draw nothing.
    """
    blank = torch.zeros(shape)

    def draw(row: Row | None) -> Tensor:
        return blank if row is None else torch.randn(shape, generator=row.generator)

    drawn = map(draw, rows) if len(rows) < _MANY else _threads().map(draw, rows)
    return torch.stack(list(drawn), dim=1)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="noise")


def condition_of(model: CharacterModel, rows: Sequence[Row | None], text_BLD: Tensor, num_frames: int) -> Condition:
    """What the next ``num_frames`` latent frames are told; for rows that do not move (None) nothing is read."""
    dit, group, device = model.config.dit, model.config.vae.frames_per_latent, text_BLD.device
    assert dit.speak is not None
    assert dit.listen is not None
    firsts = [0 if row is None else row.next_frame for row in rows]
    speak = [SILENCE if row is None else row.request.speak for row in rows]
    listen = [SILENCE if row is None else row.request.listen for row in rows]
    values_BTM = np.zeros((len(rows), num_frames, dit.motion), np.float32)
    given_BTM = np.zeros(values_BTM.shape, np.bool_)
    for number, row in enumerate(rows):
        track = None if row is None else row.request.motion
        window = motion_window(
            [track], firsts[number], num_frames, group, torch.device("cpu"), num_channels=model.config.motion_channels
        )
        if window is not None:
            values_BTM[number], given_BTM[number] = window.values_BTM[0].numpy(), window.given_BTM[0].numpy()
    return Condition(
        text_BLD=text_BLD,
        speak_BLD=speech_of_rows(model.speak, dit.speak, speak, firsts, num_frames),
        listen_BLD=speech_of_rows(model.listen, dit.listen, listen, firsts, num_frames),
        # Given or not, so that every chunk is of one shape.
        motion_BTM=sent(torch.from_numpy(values_BTM), device).to(text_BLD.dtype) if dit.motion else None,
        motion_given_BTM=sent(torch.from_numpy(given_BTM), device) if dit.motion else None,
    )
