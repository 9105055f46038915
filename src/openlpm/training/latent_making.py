"""Shards to stored latents: every clip is decoded, encoded and told once, before a large model learns from it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openlpm.core.units import samples_at_frame
from openlpm.data.shards.features import as_video
from openlpm.data.shards.told import Telling
from openlpm.dit.condition import ReferenceKind, ReferenceSlot
from openlpm.dit.config import AudioBranch, DiTConfig
from openlpm.encoders.pretrained_speech import PretrainedSpeech
from openlpm.encoders.umt5 import Umt5TextEncoder
from openlpm.training.clip_bank import situations
from openlpm.training.latent_store import ClipTensors, LatentWriter
from openlpm.training.shard_footage import Piece
from openlpm.training.traits import SITUATIONS
from openlpm.vae.wan import FRAMES_PER_LATENT, WanAutoencoder

CAPTION_FRAMES, CAPTION_STRIDE = 24, 12
"""Latent frames that a caption tells of (four seconds), and from one caption to the next."""


class ClipEncoders(Protocol):
    """What a size learns to see, hear and read with."""

    def clip(self, frames_FHWC: NDArray[np.uint8]) -> Tensor:
        """Latents (T, C, H, W), one for each four frames."""
        ...

    def still(self, picture_HWC: NDArray[np.uint8]) -> Tensor:
        """A picture's latent frame (C, H, W)."""
        ...

    def told(self, captions: Sequence[str]) -> Tensor:
        """Tokens (P, L, D)."""
        ...

    def heard(self, samples_A: NDArray[np.float32], num_frames: int, *, own: bool) -> Tensor:
        """Tokens (L, D) of a voice for so many latent frames, margins of its branch included."""
        ...


@final
class WanEncoders:
    """Wan's autoencoder, umT5, and one speech network for each voice.

    Wan's first latent frame is one picture. A clip's first picture is shown twice, and the latent of the first one is
    dropped: each latent frame then stands for its own four frames, as voices are counted.
    """

    def __init__(
        self,
        vae: WanAutoencoder,
        text: Umt5TextEncoder,
        voices: tuple[PretrainedSpeech, PretrainedSpeech],
        config: DiTConfig,
        device: torch.device,
    ) -> None:
        """``voices`` hear the own voice, and the partner's."""
        self._vae, self._text, self._voices = vae, text, voices
        self._branches, self._device = (config.speak, config.listen), device

    @torch.no_grad()
    def clip(self, frames_FHWC: NDArray[np.uint8]) -> Tensor:
        shown_FHWC = np.concatenate([frames_FHWC[:1], frames_FHWC])
        return self._vae.encode(as_video(shown_FHWC).to(self._device))[0, :, 1:].transpose(0, 1)

    @torch.no_grad()
    def still(self, picture_HWC: NDArray[np.uint8]) -> Tensor:
        return self._vae.encode_still(as_video(picture_HWC[None])[:, :, 0].to(self._device))[0]

    @torch.no_grad()
    def told(self, captions: Sequence[str]) -> Tensor:
        return self._text(self._text.prepare(captions).to(self._device))

    @torch.no_grad()
    def heard(self, samples_A: NDArray[np.float32], num_frames: int, *, own: bool) -> Tensor:
        encoder, branch = self._voices[not own], self._branches[not own]
        assert branch is not None
        first, count = -branch.past_frames * branch.tokens_per_frame, branch.num_tokens(num_frames)
        start, length = encoder.samples_for(first, count)
        return encoder(_cut(samples_A, start, length).to(self._device), first, count)[0]


def _cut(samples_A: NDArray[np.float32], start: int, length: int) -> Tensor:
    """A stretch of a track, silent outside it, (1, A)."""
    found_A = np.zeros(length, np.float32)
    inside = slice(max(start, 0), max(min(start + length, len(samples_A)), 0))
    part_A = samples_A[inside]
    found_A[max(-start, 0) : max(-start, 0) + len(part_A)] = part_A
    return torch.from_numpy(found_A)[None]


def write_latents(
    pieces: Sequence[Piece],
    encoders: ClipEncoders,
    writer: LatentWriter,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Store clips in order, and close the store."""
    for done, piece in enumerate(pieces, start=1):
        facts = piece.facts
        slots = [ReferenceSlot(kind=ReferenceKind(each.kind), subtype=each.subtype) for each in facts.references]
        states_F = piece.sample.tracks()["states_F"]
        own_F = states_F[piece.first_frame : piece.first_frame + piece.num_frames]
        writer.add(
            _tensors(piece, encoders, states_F),
            situation=SITUATIONS[int(situations(own_F[None])[0])],
            emotion=facts.emotion,
            energy=float(facts.motion),
            slots=slots,
        )
        on_progress(done, len(pieces))
    writer.close()


def _tensors(piece: Piece, encoders: ClipEncoders, states_F: NDArray[np.int8]) -> ClipTensors:
    first, length = piece.first_frame, piece.num_frames // FRAMES_PER_LATENT * FRAMES_PER_LATENT
    frames = length // FRAMES_PER_LATENT
    heard = slice(samples_at_frame(first), samples_at_frame(first + length))
    own_A, partner_A = (
        voice_A[heard].astype(np.float32) / np.float32(32767) for voice_A in piece.sample.voices(piece.facts.num_frames)
    )
    spans = list(_spans(frames))
    telling = Telling.of(piece.facts, states_F)
    captions = [
        ""
        if telling is None
        else telling.stretch(first + FRAMES_PER_LATENT * start, FRAMES_PER_LATENT * (end - start)).caption
        for start, end in spans
    ]
    pictures = [piece.sample.reference(fact) for fact in piece.facts.references]
    return ClipTensors(
        latents_TCHW=encoders.clip(piece.sample.frames(first, length)),
        text_PLD=encoders.told(captions),
        spans_P2=torch.tensor(spans),
        speak_LD=encoders.heard(own_A, frames, own=True),
        listen_LD=encoders.heard(partner_A, frames, own=False),
        references_JCHW=torch.stack([encoders.still(picture_HWC) for picture_HWC in pictures]),
    )


def _spans(frames: int) -> Iterator[tuple[int, int]]:
    """What captions tell of: first latent frame and end."""
    last = max(0, frames - CAPTION_FRAMES)
    for start in sorted({*range(0, last, CAPTION_STRIDE), last}):
        yield start, min(frames, start + CAPTION_FRAMES)


def speech_rate(branch: AudioBranch, frame_rate_hz: int) -> int:
    """Tokens a second that a branch is fed with."""
    return branch.tokens_per_frame * frame_rate_hz // FRAMES_PER_LATENT
