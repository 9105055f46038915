"""Moments for the autoencoder: rendered now, or decoded now from shards, or some of each."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from openlpm.core.errors import ConfigError
from openlpm.core.seeds import generator
from openlpm.synth.look.render import Cast, Render
from openlpm.training.focus import Focus
from openlpm.training.footage import Footage, boxes_to_cells
from openlpm.training.rendering import render_clips
from openlpm.training.shard_footage import ShardFootage

_CELLS: Final = 32
"""Rows and columns of the weights, whatever the size of the picture."""


@final
@dataclass(frozen=True, slots=True)
class Pictures:
    """Clips to be reproduced."""

    video_BCFHW: Tensor
    """In [-1, 1]."""
    weight_BFHW: Tensor
    """What a pixel's error counts, one on average."""


class Moments(Protocol):
    """Where clips come from."""

    def draw(self, step: int, rank: int, clips: int, frames: int) -> Pictures:
        """So many clips of so many frames, the same for a step and process."""
        ...


@final
class RenderedMoments:
    """Random moments of random performances, rendered on the device."""

    def __init__(self, footage: Footage, cast: Cast, render: Render, focus: Focus) -> None:
        self._cast, self._render, self._focus = cast, render, focus
        self._rig_NFR = torch.from_numpy(footage.rig_NFR).to(cast.parameters_BV.device)

    def draw(self, step: int, rank: int, clips: int, frames: int) -> Pictures:
        device, rng = self._rig_NFR.device, generator("autoencoder", step, rank)
        total, length = self._rig_NFR.shape[:2]
        chosen_B = torch.from_numpy(rng.integers(total, size=clips)).to(device)
        starts_B = torch.from_numpy(rng.integers(length - frames + 1, size=clips)).to(device)
        rig_BFR = self._rig_NFR[chosen_B[:, None], starts_B[:, None] + torch.arange(frames, device=device)]
        return rendered(self._cast.parameters_BV[chosen_B], rig_BFR, self._render, self._focus)


@torch.no_grad()
def rendered(parameters_BV: Tensor, rig_BFR: Tensor, render: Render, focus: Focus) -> Pictures:
    """Rendered clips and pixel weights with mean one."""
    regions = Cast.from_parameters(parameters_BV).regions(rig_BFR)
    return _weighted(render_clips(parameters_BV, rig_BFR, render), regions.mouth_BF4, regions.eyes_BF4, focus)


def _weighted(video_BCFHW: Tensor, mouth_BF4: Tensor, eyes_BF4: Tensor, focus: Focus) -> Pictures:
    size = video_BCFHW.shape[-1]
    mouth_BFhw, eyes_BFhw = (boxes_to_cells(boxes, 1, _CELLS, size) for boxes in (mouth_BF4, eyes_BF4))
    weight_BFhw = focus.weights(mouth_BFhw, eyes_BFhw)
    weight_BFhw = weight_BFhw / weight_BFhw.mean()
    return Pictures(video_BCFHW, functional.interpolate(weight_BFhw, size=(size, size), mode="nearest"))


@final
class FilmedMoments:
    """Random moments of clips from shards, long ones more often than short ones.

    They are decoded by threads, those of the next step while this one is learnt from.
    """

    def __init__(self, footage: ShardFootage, focus: Focus, device: torch.device, *, threads: int = 4) -> None:
        self._footage, self._focus, self._device = footage, focus, device
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="decode")
        self._ahead: dict[tuple[int, int, int, int], _Decoding] = {}

    def draw(self, step: int, rank: int, clips: int, frames: int) -> Pictures:
        now, following = (step, rank, clips, frames), (step + 1, rank, clips, frames)
        decoding = self._ahead.pop(now, None) or self._begin(*now)
        self._ahead = {following: self._begin(*following)}
        video_BFHWC = np.stack([each.result() for each in decoding.frames])
        video_BCFHW = torch.from_numpy(video_BFHWC).to(self._device).permute(0, 4, 1, 2, 3).float() / 127.5 - 1
        rows, starts = decoding.clips[:, None], decoding.starts[:, None] + np.arange(frames)
        mouth, eyes = (
            torch.from_numpy(boxes[rows, starts]).to(self._device)
            for boxes in (self._footage.mouth_NF4, self._footage.eyes_NF4)
        )
        return _weighted(video_BCFHW, mouth, eyes, self._focus)

    def _begin(self, step: int, rank: int, clips: int, frames: int) -> "_Decoding":
        rng = generator("filmed", step, rank)
        room_N = np.maximum(self._footage.frames_N - frames + 1, 0)
        if not room_N.any():
            raise ConfigError(f"latent_frames: no clip of the shards is {frames} frames long; give fewer")
        chosen = rng.choice(len(room_N), size=clips, p=room_N / room_N.sum())
        starts = rng.integers(room_N[chosen])
        pieces = [self._footage.pieces[int(index)] for index in chosen]
        return _Decoding(
            chosen,
            starts,
            [
                self._threads.submit(piece.sample.frames, piece.first_frame + int(start), frames)
                for piece, start in zip(pieces, starts, strict=True)
            ],
        )


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Decoding:
    """Clips on their way."""

    clips: NDArray[np.int64]
    starts: NDArray[np.int64]
    frames: Sequence["Future[NDArray[np.uint8]]"]


@final
class MixedMoments:
    """Of every step a share from shards, the rest rendered."""

    def __init__(self, drawn: Moments, filmed: Moments, share: float) -> None:
        self._drawn, self._filmed, self._share = drawn, filmed, share

    def draw(self, step: int, rank: int, clips: int, frames: int) -> Pictures:
        filmed = int((generator("mixed", step, rank).random(clips) < self._share).sum())
        parts = [
            source.draw(step, rank, count, frames)
            for source, count in ((self._filmed, filmed), (self._drawn, clips - filmed))
            if count
        ]
        return Pictures(
            torch.cat([part.video_BCFHW for part in parts]), torch.cat([part.weight_BFHW for part in parts])
        )
