"""Speech to tokens with a finite, stated view: so much past, so much future, nothing else.

The network is a stack of valid convolutions, hence a pure function of a window of mel columns: a stream computes
exactly what a whole clip computes, and its only state is the last few seconds of sound.
"""

from dataclasses import dataclass
from typing import final

from jaxtyping import Float
from torch import Tensor, nn

from openlpm.core.errors import ConfigError
from openlpm.encoders.mel import COLUMNS_PER_FRAME, NUM_MELS, samples_for_columns


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class SpeechConfig:
    """A speech encoder: token rate, look-ahead and size."""

    width: int
    frames_per_token: int
    """Video frames a token stands for: 1 (24 tokens a second) or 4 (6 a second)."""
    lookahead_frames: int
    """Video frames of sound a token needs from after its own frames.

    The last mel column adds the rest of its window: 233 samples, 15 ms, also where this is 0.
    """
    dilations: tuple[int, ...]
    """One residual block at the token rate for each entry."""

    def __post_init__(self) -> None:
        if self.frames_per_token not in (1, 4):
            raise ConfigError(f"frames_per_token={self.frames_per_token}: give 1 or 4")
        if self.lookahead_frames < 0:
            raise ConfigError(f"lookahead_frames={self.lookahead_frames}: give 0 or more")

    def tokens_per_latent(self, frames_per_latent: int) -> int:
        """Tokens of a latent frame.

        Raises:
            ConfigError: that is no whole number.
        """
        found, rest = divmod(frames_per_latent, self.frames_per_token)
        if rest or not found:
            raise ConfigError(
                f"frames_per_token={self.frames_per_token}: must divide the {frames_per_latent} of a latent frame"
            )
        return found


@final
class _ValidResidual(nn.Module):
    """Two valid convolutions of three taps; the skip path is cropped to the columns that remain."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.conv_in = nn.Conv1d(width, width, kernel_size=3, dilation=dilation)
        self.conv_out = nn.Conv1d(width, width, kernel_size=3, dilation=dilation)
        self.norm = nn.RMSNorm(width)
        self.act = nn.SiLU()
        self.crop = 2 * dilation

    def forward(self, x_BDL: Tensor) -> Tensor:
        normed_BDL = self.norm(x_BDL.transpose(1, 2)).transpose(1, 2)
        y_BDL = self.conv_out(self.act(self.conv_in(normed_BDL)))
        return x_BDL[:, :, self.crop : x_BDL.shape[2] - self.crop] + y_BDL


@final
class SpeechEncoder(nn.Module):
    """Mel columns to tokens of ``width`` channels, one for every ``frames_per_token`` video frames."""

    def __init__(self, config: SpeechConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        strides: list[tuple[int, int, int]] = [(5, 1, 1), (4, 2, 1)]
        layers: list[nn.Module] = [
            nn.Conv1d(NUM_MELS, width, kernel_size=5),
            nn.SiLU(),
            nn.Conv1d(width, width, kernel_size=4, stride=2),
        ]
        layers += [_ValidResidual(width, 1), nn.SiLU(), nn.Conv1d(width, width, kernel_size=4, stride=2)]
        strides += [(3, 1, 1), (3, 1, 1), (4, 2, 1)]
        if config.frames_per_token > 1:
            layers += [
                nn.SiLU(),
                nn.Conv1d(width, width, kernel_size=2 * config.frames_per_token, stride=config.frames_per_token),
            ]
            strides.append((2 * config.frames_per_token, config.frames_per_token, 1))
        for dilation in config.dilations:
            layers.append(_ValidResidual(width, dilation))
            strides += [(3, 1, dilation), (3, 1, dilation)]
        self.layers = nn.Sequential(*layers)
        self.norm_out = nn.RMSNorm(width)
        self.receptive_columns, self.stride_columns = _receptive_field(strides)

    def columns_for(self, first_token: int, num_tokens: int) -> tuple[int, int]:
        """First mel column and number of columns that tokens ``first_token ...`` are computed from.

        The last column a token needs is the last of its own frames plus the look-ahead.
        """
        end = (first_token + 1) * self.stride_columns + self.config.lookahead_frames * COLUMNS_PER_FRAME
        return end - self.receptive_columns, (num_tokens - 1) * self.stride_columns + self.receptive_columns

    def samples_for(self, first_token: int, num_tokens: int) -> tuple[int, int]:
        """First audio sample and number of samples for the same tokens."""
        return samples_for_columns(*self.columns_for(first_token, num_tokens))

    def forward(self, mel_BML: Float[Tensor, "B M L"]) -> Float[Tensor, "B T D"]:
        """Tokens of exactly the columns given (as many as ``columns_for`` says)."""
        return self.norm_out(self.layers(mel_BML).transpose(1, 2))


def _receptive_field(layers: list[tuple[int, int, int]]) -> tuple[int, int]:
    """Receptive field and stride, in input columns, of a stack of (kernel, stride, dilation)."""
    field, jump = 1, 1
    for kernel, stride, dilation in layers:
        field += (kernel - 1) * dilation * jump
        jump *= stride
    return field, jump
