"""The active speaker network: a face's motion and a sound in; who speaks, and how well the two fit at every offset."""

from typing import NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from openlpm.data.states.motion import NUM_MOTION

MEL_COLUMNS = 4
"""Columns of the mel grid a frame."""
MEL_BANDS = 32
"""Pairs of the grid's bands."""
MOST_OFFSET = 15
"""Frames by which sound may be early or late when the two are compared: 0.6 s."""
NUM_OFFSETS = 2 * MOST_OFFSET + 1
_WIDTH = 64
_KEPT_SHORT, _KEPT_LONG = 9, 31
"""Frames over which agreement is averaged."""
_SHARPNESS = 12.0


@final
class _Residual(nn.Module):
    """A dilated convolution over time around which the input passes.

    Each frame is normalised by itself: how long a track is changes nothing of what is read in it.
    """

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.first = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.second = nn.Conv1d(width, width, 1)

    def forward(self, x_NCT: Tensor) -> Tensor:
        normal_NCT = self.norm(x_NCT.transpose(1, 2)).transpose(1, 2)
        return x_NCT + self.second(functional.silu(self.first(normal_NCT)))


def _tower(num_inputs: int, dilations: tuple[int, ...]) -> nn.Sequential:
    blocks = [_Residual(_WIDTH, dilation) for dilation in dilations]
    return nn.Sequential(nn.Conv1d(num_inputs, _WIDTH, 5, padding=2), nn.SiLU(), *blocks)


class Judged(NamedTuple):
    """What the network says of N tracks of T frames."""

    speaks_NT: Tensor
    """Logit: this person's own voice is heard."""
    articulates_NT: Tensor
    """Logit: this mouth moves as in speech, whatever is heard."""
    agreement_NKT: Tensor
    """How well motion fits the sound that is k - ``MOST_OFFSET`` frames later, averaged over about a second."""


@final
class SpeakerNetwork(nn.Module):
    """Two towers that meet: motion (N, ``NUM_MOTION``, T) and mel (N, 128, T), both at 24 fps."""

    def __init__(self) -> None:
        super().__init__()
        self.motion = _tower(NUM_MOTION, (1, 2, 4, 1))
        self.sound = _tower(MEL_COLUMNS * MEL_BANDS, (1, 2, 4, 1))
        self.motion_key = nn.Conv1d(_WIDTH, 32, 1)
        self.sound_key = nn.Conv1d(_WIDTH, 32, 1)
        self.joint = _tower(2 * _WIDTH + 2 * NUM_OFFSETS, (1, 2, 4, 8, 16))
        self.answer = nn.Conv1d(_WIDTH, 2, 1)

    def forward(self, motion_NXT: Tensor, mel_NYT: Tensor) -> Judged:
        motion_NCT, sound_NCT = self.motion(motion_NXT), self.sound(mel_NYT)
        match_NKT = self._match(motion_NCT, sound_NCT)
        agreement_NKT = _averaged(match_NKT, _KEPT_LONG)
        both = torch.cat([motion_NCT, sound_NCT, _averaged(match_NKT, _KEPT_SHORT), agreement_NKT], dim=1)
        answer_N2T = self.answer(self.joint(both))
        return Judged(speaks_NT=answer_N2T[:, 0], articulates_NT=answer_N2T[:, 1], agreement_NKT=agreement_NKT)

    def _match(self, motion_NCT: Tensor, sound_NCT: Tensor) -> Tensor:
        """Cosines of each frame's motion with the sound of the frames around it, times a sharpness."""
        motion_NDT = functional.normalize(self.motion_key(motion_NCT), dim=1)
        sound_NDT = functional.pad(functional.normalize(self.sound_key(sound_NCT), dim=1), (MOST_OFFSET, MOST_OFFSET))
        num_frames = motion_NDT.shape[-1]
        return _SHARPNESS * torch.stack(
            [(motion_NDT * sound_NDT[..., k : k + num_frames]).sum(dim=1) for k in range(NUM_OFFSETS)], dim=1
        )


def _averaged(x_NKT: Tensor, width: int) -> Tensor:
    return functional.avg_pool1d(x_NKT, width, stride=1, padding=width // 2, count_include_pad=False)
