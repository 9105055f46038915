"""What a performance is conditioned on."""

from dataclasses import dataclass
from enum import StrEnum
from typing import final

from jaxtyping import Bool, Float, Int
from torch import Tensor

from openlpm.core.errors import ConfigError


class ReferenceKind(StrEnum):
    """What a reference picture shows."""

    FIRST = "first"
    """The first frame of the clip, exactly as it shall be."""
    GLOBAL = "global"
    """The character as a whole, from another moment."""
    VIEW = "view"
    """The character from one side; the subtype says which."""
    EXPRESSION = "expression"
    """One expression; the subtype says which."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceSlot:
    """Which reference a picture is."""

    kind: ReferenceKind
    subtype: int = 0

    def __post_init__(self) -> None:
        if self.subtype < 0:
            raise ConfigError(f"subtype={self.subtype}: count subtypes from 0")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """Conditions of B clips of T latent frames. Leaving a voice or the references out costs no computation."""

    text_BLD: Float[Tensor, "B text text_width"]
    """Text tokens; all zeros is no text. Of several prompts: ``DiTConfig.text_tokens`` of each, one after another."""
    prompt_BT: Int[Tensor, "B T"] | None = None
    """Which prompt, counted from 0, each latent frame is told; None: all see all of the text. References are told what
    the first frame is told."""
    speak_BLD: Float[Tensor, "B speak speak_width"] | None = None
    """Tokens of the character's own voice, ``AudioBranch.num_tokens(T)`` of them: the margins of the window are
    part of it, so a clip and a stream are fed alike. None switches the branch off."""
    listen_BLD: Float[Tensor, "B listen listen_width"] | None = None
    """Tokens of the partner's voice, in the same way."""
    references_BJCHW: Float[Tensor, "B J C H W"] | None = None
    """Latents of reference pictures, each as large as a latent frame."""
    slots: tuple[ReferenceSlot, ...] = ()
    """What the J references are."""
    speak_on_B: Bool[Tensor, " B"] | None = None
    """Rows that hear their own voice (None: all); the others are exactly as with ``speak_BLD=None``."""
    listen_on_B: Bool[Tensor, " B"] | None = None
    """Rows that hear the partner (None: all)."""
    motion_BTM: Float[Tensor, "B T motion"] | None = None
    """The motion track, for a latent frame all its pixel frames one after another. None leaves motion free."""
    motion_given_BTM: Bool[Tensor, "B T motion"] | None = None
    """Which numbers of the track are meant (None: all); the others are free and their values do not matter."""

    def __post_init__(self) -> None:
        num_references = 0 if self.references_BJCHW is None else self.references_BJCHW.shape[1]
        if num_references != len(self.slots):
            raise ConfigError(f"slots={len(self.slots)}: {num_references} references need as many slots")
        if self.motion_BTM is None and self.motion_given_BTM is not None:
            raise ConfigError("motion_given_BTM was given without motion_BTM: give both, or neither")
