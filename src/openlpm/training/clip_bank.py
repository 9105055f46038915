"""Clips as latents on the device: rendered and encoded once, after which a step needs neither renderer nor encoder."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openlpm.core.motion import MOTION_CHANNELS
from openlpm.core.rig import Rig, State
from openlpm.dit.condition import ReferenceKind, ReferenceSlot
from openlpm.encoders.text import TextEncoder
from openlpm.synth.look.references import reference_rigs
from openlpm.synth.look.render import Cast, Render
from openlpm.training.footage import Footage, boxes_to_cells
from openlpm.training.rendering import render_clips
from openlpm.training.traits import SITUATIONS, Traits
from openlpm.training.window_captions import WindowText
from openlpm.vae.autoencoder import VideoAutoencoder

STRIDE = 3
"""Windows begin at multiples of this many latent frames: half a second, 8000 samples exactly."""


def situations(state_NF: NDArray[np.int8]) -> NDArray[np.int8]:
    """The situation of every clip by the states of its frames."""
    talks_N = np.isin(state_NF, (State.SPEAK, State.BOTH)).any(axis=1)
    hears_N = np.isin(state_NF, (State.LISTEN, State.BOTH)).any(axis=1)
    speak, listen, idle, conversation = range(len(SITUATIONS))
    return np.where(talks_N, np.where(hears_N, conversation, speak), np.where(hears_N, listen, idle)).astype(np.int8)


@final
@dataclass(frozen=True, slots=True)
class ClipBank:
    """N clips of T latent frames with everything they are conditioned on."""

    latents_NTCHW: Tensor
    focus_NTHW: Tensor
    """uint8 per latent cell: 0 elsewhere, 1 eyes, 2 mouth."""
    firsts_NKCHW: Tensor
    """Still latents of the frame at every possible window start (latent frames 0, STRIDE, ...)."""
    references_NJCHW: Tensor
    slots: tuple[ReferenceSlot, ...]
    motion_NTM: Tensor
    """The motion track: for a latent frame its pixel frames one after another, ``core.motion.MOTION_CHANNELS`` each."""
    performance_NTX: Tensor
    """The whole rig in the same way, but for its clock; bfloat16."""
    speak_NA: Tensor
    listen_NA: Tensor
    text: WindowText
    """Captions of windows; every layout that is drawn needs its own."""
    situation_N: NDArray[np.int8]
    """Index into ``SITUATIONS``, on the host: clips are drawn by it."""
    uneven: Traits | None = None
    """In what clips differ; None: in nothing."""

    @property
    def traits(self) -> Traits:
        """In what clips differ, said of each."""
        return self.uneven or Traits.alike(len(self), self.num_frames, len(self.slots))

    def __len__(self) -> int:
        return self.latents_NTCHW.shape[0]

    @property
    def num_frames(self) -> int:
        """Latent frames of a clip."""
        return self.latents_NTCHW.shape[1]


def motion_of(footage: Footage, frames_per_latent: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The motion track of all clips, and their whole rig, as a bank has them."""

    def in_groups(rig_NFX: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(rig_NFX).unflatten(1, (-1, frames_per_latent)).flatten(2).to(device)

    performance_NTX = in_groups(footage.rig_NFR[:, :, : Rig.TIME]).bfloat16()
    return in_groups(footage.rig_NFR[:, :, list(MOTION_CHANNELS)]), performance_NTX


@torch.no_grad()
def fill_bank(  # noqa: PLR0913 (who is seen, by whom, and how much at once)
    vae: VideoAutoencoder,
    text: TextEncoder,
    footage: Footage,
    cast: Cast,
    render: Render,
    *,
    clips_at_once: int = 8,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> ClipBank:
    """Render and encode all footage; ``clips_at_once`` bounds the memory and fixes the shapes for compilation."""
    group = vae.config.frames_per_latent
    device = cast.parameters_BV.device
    keys = list(reference_rigs())
    still_rig_JR = torch.stack([torch.as_tensor(rig) for rig in reference_rigs().values()]).to(device)
    latents, focus, firsts, references = [], [], [], []
    for first in range(0, len(footage), clips_at_once):
        rows = slice(first, first + clips_at_once)
        parameters_BV = cast.parameters_BV[rows]
        rig_BFR = torch.from_numpy(footage.rig_NFR[rows]).to(device)
        video_BCFHW = render_clips(parameters_BV, rig_BFR, render)
        latents.append(_encode(vae, video_BCFHW).transpose(1, 2).bfloat16())
        starts_BCKHW = video_BCFHW[:, :, :: STRIDE * group]
        firsts.append(_encode_stills(vae, starts_BCKHW))
        references.append(
            _encode_stills(vae, render_clips(parameters_BV, still_rig_JR.expand(len(parameters_BV), -1, -1), render))
        )
        regions = Cast.from_parameters(parameters_BV).regions(rig_BFR)
        cells, size = latents[0].shape[-1], video_BCFHW.shape[-1]
        eyes = boxes_to_cells(regions.eyes_BF4, group, cells, size).to(torch.uint8)
        mouth = boxes_to_cells(regions.mouth_BF4, group, cells, size).to(torch.uint8) * 2
        focus.append(torch.maximum(eyes, mouth))
        on_progress(min(first + clips_at_once, len(footage)), len(footage))
    motion_NTM, performance_NTX = motion_of(footage, group, device)
    return ClipBank(
        latents_NTCHW=torch.cat(latents),
        focus_NTHW=torch.cat(focus),
        firsts_NKCHW=torch.cat(firsts),
        references_NJCHW=torch.cat(references),
        slots=tuple(ReferenceSlot(kind=ReferenceKind(key.kind), subtype=key.subtype) for key in keys),
        motion_NTM=motion_NTM,
        performance_NTX=performance_NTX,
        speak_NA=torch.from_numpy(footage.speak_NA).to(device),
        listen_NA=torch.from_numpy(footage.listen_NA).to(device),
        text=WindowText.of(text, footage.told, footage.stretches.in_groups(group), device),
        situation_N=situations(footage.state_NF),
    )


def _encode(vae: VideoAutoencoder, video_BCFHW: Tensor) -> Tensor:
    with torch.autocast(video_BCFHW.device.type, torch.bfloat16, enabled=video_BCFHW.is_cuda):
        return vae.encode(video_BCFHW)


def _encode_stills(vae: VideoAutoencoder, pictures_BCKHW: Tensor) -> Tensor:
    group = vae.config.frames_per_latent
    return _encode(vae, pictures_BCKHW.repeat_interleave(group, dim=2)).transpose(1, 2).bfloat16()
