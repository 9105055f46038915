"""The choreographer: what a performer does, before how it looks. From voices and words to a motion track, for ever.

A generator of pictures has to decide what happens and to draw it at once, and errors of latents teach it to draw: a nod
is few cells. So the deciding has a transformer of its own, of the same class, whose "pictures" are one token a latent
frame: the rig of its pixel frames. It sees its own past and no future, makes as many frames at a time as a stream's
chunk has, and what it makes is told to the transformers of Base and Online as a motion track. Whoever gives a track of
their own has it followed, and the choreographer has the rest. Our choice; LPM 1.0 has nothing of the kind.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from openlpm.core.errors import ConfigError
from openlpm.core.motion import MOTION_HIGH_M, MOTION_LOW_M, NUM_MOTION
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.dit.condition import Condition
from openlpm.dit.config import DiTConfig
from openlpm.dit.model import CharacterTransformer
from openlpm.encoders.speech import SpeechConfig, SpeechEncoder
from openlpm.encoders.text import TextConfig, TextEncoder
from openlpm.flow.guidance import GuidanceScales
from openlpm.nn.memory import MemoryConfig
from openlpm.rollout.online import OnlineConfig

CLOCK = 8
"""Numbers that say how long a prompt has held."""
LONGEST_S = 10.0
"""What has held longer is as old as this, and no words are too."""
_PERIODS_S = (20.0, 5.0, 1.25)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ChoreographerConfig:
    """Sizes of a choreographer, and how it makes a chunk."""

    dit: DiTConfig
    """Of latents of one cell, the motion of a latent frame; its ``motion`` is the clock of the prompt."""
    speak: SpeechConfig
    listen: SpeechConfig
    text: TextConfig
    """Reads the same words as the text encoder of the pictures: as many of them, in as many buckets."""
    memory: MemoryConfig
    chunk_frames: int
    steps: int
    """From noise to a chunk (``flow.sampler.adams_steps``)."""
    history_time: float = 0.1
    """Flow time at which finished chunks are remembered."""
    time_shift: float = 1.0
    guidance: GuidanceScales = field(default_factory=GuidanceScales)
    """Of words and of the partner's voice, each against everything but it; the other two are 1."""

    def __post_init__(self) -> None:
        if self.dit.latent_channels % NUM_MOTION or self.dit.patch != (1, 1, 1):
            raise ConfigError(
                f"choreographer.dit: latent_channels={self.dit.latent_channels}, patch={self.dit.patch}: give a "
                f"multiple of {NUM_MOTION} channels and patches of one cell"
            )
        if self.dit.motion != CLOCK:
            raise ConfigError(f"choreographer.dit.motion={self.dit.motion}: its clock has {CLOCK} numbers")
        if self.steps < 1:
            raise ConfigError(f"choreographer.steps={self.steps}: a chunk takes at least one")
        if self.guidance.speak != 1 or self.guidance.motion != 1:
            raise ConfigError(
                f"choreographer.guidance={self.guidance}: leave speak and motion at 1, it leans on neither"
            )

    @property
    def online(self) -> OnlineConfig:
        """How it sees its past, in training as in use."""
        return OnlineConfig(
            chunk_frames=self.chunk_frames,
            memory=self.memory,
            backbone_times=(1.0,),
            history_time=self.history_time,
        )

    @property
    def frames_per_latent(self) -> int:
        """Pixel frames of a token."""
        return self.dit.latent_channels // NUM_MOTION


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Encoders:
    """What reads conditions."""

    speak: SpeechEncoder
    listen: SpeechEncoder
    text: TextEncoder


@final
class Choreographer(nn.Module):
    """Encoders of its own and a transformer of motion; ``rollout.choreography`` drives it."""

    mean_X: Tensor
    spread_X: Tensor
    low_X: Tensor
    high_X: Tensor

    def __init__(self, config: ChoreographerConfig) -> None:
        super().__init__()
        self.config = config
        self.speak, self.listen = SpeechEncoder(config.speak), SpeechEncoder(config.listen)
        self.text = TextEncoder(config.text)
        self.dit = CharacterTransformer(config.dit)
        channels = config.dit.latent_channels
        self.register_buffer("mean_X", torch.zeros(channels))
        self.register_buffer("spread_X", torch.ones(channels))
        # Where the weights are, so that a recording need not fetch them.
        for name, limit_M in (("low_X", MOTION_LOW_M), ("high_X", MOTION_HIGH_M)):
            self.register_buffer(name, torch.from_numpy(limit_M).tile(config.frames_per_latent), persistent=False)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.mean_X.device

    def own_parts(self) -> Encoders:
        """Its encoders."""
        return Encoders(speak=self.speak, listen=self.listen, text=self.text)

    def to_latents(self, motion_BTX: Float[Tensor, "B T X"]) -> Float[Tensor, "B X T 1 1"]:
        """The motion of latent frames, pixel frame after pixel frame, as the transformer's latents."""
        return ((motion_BTX - self.mean_X) / self.spread_X).transpose(1, 2)[..., None, None]

    def to_motion(self, latents_BXT11: Float[Tensor, "B X T 1 1"]) -> Float[Tensor, "B T X"]:
        """Back, within the ranges of the channels."""
        motion_BTX = latents_BXT11[..., 0, 0].transpose(1, 2) * self.spread_X + self.mean_X
        return motion_BTX.clamp(self.low_X, self.high_X)


def clock(age_BT: Float[Tensor, "B T"]) -> Float[Tensor, "B T clock"]:
    """How long words have held, seconds, as numbers that tell tenths of one apart."""
    age_BT = age_BT.clamp(0, LONGEST_S)
    turns = [2 * math.pi / period_s * age_BT for period_s in _PERIODS_S]
    waves = [wave for turn in turns for wave in (turn.cos(), turn.sin())]
    return torch.stack([age_BT / LONGEST_S, (-age_BT).exp(), *waves], dim=-1)


def ages_of(prompt_starts: Sequence[int | None], first_frames: Sequence[int], num_frames: int, group: int) -> Tensor:
    """Ages (B, T), seconds, of the words of rows in ``num_frames`` latent frames from each row's first one on.

    ``prompt_starts`` are the latent frames with which their words came; None: there are none.
    """
    steps_T = torch.arange(num_frames)
    rows = [
        torch.full((num_frames,), LONGEST_S) if start is None else (first + steps_T - start) * group / FRAME_RATE_HZ
        for start, first in zip(prompt_starts, first_frames, strict=True)
    ]
    return torch.stack(rows)


def untold(condition: Condition) -> Condition:
    """The same for somebody who is told nothing, for guidance."""
    text_BLD = condition.text_BLD
    assert condition.motion_BTM is not None
    age_BT = torch.full(condition.motion_BTM.shape[:2], LONGEST_S, device=text_BLD.device)
    return replace(
        condition, text_BLD=torch.zeros_like(text_BLD), motion_BTM=clock(age_BT).to(condition.motion_BTM.dtype)
    )
