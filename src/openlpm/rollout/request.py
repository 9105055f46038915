"""What a character is asked to perform."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.audio import SILENCE, AudioSource
from openlpm.core.errors import ConfigError
from openlpm.core.motion import MotionTrack
from openlpm.dit.condition import ReferenceKind, ReferenceSlot
from openlpm.flow.guidance import GuidanceScales

DEFAULT_GUIDANCE = GuidanceScales(motion=1.6)
"""Where a choreographer has decided what is done, what draws leans on that (docs/log.md, 2026-11-30)."""
UNPLANNED_GUIDANCE = GuidanceScales(text=2.5, speak=2.0)
"""Without one, on words and the own voice: chosen by a sweep on validation seeds (the same page)."""


def usual_guidance(*, planned: bool) -> GuidanceScales:
    """The product's scales, with a choreographer and without."""
    return DEFAULT_GUIDANCE if planned else UNPLANNED_GUIDANCE


DEFAULT_STEPS = 4
"""Denoising steps a window; with a plan eight draw no better."""


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Reference:
    """A picture of the character and what it shows."""

    kind: ReferenceKind
    picture_HWC: NDArray[np.uint8]
    """RGB, of the size the model works at."""
    subtype: int = 0

    def __post_init__(self) -> None:
        shape = self.picture_HWC.shape
        if self.picture_HWC.dtype != np.uint8 or len(shape) != 3 or shape[2] != 3:
            raise ConfigError(
                f"picture_HWC is {self.picture_HWC.dtype} {shape}: give an RGB picture of 8 bits (H, W, 3)"
            )

    @property
    def slot(self) -> ReferenceSlot:
        """Kind and subtype, as the transformer knows them."""
        return ReferenceSlot(kind=self.kind, subtype=self.subtype)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt:
    """Words that hold from a moment on, until other words come."""

    at_s: float
    """From the start of the video; it takes effect with the next group of frames that the model makes at once."""
    caption: str

    def __post_init__(self) -> None:
        if not 0 <= self.at_s < math.inf:
            raise ConfigError(f"at_s={self.at_s}: give seconds from the start of the video, 0 or more")


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class GenerationRequest:
    """One performance: who, what they say and hear, and how to make it."""

    references: tuple[Reference, ...]
    """At least one picture; each kind and subtype at most once. A first frame is shown to the first window alone, so
    the others must say who this is."""
    speak: AudioSource = SILENCE
    """The character's own voice."""
    listen: AudioSource = SILENCE
    """The partner's voice; where both are silent the character idles."""
    num_frames: int
    """Length at 24 fps; the voices are silent beyond their ends."""
    motion: MotionTrack | None = None
    """Where head, eyes, mouth, body and arms are to be; frames after its end and channels it leaves out are free."""
    planned: bool = True
    """Whether what is free is decided by the model's choreographer, if it has one, or by what draws."""
    caption: str = ""
    """English words about the performance; empty for none."""
    prompts: tuple[Prompt, ...] = ()
    """What is told later in place of ``caption``, in the order of its times."""
    seed: int = 0
    """Of the noise; the same request gives the same pictures on the same machine."""
    steps: int = DEFAULT_STEPS
    guidance: GuidanceScales = DEFAULT_GUIDANCE

    def __post_init__(self) -> None:
        _check_references(self.references)
        if self.num_frames < 1:
            raise ConfigError(f"num_frames={self.num_frames}: ask for at least one frame")
        _check_prompts(self.prompts)
        if self.steps < 1:
            raise ConfigError(f"steps={self.steps}: denoising takes at least one step")
        _check_seed(self.seed)


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StreamRequest:
    """A performance without a planned end, made chunk by chunk (``rollout.stream``)."""

    references: tuple[Reference, ...]
    """As in ``GenerationRequest``; a first frame is shown to the first chunk alone."""
    speak: AudioSource = SILENCE
    """The character's own voice, read as far as the next chunk needs it and no further."""
    listen: AudioSource = SILENCE
    motion: MotionTrack | None = None
    planned: bool = True
    """As in ``GenerationRequest``."""
    caption: str = ""
    prompts: tuple[Prompt, ...] = ()
    """As in ``GenerationRequest``; ``generate_online`` tells them, with the first chunk that begins no earlier."""
    seed: int = 0

    def __post_init__(self) -> None:
        _check_references(self.references)
        _check_prompts(self.prompts)
        _check_seed(self.seed)


def _check_prompts(prompts: tuple[Prompt, ...]) -> None:
    times = [prompt.at_s for prompt in prompts]
    if any(after <= before for before, after in pairwise(times)):
        raise ConfigError(f"prompts at {times} s: give them in order, each at a time of its own")


def _check_references(references: tuple[Reference, ...]) -> None:
    if all(reference.kind is ReferenceKind.FIRST for reference in references):
        raise ConfigError(
            "references: a performance needs at least one picture of the character besides its first frame, "
            "for instance of ReferenceKind.GLOBAL"
        )
    slots = [reference.slot for reference in references]
    if len(set(slots)) != len(slots):
        raise ConfigError("references: two pictures have the same kind and subtype; keep one of them")
    sizes = {reference.picture_HWC.shape[:2] for reference in references}
    if len(sizes) != 1:
        raise ConfigError(f"references are of the sizes {sorted(sizes)} (rows, columns): resize them to one")


def _check_seed(seed: int) -> None:
    if not 0 <= seed < 2**63:
        raise ConfigError(f"seed={seed}: give a whole number from 0 to 2**63 - 1")
