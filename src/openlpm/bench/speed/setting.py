"""What is timed: a size, a picture, a memory, a decoder and how the work is shared out."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import final

from openlpm.core.errors import ConfigError
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.dit.condition import ReferenceKind, ReferenceSlot
from openlpm.dit.config import DiTConfig
from openlpm.nn.memory import MemoryConfig
from openlpm.nn.ring import RingShape
from openlpm.rollout.online import OnlineConfig

FRAMES_PER_LATENT, LATENT_STRIDE = 4, 8
"""Of Wan's autoencoder, in which the large sizes work."""
SLOTS = (
    ReferenceSlot(kind=ReferenceKind.FIRST),
    ReferenceSlot(kind=ReferenceKind.GLOBAL),
    ReferenceSlot(kind=ReferenceKind.VIEW),
)
"""A first frame and two references."""


class Plan(StrEnum):
    """How the work is shared out."""

    ONE = "one"
    """One device makes and refines chunks; decoding has a stream of its own."""
    STAGES = "stages"
    """The backbone on the first device; the refiner, the decoder and the voices on the last."""
    COLUMNS = "columns"
    """Every device has some columns of every chunk, for latency."""


class DecoderKind(StrEnum):
    """What makes pixels."""

    TINY = "tiny"
    """``vae.tiny_decoder`` at the sizes of taew2_1."""
    WAN = "wan"
    """Wan2.1's own, through diffusers (extra ``[wan]``)."""


class Way(StrEnum):
    """How what stands around attention is done."""

    EAGER = "eager"
    """Operation by operation."""
    COMPILED = "compiled"
    """By torch.compile."""
    KERNELS = "kernels"
    """By kernels of ours (``dit.fast_block``); compiled where layers are not in 8 bits."""


class Attention(StrEnum):
    """What does self-attention on a GPU."""

    CUDNN = "cudnn"
    """cuDNN's kernel, in bfloat16."""
    FLASH = "flash"
    """FlashAttention 3 in bfloat16 (Hopper, extra ``[hopper]``)."""
    FP8 = "fp8"
    """The same in 8 bits, with an error of its own."""


class Context(StrEnum):
    """How much is remembered."""

    SHORT = "short"
    """12 latent frames of keys: three references, a sink, five past frames, three of the chunk (0.5 s)."""
    NARROW = "narrow"
    """10 latent frames of keys: three references, a sink, three past frames, three of the chunk (0.5 s)."""
    PAPER = "paper"
    """Three chunks of sinks and two that slide, of 1 s each (LPM 1.0): 36 latent frames, and references before them."""


def online_of(context: Context) -> OnlineConfig:
    """2 + 1 evaluations a chunk, keys cached as the steps leave them."""
    chunk, sink, window = {Context.SHORT: (3, 1, 5), Context.NARROW: (3, 1, 3), Context.PAPER: (6, 18, 12)}[context]
    return OnlineConfig(
        chunk_frames=chunk,
        memory=MemoryConfig(sink_frames=sink, window_frames=window),
        backbone_times=(1.0, 0.6),
        refiner_time=0.3,
    )


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class SpeedSetting:
    """One line of the table."""

    name: str
    """Of the size."""
    dit: DiTConfig
    picture: tuple[int, int]
    """Width and height in pixels."""
    context: Context = Context.SHORT
    devices: int = 1
    plan: Plan = Plan.ONE
    decoder: DecoderKind = DecoderKind.TINY
    fp8: bool = True
    """Linear layers."""
    attention: Attention = Attention.CUDNN

    def __post_init__(self) -> None:
        side = LATENT_STRIDE * self.dit.patch[1]
        if self.picture[0] % side or self.picture[1] % side or min(self.picture) < side:
            raise ConfigError(f"picture={self.picture}: give a width and a height that are multiples of {side}")
        if self.devices < 1 or (self.plan is Plan.ONE) != (self.devices == 1):
            raise ConfigError(f"devices={self.devices}, plan={self.plan}: one device is plan one, several are another")
        if self.plan is Plan.STAGES and self.devices != 2:
            raise ConfigError(f"devices={self.devices}, plan=stages: there are stages for two; use columns for more")
        if self.dit.speak is None or self.dit.listen is None:
            raise ConfigError("dit: a size that streams hears both voices")

    @property
    def online(self) -> OnlineConfig:
        """Its chunks."""
        return online_of(self.context)

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of tokens in a latent frame."""
        width, height = self.picture
        return height // (LATENT_STRIDE * self.dit.patch[1]), width // (LATENT_STRIDE * self.dit.patch[2])

    @property
    def latents(self) -> tuple[int, int]:
        """Rows and columns of a latent frame."""
        return self.picture[1] // LATENT_STRIDE, self.picture[0] // LATENT_STRIDE

    @property
    def chunk_tokens(self) -> int:
        """Queries of a step."""
        return self.online.chunk_frames * self.grid[0] * self.grid[1]

    @property
    def key_frames(self) -> int:
        """Latent frames that a chunk attends to when all is full, itself included."""
        return len(SLOTS) + self.online.memory.num_frames + self.online.chunk_frames

    @property
    def key_tokens(self) -> int:
        """Keys of a query."""
        return self.key_frames * self.grid[0] * self.grid[1]

    @property
    def chunk_pictures(self) -> int:
        """Pixel frames of a chunk."""
        return FRAMES_PER_LATENT * self.online.chunk_frames

    @property
    def chunk_s(self) -> float:
        """Seconds of a chunk."""
        return self.chunk_pictures / FRAME_RATE_HZ

    @property
    def ring(self) -> RingShape:
        """Sizes of a memory on one device."""
        share = self.devices if self.plan is Plan.COLUMNS else 1
        return RingShape(
            num_rows=1,
            num_layers=self.dit.num_layers,
            num_heads=self.dit.num_heads // share,
            head_width=self.dit.head_width,
            grid=self.grid,
            chunk_frames=self.online.chunk_frames,
            num_references=len(SLOTS),
        )

    def told(self) -> str:
        """The setting in words."""
        arithmetic = "fp8 linear layers" if self.fp8 else "bf16"
        arithmetic += {Attention.CUDNN: "", Attention.FLASH: ", FlashAttention 3", Attention.FP8: ", fp8 attention"}[
            self.attention
        ]
        return (
            f"{self.name} at {self.picture[0]}x{self.picture[1]}: plan {self.plan} on {self.devices}, {arithmetic}, "
            f"{self.online.nfe} evaluations a chunk of {self.chunk_s:g} s, keys of {self.key_frames} latent frames, "
            f"decoder {self.decoder}"
        )


def plan_for(devices: int) -> Plan:
    """What is chosen where nobody says.

    Two devices share out columns: the longer of two stages is two evaluations of three, which alone take more of a
    second of video than all of it takes by columns (``docs/seventeen.md``).
    """
    return Plan.ONE if devices == 1 else Plan.COLUMNS


def smaller(setting: SpeedSetting) -> tuple[SpeedSetting, ...]:
    """Settings that take less memory, the nearest first."""
    found = [replace(setting, fp8=True)]
    if setting.context is Context.PAPER:
        found.append(replace(setting, fp8=True, context=Context.SHORT))
    found.append(replace(setting, fp8=True, context=Context.NARROW))
    if setting.picture[0] * setting.picture[1] > 720 * 416:
        found.append(replace(setting, fp8=True, context=Context.NARROW, picture=(720, 416), devices=1, plan=Plan.ONE))
    return tuple(found)
