"""The system under test: anything that turns voices and pictures of a character into frames."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, final

import torch
from torch import Tensor

from openlpm.bench.cases import Case
from openlpm.bench.truth import Codec
from openlpm.core.audio import ArraySource, AudioSource
from openlpm.dit.condition import ReferenceKind
from openlpm.flow.guidance import GuidanceScales
from openlpm.rollout.assembly import CharacterModel
from openlpm.rollout.generate import generate
from openlpm.rollout.request import DEFAULT_STEPS, GenerationRequest, Prompt, Reference, usual_guidance
from openlpm.synth.look.references import SUBTYPES, reference_rigs
from openlpm.synth.look.references import ReferenceKind as PoseKind
from openlpm.vae.autoencoder import DecoderState, VideoAutoencoder


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Part:
    """What one character is asked to perform."""

    references_JCHW: Tensor
    """Pictures in the order of ``synth.references.reference_rigs()``, in [0, 1]."""
    speak: AudioSource
    listen: AudioSource
    num_frames: int
    caption: str
    seed: int
    prompts: tuple[Prompt, ...] = ()
    """What is told later in place of ``caption``."""
    kinds: tuple[PoseKind, ...] = tuple(SUBTYPES)
    """Which of the pictures the performer may see."""


def part_of(case: Case, references_JCHW: Tensor, *, seed: int) -> Part:
    """What a performer is told of a case."""
    return Part(
        references_JCHW=references_JCHW,
        speak=ArraySource(case.record.speak_A),
        listen=ArraySource(case.record.listen_A),
        num_frames=case.record.num_frames,
        caption=case.record.caption,
        seed=seed,
    )


class Performer(Protocol):
    """A system that can be measured."""

    @property
    def codec(self) -> Codec | None:
        """Its autoencoder, if it has one; every time another stream."""
        ...

    def joins(self, num_frames: int) -> Sequence[int]:
        """Frames of so long a clip with which it starts anew from what it has drawn; none if it never does."""
        ...

    def perform(self, parts: Sequence[Part]) -> Iterator[Tensor]:
        """Blocks of successive frames of all parts at once, (B, F, 3, 256, 256) in [0, 1]; F may vary.

        Parts of one call are equally long.
        """
        ...


@final
class ModelPerformer:
    """A character model as the product runs it, unless other steps or scales of guidance are to be tried."""

    def __init__(
        self,
        model: CharacterModel,
        *,
        steps: int = DEFAULT_STEPS,
        guidance: GuidanceScales | None = None,
        planned: bool = True,
    ) -> None:
        """``planned``: False leaves a choreographer aside."""
        self._model, self._steps, self._planned = model, steps, planned
        self.guidance = guidance or usual_guidance(planned=planned and model.choreographer is not None)

    @property
    def codec(self) -> Codec:
        """The model's autoencoder, with a stream of its own."""
        return VideoCodec(self._model.own_parts().vae)

    def joins(self, num_frames: int) -> Sequence[int]:
        """Where its windows meet."""
        return self._model.config.joins(num_frames)

    def perform(self, parts: Sequence[Part]) -> Iterator[Tensor]:
        """Generate with the reference pictures, the true caption and the product's own settings."""
        requests = [
            GenerationRequest(
                references=shown_references(part),
                speak=part.speak,
                listen=part.listen,
                num_frames=part.num_frames,
                caption=part.caption,
                prompts=part.prompts,
                seed=part.seed,
                steps=self._steps,
                planned=self._planned,
                guidance=self.guidance,
            )
            for part in parts
        ]
        yield from generate(self._model, requests)


@final
class VideoCodec:
    """A video autoencoder as a ``Codec``: streamed, its decoder's state kept from piece to piece."""

    def __init__(self, vae: VideoAutoencoder) -> None:
        self._vae = vae
        self._state: DecoderState | None = None

    def reset(self) -> None:
        """Forget the clip before."""
        self._state = None

    @torch.inference_mode()
    def __call__(self, frames_FCHW: Tensor) -> Tensor:
        parameter = next(self._vae.parameters())
        video_BCFHW = (frames_FCHW.transpose(0, 1)[None] * 2 - 1).to(parameter)
        decoded_BCFHW, self._state = self._vae.decode(self._vae.encode(video_BCFHW), self._state)
        return ((decoded_BCFHW[0].transpose(0, 1).float() + 1) / 2).clamp(0, 1)


def shown_references(part: Part) -> tuple[Reference, ...]:
    """The pictures of the kinds that the performer may see."""
    return tuple(each for each in references_of(part.references_JCHW) if each.kind in part.kinds)


def references_of(pictures_JCHW: Tensor) -> tuple[Reference, ...]:
    """Drawn pictures, in the order of ``reference_rigs()``, as a request takes them."""
    eight_bit_JHWC = (pictures_JCHW.permute(0, 2, 3, 1) * 255).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
    return tuple(
        Reference(kind=ReferenceKind(key.kind), subtype=key.subtype, picture_HWC=picture_HWC)
        for key, picture_HWC in zip(reference_rigs(), eight_bit_JHWC, strict=True)
    )
