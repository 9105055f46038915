"""The upper bound of every measurement: cases rendered, and read by the critic before and after the codec."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openlpm.bench.cases import Case
from openlpm.bench.changes import ChangeMeter, Changes
from openlpm.bench.metrics import mse_to_psnr
from openlpm.bench.reading import ClipReading, Judges, read_frames
from openlpm.bench.threads import spread
from openlpm.core.rig import NUM_RIG
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.references import reference_pictures, reference_pictures_of
from openlpm.synth.look.render import Cast

BLOCK_FRAMES = 24
"""Pictures in memory at a time; a multiple of every latent frame."""

_AT_ONCE_THERE = 8
"""How many times more of everything a GPU is given at once: drawing a few pictures is bound by its launches."""
_PEOPLE_AT_ONCE = 4


class Codec(Protocol):
    """An autoencoder that is fed a clip piece by piece."""

    def reset(self) -> None:
        """Forget the clip before."""
        ...

    def __call__(self, frames_FCHW: Tensor) -> Tensor:
        """The next frames of the clip after encoding and decoding, in [0, 1]."""
        ...


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class TruthReading:
    """A rendered clip, the same through the codec, and what the codec cost (None without a codec)."""

    truth: ClipReading
    codec: ClipReading | None
    psnr: float | None
    psnr_mouth: float | None
    changes: Changes
    """Of the rendered clip."""


def read_truth(case: Case, judges: Judges, codec: Codec | None) -> TruthReading:
    """Render a case, send it through the codec and read both."""
    cast = Cast([case.identity], device=judges.device)
    truth_parts: list[ClipReading] = []
    codec_parts: list[ClipReading] = []
    error, error_mouth, meter = _MeanSquare(), _MeanSquare(), ChangeMeter()
    if codec is not None:
        codec.reset()
    for rig_FR in rig_blocks(case, times_at_once(judges.device) * BLOCK_FRAMES):
        rig_BFR = torch.from_numpy(rig_FR)[None].to(judges.device)
        frames_FCHW = cast.render(rig_BFR)[0]
        truth_parts.append(read_frames(judges.critic, frames_FCHW))
        meter.add(frames_FCHW)
        if codec is not None:
            decoded_FCHW = codec(frames_FCHW).float().clamp(0, 1)
            codec_parts.append(read_frames(judges.critic, decoded_FCHW))
            square_FHW = (decoded_FCHW - frames_FCHW).double().square().mean(dim=1)
            error.add(square_FHW, torch.ones_like(square_FHW))
            error_mouth.add(square_FHW, box_mask(cast.regions(rig_BFR).mouth_BF4[0], square_FHW))
    return TruthReading(
        truth=joined(truth_parts),
        codec=joined(codec_parts) if codec_parts else None,
        psnr=error.psnr,
        psnr_mouth=error_mouth.psnr,
        changes=meter.changes(),
    )


def render_truth(case: Case, frames: slice, device: torch.device) -> Tensor:
    """A few successive frames of a case as they should be, (F, 3, 256, 256) in [0, 1]."""
    rig_FR = torch.from_numpy(case.true_rig[frames]).to(device)
    return Cast([case.identity], device=device).render(rig_FR[None])[0]


def times_at_once(device: torch.device) -> int:
    """How many times as much as a processor is given, such a device is given at once."""
    return 1 if device.type == "cpu" else _AT_ONCE_THERE


def rig_blocks(case: Case, num_frames: int) -> Iterator[NDArray[np.float32]]:
    """The true rig in pieces of at most so many frames."""
    for start in range(0, case.record.num_frames, num_frames):
        yield case.true_rig[start : start + num_frames]


def joined(parts: Sequence[ClipReading]) -> ClipReading:
    """Readings of successive pieces as one clip."""
    return ClipReading(
        rig_FR=np.concatenate([part.rig_FR for part in parts]),
        viseme_F=np.concatenate([part.viseme_F for part in parts]),
        identity_FD=np.concatenate([part.identity_FD for part in parts]),
    )


def pictures_of(people: Sequence[Identity], device: torch.device) -> list[Tensor]:
    """The reference pictures of several people; on a processor drawn side by side, a core each."""
    if device.type == "cpu":
        return spread(lambda person: reference_pictures(person, device=device), people, device)
    return reference_pictures_of(people, device=device)


def reference_embedding(judges: Judges, pictures_JCHW: Tensor) -> NDArray[np.float32]:
    """Who the pictures show: the normalised mean of their embeddings."""
    mean_D = read_frames(judges.critic, pictures_JCHW).identity_FD.mean(axis=0)
    return mean_D / max(float(np.linalg.norm(mean_D)), 1e-12)


def gallery(
    people: Sequence[Identity], judges: Judges, *, poses: NDArray[np.float32], on_person: Callable[[int], None]
) -> NDArray[np.float32]:
    """Embeddings of strangers: every person once, in the poses in turn; shape (G, D)."""
    parts: list[NDArray[np.float32]] = []
    at_once = times_at_once(judges.device) * _PEOPLE_AT_ONCE
    for start in range(0, len(people), at_once):
        group = people[start : start + at_once]
        chosen = (np.arange(len(group)) + start) % poses.shape[0]
        rig_BFR = torch.from_numpy(poses[chosen].reshape(len(group), 1, NUM_RIG)).to(judges.device)
        frames_NCHW = Cast(group, device=judges.device).render(rig_BFR)[:, 0]
        parts.append(read_frames(judges.critic, frames_NCHW).identity_FD)
        on_person(len(group))
    return np.concatenate(parts)


def box_mask(box_F4: Tensor, like_FHW: Tensor) -> Tensor:
    """1 inside each frame's box (x0, y0, x1, y1 in pixels) and 0 outside, at pixel centres."""
    rows, columns = like_FHW.shape[1:]
    x_W = torch.arange(columns, device=like_FHW.device) + 0.5
    y_H = torch.arange(rows, device=like_FHW.device) + 0.5
    x0_F, y0_F, x1_F, y1_F = box_F4.to(like_FHW.device).unbind(dim=1)
    across_FW = (x_W >= x0_F[:, None]) & (x_W < x1_F[:, None])
    down_FH = (y_H >= y0_F[:, None]) & (y_H < y1_F[:, None])
    return (down_FH[:, :, None] & across_FW[:, None, :]).to(like_FHW)


@final
class _MeanSquare:
    """A weighted mean of squared errors over the pieces of a clip."""

    def __init__(self) -> None:
        self._sum, self._weight = 0.0, 0.0

    def add(self, square_FHW: Tensor, weight_FHW: Tensor) -> None:
        self._sum += float((square_FHW * weight_FHW).sum())
        self._weight += float(weight_FHW.sum())

    @property
    def psnr(self) -> float | None:
        return mse_to_psnr(self._sum / self._weight) if self._weight > 0 else None
