"""From a voice alone to the mouth one would expect: the yardstick of audio-video fit where there is no truth.

Trained on the synthesiser's training voices with their true mouths. It sees past and future freely and it is small on
purpose; like the critic it only judges and is never a training reward.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from openlpm.core.audio import AudioSource
from openlpm.core.errors import ConfigError
from openlpm.core.rig import MOUTH_CHANNELS
from openlpm.encoders.mel import COLUMNS_PER_FRAME, NUM_MELS, log_mel, samples_for_columns


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class MouthPredictorConfig:
    """Sizes of the predictor."""

    width: int = 80
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    """Of the residual convolutions, in frames; their sum times four is the view, about a second each way."""

    def __post_init__(self) -> None:
        if self.width < 8 or self.width % 8:
            raise ConfigError(f"width={self.width}: use a multiple of 8, the number of norm groups")


@final
class _DilatedBlock(nn.Module):
    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, width)
        self.conv_in = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.conv_out = nn.Conv1d(width, width, 3, padding=1)

    def forward(self, x_BCF: Tensor) -> Tensor:
        return x_BCF + self.conv_out(functional.silu(self.conv_in(functional.silu(self.norm(x_BCF)))))


@final
class MouthPredictor(nn.Module):
    """Mel columns of a voice in, the six mouth channels of every frame out (in the order of ``MOUTH_CHANNELS``)."""

    def __init__(self, config: MouthPredictorConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or MouthPredictorConfig()
        self.enter = nn.Conv1d(NUM_MELS + 1, config.width, 5, padding=2)
        self.gather = nn.Conv1d(config.width, config.width, 2 * COLUMNS_PER_FRAME, stride=COLUMNS_PER_FRAME, padding=2)
        self.blocks = nn.Sequential(*[_DilatedBlock(config.width, dilation) for dilation in config.dilations])
        self.leave = nn.Conv1d(config.width, len(MOUTH_CHANNELS), 1)

    def forward(self, mel_BML: Tensor) -> Tensor:
        """(B, NUM_MELS, 4 F) -> (B, F, 6).

        Level and colour of a recording (microphone, room) are taken out by the clip's own mean spectrum over its
        louder half; loudness over time is given beside it.
        """
        level_B1L = mel_BML.mean(dim=1, keepdim=True)
        loud_B1L = level_B1L >= level_B1L.median(dim=2, keepdim=True).values
        mean_BM1 = (mel_BML * loud_B1L).sum(dim=2, keepdim=True) / loud_B1L.sum(dim=2, keepdim=True)
        level_B1L = level_B1L - (level_B1L * loud_B1L).sum(dim=2, keepdim=True) / loud_B1L.sum(dim=2, keepdim=True)
        x_BCL = functional.silu(self.enter(torch.cat([mel_BML - mean_BM1, level_B1L], dim=1)))
        x_BCF = self.blocks(self.gather(x_BCL))
        return self.leave(functional.silu(x_BCF)).transpose(1, 2)


def voice_mel(voice: AudioSource, num_frames: int) -> Tensor:
    """Mel columns of the first ``num_frames`` frames of a voice, shape (1, M, 4 F)."""
    columns = num_frames * COLUMNS_PER_FRAME
    start, count = samples_for_columns(0, columns)
    return log_mel(torch.from_numpy(voice.read(start, count))[None], 0, columns)


@torch.inference_mode()
def predict_mouth(predictor: MouthPredictor, voice: AudioSource, num_frames: int) -> NDArray[np.float32]:
    """The mouth expected for a voice, shape (F, 6)."""
    device = next(predictor.parameters()).device
    return predictor(voice_mel(voice, num_frames).to(device))[0].float().cpu().numpy()


def mouth_loss(predicted_BFX: Tensor, truth_BFX: Tensor, speaking_BF: Tensor) -> Tensor:
    """Smooth L1 on the mouth; frames of speech weigh three times those of silence."""
    error_BF = functional.smooth_l1_loss(predicted_BFX, truth_BFX, beta=0.1, reduction="none").mean(dim=2)
    weight_BF = 1.0 + 2.0 * speaking_BF.to(error_BF)
    return (error_BF * weight_BF).sum() / weight_BF.sum()
