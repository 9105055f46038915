"""Text to tokens: words as sums of hashed character n-grams (fastText, arXiv 1607.04606), then a small transformer.

Hashing needs no vocabulary file, knows the parts of words it never saw, and forgives a typing error.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from openlpm.core.errors import ConfigError

_WORD = re.compile(r"[^\W_]+|[.,;:!?]")
_GRAMS = 12
_PADDING = 0


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class TextConfig:
    """The text encoder's sizes."""

    width: int
    num_tokens: int
    """Words kept; a longer text is cut."""
    buckets: int
    num_layers: int
    num_heads: int

    def __post_init__(self) -> None:
        if self.width % self.num_heads:
            raise ConfigError(f"width={self.width} is not a multiple of num_heads={self.num_heads}")
        if self.num_tokens < 1:
            raise ConfigError(f"num_tokens={self.num_tokens}: keep at least one word")


def words_of(text: str) -> list[str]:
    """The words and marks of a text that an encoder reads."""
    return _WORD.findall(text.lower())


@lru_cache(maxsize=65_536)
def _bucket(piece: str, buckets: int) -> int:
    digest = hashlib.blake2b(piece.encode(), digest_size=8).digest()
    return 1 + int.from_bytes(digest, "little") % (buckets - 1)


@lru_cache(maxsize=16_384)
def _word_ids(word: str, buckets: int) -> tuple[int, ...]:
    """The word itself and its character trigrams, as buckets; 0 pads."""
    padded = f"<{word}>"
    pieces = [padded, *(padded[i : i + 3] for i in range(len(padded) - 2))][:_GRAMS]
    ids = [_bucket(piece, buckets) for piece in dict.fromkeys(pieces)]
    return tuple(ids + [_PADDING] * (_GRAMS - len(ids)))


@final
class _Layer(nn.Module):
    """A pre-norm transformer layer over the words that are there."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm_attention, self.norm_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width))

    def forward(self, x_BLD: Tensor, visible_BL: Tensor) -> Tensor:
        q, k, v = (
            part.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for part in self.qkv(self.norm_attention(x_BLD)).chunk(3, -1)
        )
        attended = functional.scaled_dot_product_attention(q, k, v, attn_mask=visible_BL[:, None, None, :])
        x_BLD = x_BLD + self.out(attended.transpose(1, 2).flatten(2))
        return x_BLD + self.mlp(self.norm_mlp(x_BLD))


@final
class TextEncoder(nn.Module):
    """Captions to ``num_tokens`` tokens of ``width`` channels; where there is no word the token is zero."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        self.pieces = nn.Embedding(config.buckets, config.width, padding_idx=_PADDING)
        self.positions_LD = nn.Parameter(torch.randn(config.num_tokens, config.width) * 0.02)
        self.layers = nn.ModuleList([_Layer(config.width, config.num_heads) for _ in range(config.num_layers)])
        self.norm_out = nn.LayerNorm(config.width)

    def prepare(self, texts: Sequence[str]) -> Int[Tensor, "B L G"]:
        """Piece ids of the texts, on the CPU; case and unknown punctuation do not matter."""
        limit, empty = self.config.num_tokens, (_PADDING,) * _GRAMS
        rows: list[list[tuple[int, ...]]] = []
        for text in texts:
            words = words_of(text)[:limit]
            rows.append([_word_ids(word, self.config.buckets) for word in words] + [empty] * (limit - len(words)))
        return torch.tensor(rows, dtype=torch.int32)

    def forward(self, ids_BLG: Int[Tensor, "B L G"]) -> Float[Tensor, "B L D"]:
        """Tokens of prepared texts; a text without words gives zeros throughout (the null condition)."""
        known_BLG = ids_BLG != _PADDING
        count_BL1 = known_BLG.sum(dim=2, keepdim=True)
        x_BLD = self.pieces(ids_BLG).sum(dim=2) / count_BL1.clamp_min(1) + self.positions_LD
        present_BL1 = count_BL1 > 0
        # The first position stays visible so that an empty text is no softmax over nothing; its output is zeroed below.
        visible_BL = present_BL1[:, :, 0] | (torch.arange(ids_BLG.shape[1], device=ids_BLG.device) == 0)
        for layer in self.layers:
            x_BLD = layer(x_BLD, visible_BL)
        return self.norm_out(x_BLD) * present_BL1
