"""Networks of chance, made where they are to run: nothing of them is ever on the host."""

from typing import Any, Protocol, cast, final

import torch
from torch import Tensor, nn

from openlpm.bench.speed.setting import DecoderKind, SpeedSetting
from openlpm.core.errors import InputError
from openlpm.dit.config import DiTConfig
from openlpm.dit.model import CharacterTransformer
from openlpm.nn.attention import attention
from openlpm.vae.tiny_decoder import TinyDecoder, TinyDecoderConfig


class ChunkDecoder(Protocol):
    """Latents to pixels in [-1, 1], piece by piece."""

    def decode(self, latents_BCTHW: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Video, and the state with which it goes on."""
        ...


def transformer_of_chance(config: DiTConfig, device: torch.device, dtype: torch.dtype) -> CharacterTransformer:
    """Weights that keep what passes through them of order one; the same on every device of a kind."""
    with torch.device("meta"):
        model = CharacterTransformer(config).to(dtype)
    model.to_empty(device=device)
    draw = torch.Generator(device=device).manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("norm.weight", "cross_norm.weight")):
                parameter.fill_(1)
            elif name.endswith("bias"):
                parameter.zero_()
            elif name.endswith("modulation"):
                parameter.normal_(std=0.3, generator=draw)
            else:
                parameter.normal_(std=parameter[0].numel() ** -0.5, generator=draw)
    return model.eval().requires_grad_(requires_grad=False)


def decoder_of_chance(setting: SpeedSetting, device: torch.device, dtype: torch.dtype) -> ChunkDecoder:
    """The decoder of a setting.

    Raises:
        InputError: Wan's own is wanted where diffusers is not installed.
    """
    if setting.decoder is DecoderKind.TINY:
        sizes = TinyDecoderConfig() if is_large(setting.dit) else TinyDecoderConfig(widths=(16, 12, 8, 8))
        decoder = TinyDecoder(sizes).to(device, dtype).eval().requires_grad_(requires_grad=False)
        for module in decoder.modules():
            if isinstance(module, nn.Conv2d):  # what follows then keeps that order too, which convolutions like
                module.weight.data = module.weight.data.to(memory_format=torch.channels_last)
        return decoder
    try:
        from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
    except ImportError as error:
        raise InputError("decoder=wan: diffusers is not installed; pip install 'openlpm[wan]'") from error
    from openlpm.vae.wan import WanAutoencoder

    whole = cast("nn.Module", AutoencoderKLWan() if is_large(setting.dit) else AutoencoderKLWan(base_dim=8))
    wrapped = WanAutoencoder(whole.requires_grad_(requires_grad=False)).to(device, dtype)
    return cast("ChunkDecoder", wrapped.eval())


def is_large(config: DiTConfig) -> bool:
    """Whether what stands around a transformer is to have its real size, or next to none."""
    return config.width >= 512


@final
class _VoiceLayer(nn.Module):
    """Self-attention and feed-forward, norms first."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x_VLD: Tensor) -> Tensor:
        parts = self.qkv(self.norm_attention(x_VLD)).unflatten(-1, (3, self.heads, -1)).unbind(2)
        x_VLD = x_VLD + self.out(attention(*parts).flatten(2))
        return x_VLD + self.mlp(self.norm_mlp(x_VLD))


@final
class VoiceEncoder(nn.Module):
    """A transformer of the size of Whisper large v3's encoder: both voices, 30 s each, anew for every chunk."""

    def __init__(self, width: int, *, layers: int, seconds: int = 30) -> None:
        super().__init__()
        self.width = width
        self.entrance = nn.Linear(256, width)
        """In place of two convolutions over 128 mel bands."""
        self.layers = nn.Sequential(*(_VoiceLayer(width, max(width // 64, 1)) for _ in range(layers)))
        self.num_tokens = 50 * seconds

    def forward(self, mel_VLM: Tensor, num_tokens: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """The last tokens of both voices."""
        tokens_VLD = self.layers(self.entrance(mel_VLM))
        return tokens_VLD[:1, -num_tokens[0] :], tokens_VLD[1:, -num_tokens[1] :]


def voice_encoder(config: DiTConfig, device: torch.device, dtype: torch.dtype) -> VoiceEncoder:
    """At the width of the size's voices; small where these are."""
    assert config.speak is not None
    large = is_large(config)
    with torch.device(device):
        encoder = VoiceEncoder(config.speak.width, layers=32 if large else 2, seconds=30 if large else 2)
    return encoder.to(dtype).eval().requires_grad_(requires_grad=False)
