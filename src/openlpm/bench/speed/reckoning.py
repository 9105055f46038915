"""What a setting takes, reckoned from its sizes: memory on each device, and floating-point operations a chunk."""

from dataclasses import dataclass
from functools import cache
from typing import final

import torch
from torch.utils.flop_counter import FlopCounterMode

from openlpm.bench.speed.network import decoder_of_chance
from openlpm.bench.speed.setting import Attention, Plan, SpeedSetting, smaller
from openlpm.core.errors import InputError
from openlpm.dit.config import DiTConfig
from openlpm.dit.model import CharacterTransformer
from openlpm.weights.room import gib

_DECODER_BYTES_A_PIXEL = 2 * 64 * 4
"""Of the decoder's widest maps: 64 channels in bf16, a few of them at a time."""
_VOICE_LAYERS = 32
"""Of an encoder as large as Whisper's, in bf16."""
_OVERHEAD_BYTES = int(2.5e9)
"""What CUDA, its libraries and the allocator keep for themselves."""
_ACTIVATIONS = 14
"""Maps of a chunk as wide as the model that exist at a time, the feed-forward's among them."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Reckoned:
    """Bytes on one device, by what takes them."""

    weights: int
    memory: int
    activations: int
    decoder: int
    voices: int
    overhead: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.memory + self.activations + self.decoder + self.voices + self.overhead


def reckon(setting: SpeedSetting) -> tuple[Reckoned, ...]:
    """Memory on each device."""
    rows, columns = setting.grid
    share = setting.devices if setting.plan is Plan.COLUMNS else 1
    kept = 2 + (setting.attention is Attention.FP8)  # bytes of a number: a copy in 8 bits stands beside it
    ring = 2 * kept * setting.key_frames * rows * columns * setting.dit.width * setting.dit.num_layers // share
    weights = weight_bytes(setting.dit, fp8=setting.fp8)
    activations = _ACTIVATIONS * setting.chunk_tokens * setting.dit.width * 2 // share
    voice_width = 0 if setting.dit.speak is None else setting.dit.speak.width
    pixels = setting.chunk_pictures * setting.picture[0] * setting.picture[1]

    def device(*, rings: int, shows: bool, hears: bool) -> Reckoned:
        return Reckoned(
            weights=weights,
            memory=rings * ring,
            activations=activations,
            decoder=pixels * _DECODER_BYTES_A_PIXEL if shows else 0,
            voices=_VOICE_LAYERS * 24 * voice_width**2 if hears else 0,
            overhead=_OVERHEAD_BYTES,
        )

    if setting.plan is Plan.STAGES:
        return (device(rings=1, shows=False, hears=False), device(rings=1, shows=True, hears=True))
    last = setting.devices - 1
    return tuple(device(rings=2, shows=number == last, hears=True) for number in range(setting.devices))


def weight_bytes(config: DiTConfig, *, fp8: bool) -> int:
    """A transformer in bf16, or with its blocks' linear layers that video tokens meet in 8 bits."""
    with torch.device("meta"):
        model = CharacterTransformer(config)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return 2 * parameters - (narrow_parameters(config) if fp8 else 0)


def narrow_parameters(config: DiTConfig) -> int:
    """Of the matrices that ``parallel.narrow`` narrows."""
    width = config.width
    audio = sum(config.audio_of(layer) is not None for layer in range(config.num_layers))
    return config.num_layers * (6 * width * width + 2 * width * config.ffn_width) + audio * width * width


def require_room(setting: SpeedSetting, free_bytes: tuple[int, ...]) -> None:
    """See that every device has room for its part.

    Raises:
        InputError: one has not; the text says how much is missing, and which setting would fit.
    """
    needed = [each.total for each in reckon(setting)]
    short = [want - free for want, free in zip(needed, free_bytes, strict=False) if want > free]
    if not short:
        return
    fits = [each for each in smaller(setting) if has_room(each, free_bytes)]
    remedy = f"this fits: {fits[0].told()}" if fits else "no setting of this size fits; take a smaller --model"
    raise InputError(f"{gib(max(short))} are missing on a device for {setting.told()}; {remedy}")


def has_room(setting: SpeedSetting, free_bytes: tuple[int, ...]) -> bool:
    """Whether every device has room for its part."""
    return all(each.total <= free for each, free in zip(reckon(setting), free_bytes, strict=False))


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """Floating-point operations (a multiplication and an addition are two)."""

    gemm: int
    """Of linear layers in blocks that video tokens meet."""
    attention: int
    """Self-attention, and cross-attention to text and voice."""

    @property
    def total(self) -> int:
        """Both."""
        return self.gemm + self.attention


def work_of_pass(setting: SpeedSetting) -> Work:
    """One evaluation of the transformer on a chunk."""
    config, queries = setting.dit, setting.chunk_tokens
    attention = 4 * queries * config.width * (setting.key_tokens + config.text_tokens) * config.num_layers
    for layer in range(config.num_layers):
        branch = config.audio_of(layer)
        attention += 0 if branch is None else 4 * queries * config.width * branch.window_tokens
    return Work(gemm=2 * queries * narrow_parameters(config), attention=attention)


@cache
def work_of_decoder(setting: SpeedSetting) -> int:
    """Operations that make the pictures of a chunk, counted without computing anything."""
    device = torch.device("meta")
    decoder = decoder_of_chance(setting, device, torch.bfloat16)
    channels, frames = setting.dit.latent_channels, setting.online.chunk_frames
    latents_BCTHW = torch.empty(1, channels, frames, *setting.latents, dtype=torch.bfloat16, device=device)
    with torch.inference_mode():
        _, state = decoder.decode(latents_BCTHW, None)
        with FlopCounterMode(display=False) as counted:
            decoder.decode(latents_BCTHW, state)
    return counted.get_total_flops()


def work_of_chunk(setting: SpeedSetting) -> Work:
    """All evaluations of a chunk."""
    once = work_of_pass(setting)
    return Work(gemm=setting.online.nfe * once.gemm, attention=setting.online.nfe * once.attention)
