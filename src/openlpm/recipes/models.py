"""The sizes of the character transformer, by name."""

from dataclasses import dataclass
from typing import final

from openlpm.core.motion import NUM_MOTION
from openlpm.dit.config import AudioBranch, DiTConfig
from openlpm.encoders.speech import SpeechConfig
from openlpm.encoders.text import TextConfig
from openlpm.flow.guidance import GuidanceScales
from openlpm.flow.path import Prediction
from openlpm.nn.attention import NormScope
from openlpm.nn.memory import MemoryConfig
from openlpm.rollout.choreographer import CLOCK, ChoreographerConfig

_GROUP = 4
"""Pixel frames of a latent frame of nano."""


def nano() -> DiTConfig:
    """The model that is shipped: 256x256 pictures as 16x16x24 latents, six latent frames a second, for a CPU."""
    return DiTConfig(
        latent_channels=24,
        width=384,
        num_layers=8,
        num_heads=6,
        ffn_width=1440,
        text_width=160,
        text_tokens=64,
        qk_norm=NormScope.HEAD,
        prediction=Prediction.DATA,
        speak=AudioBranch(width=192, tokens_per_frame=4, past_frames=1, future_frames=0),
        listen=AudioBranch(width=160, tokens_per_frame=1, past_frames=17, future_frames=0),
        motion=_GROUP * NUM_MOTION,
    )


def choreographer(*, small: bool = False) -> ChoreographerConfig:
    """Nano's: about four million weights, six seconds of its own past, chunks of Online's third of a second."""
    layers, width = (2, 48) if small else (4, 192)
    return ChoreographerConfig(
        dit=DiTConfig(
            latent_channels=_GROUP * NUM_MOTION,
            width=width,
            num_layers=layers,
            num_heads=2 if small else 4,
            ffn_width=3 * width,
            text_width=96,
            text_tokens=64,
            patch=(1, 1, 1),
            freq_width=32 if small else 128,
            qk_norm=NormScope.HEAD,
            prediction=Prediction.DATA,
            unit_power=False,
            speak=AudioBranch(width=128, tokens_per_frame=4, past_frames=1, future_frames=0, added=True),
            listen=AudioBranch(width=96, tokens_per_frame=1, past_frames=17, future_frames=0),
            motion=CLOCK,
        ),
        speak=SpeechConfig(width=128, frames_per_token=1, lookahead_frames=2, dilations=(1, 2)),
        listen=SpeechConfig(width=96, frames_per_token=4, lookahead_frames=0, dilations=(1, 2)),
        text=TextConfig(width=96, num_tokens=64, buckets=2048, num_layers=2, num_heads=4),
        memory=MemoryConfig(sink_frames=0, window_frames=36),
        chunk_frames=2,
        steps=8,
        guidance=GuidanceScales(text=2.5, listen=3.0),
    )


def lpm_1_3b() -> DiTConfig:
    """Wan2.1-T2V-1.3B with voices: what a workstation can fine-tune."""
    return DiTConfig(
        latent_channels=16,
        width=1536,
        num_layers=30,
        num_heads=12,
        ffn_width=8960,
        text_width=4096,
        text_tokens=512,
        unit_power=False,
        speak=_SPEAK_WIDE,
        listen=_LISTEN_WIDE,
    )


def lpm_17b() -> DiTConfig:
    """LPM 1.0's size: the trunk of Wan2.1-I2V-14B without its picture branch, with voices."""
    return DiTConfig(
        latent_channels=16,
        width=5120,
        num_layers=40,
        num_heads=40,
        ffn_width=13824,
        text_width=4096,
        text_tokens=512,
        unit_power=False,
        speak=_SPEAK_WIDE,
        listen=_LISTEN_WIDE,
    )


_SPEAK_WIDE = AudioBranch(width=1280, tokens_per_frame=8, past_frames=1, future_frames=1)
_LISTEN_WIDE = AudioBranch(width=1280, tokens_per_frame=2, past_frames=17, future_frames=0)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class NamedModel:
    """A size, and the picture it is meant for."""

    name: str
    config: DiTConfig
    picture: tuple[int, int]
    """Width and height in pixels."""
    latent_stride: int
    """Pixels to a latent row or column."""

    @property
    def tokens_per_second(self) -> int:
        """Video tokens that one second of performance takes."""
        columns, rows = (size // self.latent_stride for size in self.picture)
        return LATENT_RATE_HZ * self.config.tokens_per_frame(rows, columns)


LATENT_RATE_HZ = 6
"""24 frames a second, four to a latent frame, in every autoencoder used here."""


def named_models() -> tuple[NamedModel, ...]:
    """Every named size, the smallest first."""
    return (
        NamedModel(name="nano", config=nano(), picture=(256, 256), latent_stride=16),
        NamedModel(name="lpm-1.3b", config=lpm_1_3b(), picture=(832, 480), latent_stride=8),
        NamedModel(name="lpm-17b", config=lpm_17b(), picture=(832, 480), latent_stride=8),
    )
