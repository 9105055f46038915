"""Cross-attention to text and to one voice: one query, summed answers (LPM 1.0, section 2)."""

from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from openlpm.dit.config import AudioBranch, DiTConfig
from openlpm.nn.attention import HeadNorm, attention
from openlpm.nn.eight_bit import EightBitLinear, shrunk


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class AudioTokens:
    """One voice at the width of the model."""

    tokens_BLD: Float[Tensor, "B L D"]
    on_B: Bool[Tensor, " B"] | None


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class KeyValue:
    """What attention makes of tokens before any query comes: keys, and values."""

    key_BLNK: Float[Tensor, "B L N K"]
    value_BLNK: Float[Tensor, "B L N K"]


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class CrossKeys:
    """The conditions of one block, read: they depend neither on the picture nor on the time of the flow."""

    text: KeyValue
    heard: KeyValue | None
    """Of the voice that the block hears: B times T windows."""


@final
class AudioAttention(nn.Module):
    """Keys, values and output for one voice. Each latent frame hears only the tokens of its own window.

    ``slots_WD`` tells a query where in the window a key stands: tokens carry content, not position. The value
    projection starts at zero, so a new branch adds exactly nothing.
    """

    def __init__(self, config: DiTConfig, branch: AudioBranch) -> None:
        super().__init__()
        self.branch = branch
        self.k = nn.Linear(config.width, config.width)
        self.norm_k = HeadNorm(config.width, config.num_heads, scope=config.qk_norm, eps=config.eps)
        self.v = nn.Linear(config.width, config.width)
        self.o: nn.Linear | EightBitLinear = nn.Linear(config.width, config.width)
        self.slots_WD = nn.Parameter(torch.empty(branch.window_tokens, config.width))

    def reset_parameters(self) -> None:
        """Value and output bias at zero; slots as large as normalised keys."""
        nn.init.zeros_(self.v.weight)
        nn.init.zeros_(self.v.bias)
        nn.init.zeros_(nn.Module.get_parameter(self.o, "bias"))
        nn.init.normal_(self.slots_WD)

    def read(self, audio: AudioTokens) -> KeyValue:
        """Keys and values of the windows of all frames, frame by frame."""
        key_BLNK = self.norm_k(self.k(audio.tokens_BLD))
        value_BLNK = self.v(audio.tokens_BLD).unflatten(-1, key_BLNK.shape[2:])
        slots_WNK = self.slots_WD.to(key_BLNK.dtype).unflatten(-1, key_BLNK.shape[2:])
        return KeyValue(
            key_BLNK=(self._windows(key_BLNK) + slots_WNK).flatten(0, 1),
            value_BLNK=self._windows(value_BLNK).flatten(0, 1),
        )

    def forward(
        self, query_BSNK: Float[Tensor, "B S N K"], heard: KeyValue, on_B: Bool[Tensor, " B"] | None, num_frames: int
    ) -> Float[Tensor, "B S D"]:
        """What video tokens (``num_frames`` groups of equal length) hear in rows that are on (None: all)."""
        out_BSD = self.o(self.gather(query_BSNK, heard, num_frames))
        return out_BSD if on_B is None else out_BSD * on_B[:, None, None].to(out_BSD.dtype)

    def gather(self, query_BSNK: Float[Tensor, "B S N K"], heard: KeyValue, num_frames: int) -> Float[Tensor, "B S D"]:
        """What attention gathers, before the output."""
        frames = query_BSNK.unflatten(1, (num_frames, -1)).flatten(0, 1)
        gathered = attention(frames, heard.key_BLNK, heard.value_BLNK)
        return gathered.flatten(2).reshape(*query_BSNK.shape[:2], -1)

    def _windows(self, x_BLNK: Float[Tensor, "B L N K"]) -> Float[Tensor, "B T W N K"]:
        x_BTNKW = x_BLNK.unfold(1, self.branch.window_tokens, self.branch.tokens_per_frame)
        return x_BTNKW.permute(0, 1, 4, 2, 3)


@final
class CrossAttention(nn.Module):
    """Text for every token, the block's voice for video tokens; both answer the same query."""

    def __init__(self, config: DiTConfig, branch: AudioBranch | None) -> None:
        super().__init__()
        width, heads = config.width, config.num_heads
        self.q: nn.Linear | EightBitLinear = nn.Linear(width, width)
        self.norm_q = HeadNorm(width, heads, scope=config.qk_norm, eps=config.eps)
        self.k = nn.Linear(width, width)
        self.norm_k = HeadNorm(width, heads, scope=config.qk_norm, eps=config.eps)
        self.v = nn.Linear(width, width)
        self.o: nn.Linear | EightBitLinear = nn.Linear(width, width)
        self.audio = None if branch is None else AudioAttention(config, branch)

    def shrink(self) -> None:
        """Ask and answer in 8 bits from now on; what is read of the conditions stays as it is."""
        self.q, self.o = shrunk(self.q), shrunk(self.o)
        if self.audio is not None:
            self.audio.o = shrunk(self.audio.o)

    def read_text(self, text_BLD: Float[Tensor, "B L D"]) -> KeyValue:
        """Keys and values of the text, for ``read``."""
        key_BLNK = self.norm_k(self.k(text_BLD))
        return KeyValue(key_BLNK=key_BLNK, value_BLNK=self.v(text_BLD).unflatten(-1, key_BLNK.shape[2:]))

    def read(self, text: KeyValue, audio: AudioTokens | None) -> CrossKeys:
        """Keys and values of the conditions, for ``forward``."""
        heard = None if self.audio is None or audio is None else self.audio.read(audio)
        return CrossKeys(text=text, heard=heard)

    def forward(
        self,
        x_BSD: Float[Tensor, "B S D"],
        keys: CrossKeys,
        *,
        text_seen_BSL: Bool[Tensor, "B S L"] | None = None,
        heard_on_B: Bool[Tensor, " B"] | None,
        num_frames: int,
        num_video_tokens: int,
    ) -> Float[Tensor, "B S D"]:
        """The sum of both answers; the first ``num_video_tokens`` of S are ``num_frames`` frames of video.

        ``text_seen_BSL`` says which words a token sees (None: all).
        """
        query_BSNK = self.norm_q(self.q(x_BSD))
        seen = None if text_seen_BSL is None else text_seen_BSL[:, None]
        out_BSD = self.o(attention(query_BSNK, keys.text.key_BLNK, keys.text.value_BLNK, seen).flatten(2))
        if self.audio is None or keys.heard is None:
            return out_BSD
        heard_BSD = self.audio(query_BSNK[:, :num_video_tokens], keys.heard, heard_on_B, num_frames)
        return out_BSD + F.pad(heard_BSD, (0, 0, 0, x_BSD.shape[1] - num_video_tokens))
