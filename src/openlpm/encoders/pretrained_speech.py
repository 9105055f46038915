"""Voices through wav2vec 2.0 or Whisper (transformers, extra ``[wan]``), on the grid of the latent frames.

These networks see all of what they are given, so every request has a window of its own that begins so long before its
first token: what a stream asks for piece by piece is what anybody gets who asks for the same pieces. Their features
(about 50 a second) are interpolated to the middles of our tokens.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from openlpm.core.errors import ConfigError, WeightsError
from openlpm.core.units import AUDIO_RATE_HZ


class SpeechKind(StrEnum):
    """Which network."""

    WAV2VEC2 = "wav2vec2"
    WHISPER = "whisper"


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class PretrainedSpeechConfig:
    """How tokens are taken from what a network gives."""

    tokens_per_second: int
    """48 for the own voice and 12 for the partner's at the large sizes; must divide the audio rate or nearly so."""
    past_s: float = 4.0
    """Sound before the first token that the network is shown as well."""
    lookahead_s: float = 0.08
    """Sound after the last token."""

    def __post_init__(self) -> None:
        if self.tokens_per_second < 1:
            raise ConfigError(f"tokens_per_second={self.tokens_per_second}: give 1 or more")
        if self.past_s < 0 or self.lookahead_s < 0:
            raise ConfigError(f"past_s={self.past_s}, lookahead_s={self.lookahead_s}: give 0 or more seconds")


@final
class PretrainedSpeech(nn.Module):
    """Sound to tokens of a network's last layer."""

    def __init__(self, model: nn.Module, extractor: Any, kind: SpeechKind, config: PretrainedSpeechConfig) -> None:
        """Take a loaded ``Wav2Vec2Model`` or ``WhisperModel`` and its feature extractor."""
        super().__init__()
        self.inner: Any = model
        self._extractor = extractor
        self.kind, self.config = kind, config
        self.width = int(self.inner.config.hidden_size)
        self._hop, self._reach = self._geometry()

    def samples_for(self, first_token: int, num_tokens: int) -> tuple[int, int]:
        """First audio sample and number of samples that tokens ``first_token ...`` are computed from."""
        rate, config = AUDIO_RATE_HZ, self.config
        start = round(first_token * rate / config.tokens_per_second - config.past_s * rate)
        end = round((first_token + num_tokens) * rate / config.tokens_per_second + config.lookahead_s * rate)
        return start, end - start

    def forward(self, audio_BA: Float[Tensor, "B A"], first_token: int, num_tokens: int) -> Float[Tensor, "B L D"]:
        """Tokens from exactly the samples that ``samples_for`` says.

        Raises:
            ConfigError: there are more or fewer samples, or more than the network can be shown.
        """
        start, count = self.samples_for(first_token, num_tokens)
        if audio_BA.shape[1] != count:
            raise ConfigError(f"audio of {audio_BA.shape[1]} samples: tokens {first_token} + {num_tokens} need {count}")
        features_BUD = self._features(audio_BA)
        middles_L = torch.arange(num_tokens, device=audio_BA.device) + first_token + 0.5
        seconds_L = middles_L / self.config.tokens_per_second - start / AUDIO_RATE_HZ
        # Feature u is centred on the middle of the samples that it is computed from.
        place_L = (seconds_L * AUDIO_RATE_HZ - self._reach / 2) / self._hop
        return _at(features_BUD, place_L)

    def _features(self, audio_BA: Tensor) -> Tensor:
        if self.kind is SpeechKind.WAV2VEC2:
            if self._extractor.do_normalize:
                audio_BA = functional.layer_norm(audio_BA, audio_BA.shape[1:], eps=1e-7)
            return self.inner(audio_BA.to(self._dtype)).last_hidden_state
        longest = self._extractor.n_samples
        if audio_BA.shape[1] > longest:
            raise ConfigError(f"audio of {audio_BA.shape[1]} samples: Whisper is shown at most {longest}; ask for less")
        sounds = list(audio_BA.cpu().numpy())
        found = self._extractor(sounds, sampling_rate=AUDIO_RATE_HZ, return_tensors="pt")
        given_BML = found.input_features.to(audio_BA.device, self._dtype)
        heard = audio_BA.shape[1] // self._hop
        return self.inner.encoder(given_BML).last_hidden_state[:, :heard]

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.inner.parameters()).device

    @property
    def _dtype(self) -> torch.dtype:
        return next(self.inner.parameters()).dtype

    def _geometry(self) -> tuple[int, int]:
        """Samples from one feature to the next, and samples that one is computed from before any attention."""
        if self.kind is SpeechKind.WHISPER:
            hop = 2 * self._extractor.hop_length
            return hop, hop
        hop, reach = 1, 1
        for kernel, stride in zip(self.inner.config.conv_kernel, self.inner.config.conv_stride, strict=True):
            reach += (kernel - 1) * hop
            hop *= stride
        return hop, reach


def load_speech(
    folder: Path, kind: SpeechKind, config: PretrainedSpeechConfig, *, dtype: torch.dtype = torch.float32
) -> PretrainedSpeech:
    """The network of a folder; never from the network.

    Raises:
        WeightsError: nothing is there, or it is of another kind.
    """
    from transformers import Wav2Vec2FeatureExtractor, Wav2Vec2Model, WhisperFeatureExtractor, WhisperModel

    for name in ("config.json", "preprocessor_config.json"):
        if not (folder / name).is_file():
            raise WeightsError(f"{folder} has no {name}: fetch it with `openlpm weights fetch`")
    if kind is SpeechKind.WHISPER:
        whisper = WhisperModel.from_pretrained(folder, local_files_only=True, dtype=dtype)
        extractor = WhisperFeatureExtractor.from_pretrained(folder, local_files_only=True)
        return PretrainedSpeech(whisper.eval(), extractor, kind, config)
    wav2vec2 = Wav2Vec2Model.from_pretrained(folder, local_files_only=True, dtype=dtype)
    extractor = Wav2Vec2FeatureExtractor.from_pretrained(folder, local_files_only=True)
    return PretrainedSpeech(wav2vec2.eval(), extractor, kind, config)


def _at(features_BUD: Tensor, place_L: Tensor) -> Tensor:
    """Between neighbours, linearly; the ends go on beyond themselves."""
    last = features_BUD.shape[1] - 1
    held_L = place_L.clamp(0, last)
    low_L = held_L.floor().long()
    share_L1 = (held_L - low_L).to(features_BUD.dtype)[:, None]
    return torch.lerp(features_BUD[:, low_L], features_BUD[:, (low_L + 1).clamp_max(last)], share_L1)
