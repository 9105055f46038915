"""Sound and pictures to tokens, the same for training and for serving: what was trained is what is served."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from openlpm.core.audio import AudioSource
from openlpm.dit.config import AudioBranch
from openlpm.encoders.mel import log_mel
from openlpm.encoders.speech import SpeechEncoder


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class AudioSpan:
    """The sound that a window of latent frames is conditioned on, in absolute positions of a 16 kHz track."""

    first_token: int
    num_tokens: int
    first_column: int
    num_columns: int
    start_sample: int
    num_samples: int


def audio_span(encoder: SpeechEncoder, branch: AudioBranch, first_frame: int, num_frames: int) -> AudioSpan:
    """What latent frames ``first_frame ... first_frame + num_frames - 1`` hear, margins of the window included."""
    first_token = (first_frame - branch.past_frames) * branch.tokens_per_frame
    num_tokens = branch.num_tokens(num_frames)
    first_column, num_columns = encoder.columns_for(first_token, num_tokens)
    start, count = encoder.samples_for(first_token, num_tokens)
    return AudioSpan(
        first_token=first_token,
        num_tokens=num_tokens,
        first_column=first_column,
        num_columns=num_columns,
        start_sample=start,
        num_samples=count,
    )


def speech_tokens(encoder: SpeechEncoder, span: AudioSpan, audio_BA: Float[Tensor, "B A"]) -> Float[Tensor, "B T D"]:
    """Tokens of a span; ``audio_BA`` holds the span's samples."""
    return encoder(log_mel(audio_BA, span.first_column, span.num_columns))


def read_span(sources: Sequence[AudioSource], span: AudioSpan, device: torch.device) -> Float[Tensor, "B A"]:
    """The span's samples of every source, silent outside the tracks."""
    samples_BA = np.stack([source.read(span.start_sample, span.num_samples) for source in sources])
    return torch.from_numpy(samples_BA).to(device)


def pictures_to_tensor(pictures: Sequence[NDArray[np.uint8]], device: torch.device) -> Float[Tensor, "B 3 H W"]:
    """8-bit pictures (H, W, 3) as [-1, 1]."""
    stacked_BHWC = torch.from_numpy(np.stack(pictures)).to(device)
    return stacked_BHWC.permute(0, 3, 1, 2).float() / 127.5 - 1.0
