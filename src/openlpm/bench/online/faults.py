"""The truth as a stream, whole or deliberately broken: what every row about long streams must pass or catch."""

from collections.abc import Sequence
from enum import StrEnum
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from openlpm.bench.online.conversation import Conversation
from openlpm.bench.online.meter import GRID, StreamMeter, StreamReading, Watch, look_at
from openlpm.bench.reading import Judges, read_frames
from openlpm.bench.threads import spread
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.render import Cast, render_frames

BLUR = 7
"""Pixels over which a picture that has faded altogether is averaged."""
TINT = (1.3, 1.0, 0.7)
"""What red, green and blue are multiplied by in the end."""
DIM = 0.5
"""What is left of the background's light in the end."""


class Fault(StrEnum):
    """What goes wrong, slowly, from nothing at the beginning to all of it at the end."""

    NONE = "truth"
    MORPH = "morph"
    """The character turns into another one."""
    FADE = "fade"
    """The picture grows soft."""
    FREEZE = "freeze"
    """Movements grow smaller, and from the middle on there is none."""
    TINT = "tint"
    """The colours of everything change."""
    BACKDROP = "backdrop"
    """The background grows dark."""


@final
class RenderedStream:
    """One conversation as the renderer plays it, with a fault over ``num_frames`` frames."""

    def __init__(
        self, conversation: Conversation, num_frames: int, device: torch.device, fault: Fault = Fault.NONE
    ) -> None:
        self._conversation, self._num_frames, self._fault, self._device = conversation, num_frames, fault, device
        people = [conversation.identity, _another(conversation.identity)]
        self._parameters_PV = Cast(people, device=device).parameters_BV

    def frames(self, first: int, count: int) -> tuple[Tensor, Tensor]:
        """Pictures (F, 3, 256, 256) in [0, 1], and how much of each pixel is the character (F, 1, 256, 256)."""
        rig_FR = torch.from_numpy(self._conversation.rig(first, count)).to(self._device)
        done_F1 = (torch.arange(first, first + count, device=self._device) / self._num_frames)[:, None].float()
        own_FV, other_FV = (row_V.expand(count, -1) for row_V in self._parameters_PV)
        if self._fault is Fault.MORPH:
            own_FV = torch.lerp(own_FV, other_FV, done_F1)
        if self._fault is Fault.FREEZE:
            start_R = torch.from_numpy(self._conversation.rig(0, 1)[0]).to(self._device)
            rig_FR = torch.lerp(start_R.expand_as(rig_FR), rig_FR, (1 - 2 * done_F1).clamp(min=0))
        with torch.inference_mode():
            drawn_FCHW = render_frames(own_FV.contiguous(), rig_FR, matte=True)
        frames_FCHW, figure_FCHW = drawn_FCHW[:, :3], drawn_FCHW[:, 3:]
        return self._spoilt(frames_FCHW, figure_FCHW, done_F1[:, :, None, None]).clamp(0, 1), figure_FCHW

    def _spoilt(self, frames_FCHW: Tensor, figure_FCHW: Tensor, done_F111: Tensor) -> Tensor:
        if self._fault is Fault.FADE:
            soft_FCHW = functional.avg_pool2d(frames_FCHW, BLUR, stride=1, padding=BLUR // 2, count_include_pad=False)
            return torch.lerp(frames_FCHW, soft_FCHW, done_F111)
        if self._fault is Fault.TINT:
            gain_C11 = torch.tensor(TINT, device=self._device)[:, None, None]
            return frames_FCHW * (1 + (gain_C11 - 1) * done_F111)
        if self._fault is Fault.BACKDROP:
            return frames_FCHW * (1 - (1 - DIM) * done_F111 * (1 - figure_FCHW))
        return frames_FCHW


def read_rendered(
    conversations: Sequence[Conversation],
    references_KD: NDArray[np.float32],
    judges: Judges,
    watch: Watch,
    *,
    num_frames: int,
    fault: Fault = Fault.NONE,
) -> list[tuple[StreamReading, NDArray[np.float64]]]:
    """The excerpts of rendered streams as they are read, and how much of each cell is the character, (G, G)."""

    def read(index: int) -> tuple[StreamReading, NDArray[np.float64]]:
        stream = RenderedStream(conversations[index], num_frames, judges.device, fault)
        meter = StreamMeter(watch, references_KD[index], num_frames)
        figure_GG, count = np.zeros((GRID, GRID)), 0
        for first in watch.excerpts(num_frames):
            frames_FCHW, figure_FCHW = stream.frames(first, min(watch.excerpt_frames, num_frames - first))
            meter.add(first, read_frames(judges.critic, frames_FCHW), look_at(frames_FCHW))
            figure_GG += functional.adaptive_avg_pool2d(figure_FCHW, GRID).sum(dim=(0, 1)).double().cpu().numpy()
            count += frames_FCHW.shape[0]
        return meter.reading(), figure_GG / count

    return spread(read, range(len(conversations)), judges.device)


def _another(identity: Identity) -> Identity:
    """Somebody else, always the same for one character."""
    return Identity.from_seed(identity.seed ^ 1)
