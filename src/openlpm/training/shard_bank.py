"""Clips from shards as a bank: decoded and encoded once, or taken as latents where the same autoencoder made them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openlpm.core.motion import NUM_MOTION
from openlpm.core.rig import Rig
from openlpm.data.shards.features import as_video, fingerprint
from openlpm.dit.condition import ReferenceKind, ReferenceSlot
from openlpm.encoders.text import TextEncoder
from openlpm.synth.look.references import reference_rigs
from openlpm.training.clip_bank import STRIDE, ClipBank, situations
from openlpm.training.footage import boxes_to_cells
from openlpm.training.shard_footage import Piece, ShardFootage
from openlpm.training.traits import Traits
from openlpm.training.window_captions import WindowText
from openlpm.vae.autoencoder import VideoAutoencoder

SLOTS = tuple(ReferenceSlot(kind=ReferenceKind(key.kind), subtype=key.subtype) for key in reference_rigs())
"""References of drawn and of filmed people have the same names, so one bank may hold both."""


@torch.no_grad()
def fill_shard_bank(
    vae: VideoAutoencoder,
    text: TextEncoder,
    footage: ShardFootage,
    device: torch.device,
    *,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> ClipBank:
    """Everything that windows are made of, on the device."""
    group = vae.config.frames_per_latent
    clips, frames = len(footage), footage.num_frames // group
    cells = footage.size // vae.config.spatial_factor

    def room(*shape: int) -> Tensor:
        return torch.zeros(clips, *shape, vae.config.latent_channels, cells, cells, dtype=torch.bfloat16, device=device)

    latents, firsts, references = room(frames), room(frames // STRIDE), room(len(SLOTS))
    shown_NJ = np.zeros((clips, len(SLOTS)), np.bool_)
    encoder = _Encoder(vae, device)
    for row, piece in enumerate(footage.pieces):
        made = encoder.of(piece)
        latents[row, : len(made.latents)], firsts[row, : len(made.stills)] = made.latents, made.stills
        for fact, latent_CHW in zip(piece.facts.references, made.references, strict=True):
            slot = SLOTS.index(ReferenceSlot(kind=ReferenceKind(fact.kind), subtype=fact.subtype))
            references[row, slot], shown_NJ[row, slot] = latent_CHW, True
        on_progress(row + 1, clips)
    eyes, mouth = (
        boxes_to_cells(torch.from_numpy(boxes), group, cells, footage.size).to(torch.uint8)
        for boxes in (footage.eyes_NF4, footage.mouth_NF4)
    )
    return ClipBank(
        latents_NTCHW=latents,
        focus_NTHW=torch.maximum(eyes, 2 * mouth).to(device),
        firsts_NKCHW=firsts,
        references_NJCHW=references,
        slots=SLOTS,
        motion_NTM=torch.zeros(clips, frames, group * NUM_MOTION, device=device),
        performance_NTX=torch.zeros(clips, frames, group * Rig.TIME, device=device, dtype=torch.bfloat16),
        speak_NA=torch.from_numpy(footage.speak_NA).to(device),
        listen_NA=torch.from_numpy(footage.listen_NA).to(device),
        text=WindowText.of(text, footage.told, footage.stretches.in_groups(group), device),
        situation_N=_situations(footage),
        uneven=_traits(footage, group, shown_NJ),
    )


def _situations(footage: ShardFootage) -> NDArray[np.int8]:
    """By the frames that there are."""
    return np.concatenate(
        [situations(footage.state_NF[row : row + 1, : piece.num_frames]) for row, piece in enumerate(footage.pieces)]
    )


def _traits(footage: ShardFootage, group: int, shown_NJ: NDArray[np.bool_]) -> Traits:
    clips = len(footage)
    return Traits(
        frames_N=footage.frames_N // group,
        shown_NJ=shown_NJ,
        rigged_N=np.zeros(clips, np.bool_),
        filmed_N=np.ones(clips, np.bool_),
        filmed_share=footage.share,
        weight_N=footage.frames_N / footage.num_frames,
        stratum_N=footage.stratum_N,
    )


@final
@dataclass(frozen=True, slots=True)
class _Made:
    """Latents of a clip, of its window starts and of its references, (frames, C, H, W) each."""

    latents: Tensor
    stills: Tensor
    references: Tensor


@final
class _Encoder:
    """Encodes clips, or finds what the same autoencoder has encoded before."""

    def __init__(self, vae: VideoAutoencoder, device: torch.device) -> None:
        self._vae, self._device, self._group = vae, device, vae.config.frames_per_latent
        self._name = fingerprint(vae)

    def of(self, piece: Piece) -> _Made:
        """What a clip becomes."""
        before = piece.sample.features("vae", self._name)
        return self._afresh(piece) if before is None else self._found(piece, before)

    def _found(self, piece: Piece, arrays: Mapping[str, NDArray[Any]]) -> _Made:
        first, end = piece.first_frame // self._group, (piece.first_frame + piece.num_frames) // self._group
        empty = np.zeros((0, *arrays["latents_TCHW"].shape[1:]), np.float16)
        return _Made(
            torch.from_numpy(arrays["latents_TCHW"][first:end]).to(self._device),
            torch.from_numpy(arrays["stills_KCHW"][first // STRIDE : end // STRIDE]).to(self._device),
            torch.from_numpy(arrays.get("references_JCHW", empty)).to(self._device),
        )

    def _afresh(self, piece: Piece) -> _Made:
        frames_FHWC = piece.sample.frames(piece.first_frame, piece.num_frames)
        stills = frames_FHWC[:: STRIDE * self._group]
        pictures = [piece.sample.reference(fact) for fact in piece.facts.references]
        return _Made(
            self._encode(as_video(frames_FHWC).to(self._device))[0].transpose(0, 1),
            torch.cat([self._still(picture_HWC) for picture_HWC in stills]),
            torch.cat([self._still(picture_HWC) for picture_HWC in pictures]),
        )

    def _still(self, picture_HWC: NDArray[np.uint8]) -> Tensor:
        return self._encode(as_video(np.repeat(picture_HWC[None], self._group, axis=0)).to(self._device))[:, :, 0]

    def _encode(self, video_BCFHW: Tensor) -> Tensor:
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._device.type == "cuda"):
            return self._vae.encode(video_BCFHW)


def joined_banks(drawn: ClipBank, filmed: ClipBank) -> ClipBank:
    """A bank with the clips of both; ``filmed`` says how often its own are drawn."""
    ours, theirs = drawn.traits, filmed.traits
    traits = Traits(
        frames_N=np.concatenate([ours.frames_N, theirs.frames_N]),
        shown_NJ=np.concatenate([ours.shown_NJ, theirs.shown_NJ]),
        rigged_N=np.concatenate([ours.rigged_N, theirs.rigged_N]),
        filmed_N=np.concatenate([ours.filmed_N, theirs.filmed_N]),
        filmed_share=theirs.filmed_share,
        weight_N=np.concatenate([ours.weight_N, theirs.weight_N]),
        stratum_N=np.concatenate([ours.stratum_N, theirs.stratum_N]),
    )
    tensors = {
        name: torch.cat([getattr(drawn, name), getattr(filmed, name)])
        for name in (
            "latents_NTCHW", "focus_NTHW", "firsts_NKCHW", "references_NJCHW", "motion_NTM", "performance_NTX",
            "speak_NA", "listen_NA",
        )
    }  # fmt: skip
    return replace(
        drawn,
        **tensors,
        text=WindowText.joined(drawn.text, filmed.text),
        situation_N=np.concatenate([drawn.situation_N, filmed.situation_N]),
        uneven=traits,
    )
