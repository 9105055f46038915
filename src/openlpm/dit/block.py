"""One block of the character transformer: look at each other, listen to the conditions, think."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Bool, Float
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

    def overwrite(self, new: "ReadText") -> None:
        """Be what was read of another text, in place."""
        self.text_BLD.copy_(new.text_BLD)
        for old, now in zip(self.keys, new.keys, strict=True):
            old.key_BLNK.copy_(now.key_BLNK)
            old.value_BLNK.copy_(now.value_BLNK)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """Conditions at the width of the model: nothing here changes with latents, their positions or the flow's time.

    The sequence is T video frames, then J references.
    """

    text_BLD: Float[Tensor, "B L D"]
    text_seen_BSL: Bool[Tensor, "B whole L"] | None
    """Which words a token sees, where there are several prompts; None: every token sees all."""
    speak: AudioTokens | None
    listen: AudioTokens | None
    added_BTD: Float[Tensor, "B T D"] | None
    """What the motion track and voices add to the video tokens of a frame."""
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
    """Projections before and after an ``Attend``, which decides who sees whom."""

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

    def ask(self, x_BSD: Float[Tensor, "B S D"]) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of all tokens, (B, S, N, K) each, for an ``Attend``; ``o`` takes what it gathers."""
        if self.joined is None:
            query_BSD, key_BSD, value_BSD = self.q(x_BSD), self.k(x_BSD), self.v(x_BSD)
        else:
            query_BSD, key_BSD, value_BSD = self.joined(x_BSD).chunk(3, dim=-1)
        query_BSNK, key_BSNK = self.norm_q(query_BSD), self.norm_k(key_BSD)
        return query_BSNK, key_BSNK, value_BSD.unflatten(-1, key_BSNK.shape[2:])


_Look = Callable[[Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]
_Think = Callable[[Tensor, Tensor, Tensor, Told, CrossKeys | None], Tensor]


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
        self._compiled: tuple[_Look, _Think] | None = None

    def shrink(self) -> None:
        """Compute in 8 bits from now on where video tokens meet weights; these can be stored no more."""
        self.self_attention.shrink()
        self.cross_attention.shrink()
        if isinstance(self.ffn, Mlp):
            self.ffn = EightBitMlp(self.ffn)

    def compile_around_attention(self) -> None:
        """Compile what comes before and after attention, for fixed shapes, and leave attention as it is called.

        For an ``Attend`` that keeps things by layer: compiled as a whole, every block would need a graph of its own.
        Copies of a block that was compiled so are not to be made.
        """
        self._compiled = (torch.compile(self._look, dynamic=False), torch.compile(self.think, dynamic=False))

    def replace_parts(self, look: _Look, think: _Think) -> None:
        """Let others do what comes before attention and after it (``dit.fast_block``)."""
        self._compiled = (look, think)

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
        look, think = self._compiled or (self._look, self.think)
        query_BSNK, key_BSNK, value_BSNK = look(x_BSD, modulation_BG6D)
        gathered_BSNK = attend(query_BSNK, key_BSNK, value_BSNK, rotation, layer=layer)
        keys = None if told.keys is None else told.keys[layer]
        return think(x_BSD, gathered_BSNK, modulation_BG6D, told, keys)

    def _look(self, x_BSD: Float[Tensor, "B S D"], modulation_BG6D: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What comes before attention."""
        shift, scale = self.modulated(modulation_BG6D)[:2]
        return self.self_attention.ask(modulated_norm(x_BSD, shift, scale, eps=self.eps))

    def think(
        self,
        x_BSD: Float[Tensor, "B S D"],
        gathered_BSNK: Float[Tensor, "B S N K"],
        modulation_BG6D: Tensor,
        told: Told,
        keys: CrossKeys | None,
    ) -> Float[Tensor, "B S D"]:
        """What comes after it."""
        gate, ffn_shift, ffn_scale, ffn_gate = self.modulated(modulation_BG6D)[2:]
        x_BSD = gated_add(x_BSD, self.self_attention.o(gathered_BSNK.flatten(2)), gate)

        audio = self._heard(told)
        x_BSD = x_BSD + self.cross_attention(
            self.cross_norm(x_BSD),
            self.read(told) if keys is None else keys,
            text_seen_BSL=told.text_seen_BSL,
            heard_on_B=None if audio is None else audio.on_B,
            num_frames=told.num_frames,
            num_video_tokens=told.num_video_tokens,
        )

        thought_BSD = self.ffn(modulated_norm(x_BSD, ffn_shift, ffn_scale, eps=self.eps))
        return gated_add(x_BSD, thought_BSD, ffn_gate)

    def modulated(self, modulation_BG6D: Tensor) -> tuple[Tensor, ...]:
        """Shift, scale and gate of attention, then of the feed-forward."""
        return (widened(self.modulation) + widened(modulation_BG6D)).unbind(2)

    def _heard(self, told: Told) -> AudioTokens | None:
        return told.speak if self.hears_speak else told.listen
