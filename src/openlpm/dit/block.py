"""One block of the character transformer: look at each other, listen to the conditions, think."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from openlpm.dit.condition import ReferenceSlot
from openlpm.dit.config import DiTConfig
from openlpm.dit.cross_attention import AudioTokens, CrossAttention, CrossKeys, KeyValue
from openlpm.nn.attention import Attend, HeadNorm
from openlpm.nn.eight_bit import EightBitLinear, EightBitMlp, shrunk
from openlpm.nn.mlp import Mlp
from openlpm.nn.modulation import gated_add, modulated_norm
from openlpm.nn.norm import LayerNorm
from openlpm.nn.precision import widened
from openlpm.nn.rope import Rotation


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ReadText:
    """Text at the width of the model, and what every block has read of it: neither changes while the words stay."""

    text_BLD: Float[Tensor, "B L D"]
    keys: tuple[KeyValue, ...]


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """Conditions at the width of the model: nothing here changes with latents, their positions or the flow's time.

    The sequence is T video frames, then J references.
    """

    text_BLD: Float[Tensor, "B L D"]
    speak: AudioTokens | None
    listen: AudioTokens | None
    motion_BTD: Float[Tensor, "B T D"] | None
    references_BSD: Float[Tensor, "B S D"] | None
    slots: tuple[ReferenceSlot, ...]
    """What the J references are."""
    num_frames: int
    """T."""
    num_video_tokens: int
    keys: tuple[CrossKeys, ...] | None = None
    """What every block has read of it; None: they read whenever they are called."""


@final
class SelfAttention(nn.Module):
    """Projections around an ``Attend``, which decides who sees whom."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        width, heads = config.width, config.num_heads
        self.q = nn.Linear(width, width)
        self.norm_q = HeadNorm(width, heads, scope=config.qk_norm, eps=config.eps)
        self.k = nn.Linear(width, width)
        self.norm_k = HeadNorm(width, heads, scope=config.qk_norm, eps=config.eps)
        self.v = nn.Linear(width, width)
        self.o: nn.Linear | EightBitLinear = nn.Linear(width, width)
        self.joined: EightBitLinear | None = None
        """Queries, keys and values side by side, in place of ``q``, ``k`` and ``v`` (``shrink``)."""

    def shrink(self) -> None:
        """Compute in 8 bits from now on; the weights can be stored no more."""
        self.joined = EightBitLinear(self.q, self.k, self.v)
        del self.q, self.k, self.v
        self.o = shrunk(self.o)

    def forward(
        self, x_BSD: Float[Tensor, "B S D"], rotation: Rotation, *, attend: Attend, layer: int
    ) -> Float[Tensor, "B S D"]:
        if self.joined is None:
            query_BSD, key_BSD, value_BSD = self.q(x_BSD), self.k(x_BSD), self.v(x_BSD)
        else:
            query_BSD, key_BSD, value_BSD = self.joined(x_BSD).chunk(3, dim=-1)
        query_BSNK, key_BSNK = self.norm_q(query_BSD), self.norm_k(key_BSD)
        value_BSNK = value_BSD.unflatten(-1, key_BSNK.shape[2:])
        return self.o(attend(query_BSNK, key_BSNK, value_BSNK, rotation, layer=layer).flatten(2))


@final
class Block(nn.Module):
    """Self-attention, cross-attention to text and one voice, feed-forward (LPM 1.0, section 2; Wan without audio)."""

    def __init__(self, config: DiTConfig, layer: int) -> None:
        super().__init__()
        self.eps = config.eps
        self.hears_speak = layer % 2 == 0
        self.modulation = nn.Parameter(torch.empty(1, 6, config.width))
        self.self_attention = SelfAttention(config)
        self.cross_norm = LayerNorm(config.width, eps=config.eps) if config.cross_norm else nn.Identity()
        self.cross_attention = CrossAttention(config, config.audio_of(layer))
        self.ffn: Mlp | EightBitMlp = Mlp(config.width, config.ffn_width, config.width)

    def shrink(self) -> None:
        """Compute in 8 bits from now on where video tokens meet weights; these can be stored no more."""
        self.self_attention.shrink()
        self.cross_attention.shrink()
        if isinstance(self.ffn, Mlp):
            self.ffn = EightBitMlp(self.ffn)

    def read(self, told: Told, text: KeyValue | None = None) -> CrossKeys:
        """What the block makes of the conditions, however often it is then called; ``text`` if that is read already."""
        text = self.cross_attention.read_text(told.text_BLD) if text is None else text
        return self.cross_attention.read(text, self._heard(told))

    def forward(
        self,
        x_BSD: Float[Tensor, "B S D"],
        modulation_BG6D: Float[Tensor, "B G 6 D"],
        rotation: Rotation,
        told: Told,
        *,
        attend: Attend,
        layer: int,
    ) -> Float[Tensor, "B S D"]:
        """``modulation_BG6D`` has G = 1 (one time for all) or T + J."""
        modulation_BG6D = widened(self.modulation) + widened(modulation_BG6D)
        shift, scale, gate, ffn_shift, ffn_scale, ffn_gate = modulation_BG6D.unbind(2)

        seen_BSD = modulated_norm(x_BSD, shift, scale, eps=self.eps)
        seen_BSD = self.self_attention(seen_BSD, rotation, attend=attend, layer=layer)
        x_BSD = gated_add(x_BSD, seen_BSD, gate)

        audio = self._heard(told)
        x_BSD = x_BSD + self.cross_attention(
            self.cross_norm(x_BSD),
            self.read(told) if told.keys is None else told.keys[layer],
            heard_on_B=None if audio is None else audio.on_B,
            num_frames=told.num_frames,
            num_video_tokens=told.num_video_tokens,
        )

        thought_BSD = self.ffn(modulated_norm(x_BSD, ffn_shift, ffn_scale, eps=self.eps))
        return gated_add(x_BSD, thought_BSD, ffn_gate)

    def _heard(self, told: Told) -> AudioTokens | None:
        return told.speak if self.hears_speak else told.listen
