"""Sizes of a character transformer. All geometry of latents, tokens and windows lives here."""

from dataclasses import dataclass, field
from typing import final

from openlpm.core.errors import ConfigError
from openlpm.dit.condition import ReferenceKind, ReferenceSlot
from openlpm.flow.path import Prediction
from openlpm.nn.attention import NormScope


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class AudioBranch:
    """How one voice reaches the picture: latent frame t hears the tokens of frames t - past to t + future."""

    width: int
    """Width of the encoder's tokens."""
    tokens_per_frame: int
    """Tokens a latent frame."""
    past_frames: int
    future_frames: int
    added: bool = False
    """Whether the tokens of a latent frame's own time are also added to its video tokens, as a motion track is: at the
    beginning of the flow a picture is noise, and attention has to ask for sound with queries of noise. Our choice; one
    training of nano with it showed no gain (docs/log.md, 2026-11-30), so no size has it by default."""

    def __post_init__(self) -> None:
        for name in ("width", "tokens_per_frame"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}={getattr(self, name)}: an audio branch needs at least 1")
        for name in ("past_frames", "future_frames"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name}={getattr(self, name)}: a window cannot be negative; use 0")

    @property
    def window_tokens(self) -> int:
        """Tokens that one latent frame hears."""
        return (self.past_frames + 1 + self.future_frames) * self.tokens_per_frame

    def own(self, num_frames: int) -> slice:
        """Those of its tokens that stand for the frames themselves, without margins."""
        start = self.past_frames * self.tokens_per_frame
        return slice(start, start + num_frames * self.tokens_per_frame)

    def num_tokens(self, num_frames: int) -> int:
        """Tokens that ``num_frames`` latent frames need, margins on both sides included."""
        return (self.past_frames + num_frames + self.future_frames) * self.tokens_per_frame


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceOffsets:
    """Where references stand on the time axis of the positions: before the video, every kind in its own stretch.

    A reference of kind k and subtype s stands at ``offset(k) + s``; the subtype ends where the next kind begins.
    LPM 1.0 prints no values: these are ours.
    """

    first: int = -1
    global_: int = -4
    view: int = -12
    expression: int = -28

    def __post_init__(self) -> None:
        if not self.expression < self.view < self.global_ < self.first < 0:
            raise ConfigError(f"{self}: offsets must satisfy expression < view < global_ < first < 0")

    def position(self, slot: ReferenceSlot) -> int:
        """Position in time of a reference.

        Raises:
            ConfigError: the subtype does not fit into the stretch of its kind.
        """
        start, end = {
            ReferenceKind.FIRST: (self.first, 0),
            ReferenceKind.GLOBAL: (self.global_, self.first),
            ReferenceKind.VIEW: (self.view, self.global_),
            ReferenceKind.EXPRESSION: (self.expression, self.view),
        }[slot.kind]
        if start + slot.subtype >= end:
            raise ConfigError(f"subtype={slot.subtype}: {slot.kind} references have subtypes 0 to {end - start - 1}")
        return start + slot.subtype


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class DiTConfig:
    """Sizes and choices of a ``CharacterTransformer``."""

    latent_channels: int
    width: int
    num_layers: int
    num_heads: int
    ffn_width: int
    text_width: int
    """Width of the text encoder's tokens."""
    text_tokens: int
    """Text is padded with zero tokens to this length."""
    patch: tuple[int, int, int] = (1, 2, 2)
    """Latent frames, rows and columns that make a token."""
    freq_width: int = 256
    """Width of the sinusoid of the flow's time."""
    eps: float = 1e-6
    qk_norm: NormScope = NormScope.WIDTH
    cross_norm: bool = True
    """Whether a learned layer norm stands before the cross-attentions (Wan's ``norm3``)."""
    prediction: Prediction = Prediction.VELOCITY
    unit_power: bool = True
    """Whether latents are of unit power at every cell, as our own autoencoder makes them: finished ones are then
    brought back to it. Wan's are not."""
    speak: AudioBranch | None = None
    """Heard by even blocks."""
    listen: AudioBranch | None = None
    """Heard by odd blocks."""
    motion: int = 0
    """Numbers a latent frame of the motion track (channels times pixel frames); 0 leaves the track out."""
    reference_offsets: ReferenceOffsets = field(default_factory=ReferenceOffsets)

    def __post_init__(self) -> None:
        if self.width % self.num_heads:
            raise ConfigError(f"num_heads={self.num_heads}: must divide width={self.width}")
        if self.head_width % 2 or self.head_width < 6:
            raise ConfigError(
                f"width={self.width}: a head of {self.head_width} cannot be rotated; use an even 6 or more"
            )
        if self.patch[0] != 1:
            raise ConfigError(
                f"patch={self.patch}: every latent frame has its own time and sound; use (1, rows, columns)"
            )
        if self.freq_width % 2:
            raise ConfigError(f"freq_width={self.freq_width}: cosines and sines come in pairs; use an even number")
        if self.motion < 0:
            raise ConfigError(f"motion={self.motion}: give the numbers of a latent frame, or 0 for no motion track")
        if self.num_layers < 1 or self.text_tokens < 1:
            raise ConfigError(f"num_layers={self.num_layers}, text_tokens={self.text_tokens}: both must be 1 or more")

    @property
    def head_width(self) -> int:
        """Channels of an attention head."""
        return self.width // self.num_heads

    @property
    def patch_channels(self) -> int:
        """Latent values that make a token."""
        return self.latent_channels * self.patch[0] * self.patch[1] * self.patch[2]

    def tokens_per_frame(self, latent_rows: int, latent_columns: int) -> int:
        """Tokens of one latent frame, or of one reference."""
        return (latent_rows // self.patch[1]) * (latent_columns // self.patch[2])

    def audio_of(self, layer: int) -> AudioBranch | None:
        """The voice that block ``layer`` hears: speak in even blocks, listen in odd ones (LPM 1.0, section 2)."""
        return self.speak if layer % 2 == 0 else self.listen
