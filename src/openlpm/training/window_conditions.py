"""What a window of a banked clip shows and hears: its latents, and its conditions as a performance would get them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import final

import torch
from torch import Tensor, nn

from openlpm.core.motion import NUM_MOTION
from openlpm.core.units import samples_at_frame
from openlpm.dit.condition import Condition, ReferenceKind, ReferenceSlot
from openlpm.dit.config import AudioBranch
from openlpm.encoders.mel import log_mel
from openlpm.encoders.speech import SpeechEncoder
from openlpm.rollout.assembly import CharacterModel
from openlpm.rollout.choreographer import Choreographer
from openlpm.rollout.conditioning import audio_span
from openlpm.training.clip_bank import STRIDE, ClipBank
from openlpm.training.focus import Focus
from openlpm.training.sound import disturb, warp_bands
from openlpm.training.windows import WindowBatch, prompt_starts


def latents_of(bank: ClipBank, batch: WindowBatch) -> Tensor:
    """The clean latents of the windows, (B, C, T, H, W) in float32."""
    return bank.latents_NTCHW[_picked(bank, batch)].transpose(1, 2).float()


def performance_of(bank: ClipBank, batch: WindowBatch) -> Tensor:
    """What the performers do in the windows, (B, T, X)."""
    return bank.performance_NTX[_picked(bank, batch)]


def motion_in(bank: ClipBank, batch: WindowBatch) -> Tensor:
    """The motion tracks of the windows, (B, T, M)."""
    return bank.motion_NTM[_picked(bank, batch)]


def weights_of(bank: ClipBank, batch: WindowBatch, focus: Focus) -> Tensor:
    """Weight of every latent cell of the windows, (B, T, H, W)."""
    focus_BTHW = bank.focus_NTHW[_picked(bank, batch)]
    return focus.weights(focus_BTHW == 2, focus_BTHW == 1)


def _picked(bank: ClipBank, batch: WindowBatch) -> tuple[Tensor, Tensor]:
    steps_T = torch.arange(batch.layout.frames, device=bank.latents_NTCHW.device)
    return batch.clips_B[:, None], batch.starts_B[:, None] + steps_T


@final
@dataclass(frozen=True, slots=True)
class Words:
    """What windows are told."""

    text_BLD: Tensor
    """Tokens of P prompts one after another."""
    prompt_BT: Tensor | None
    """Which of them each latent frame is told; None: there is one."""


@final
class WindowConditions(nn.Module):
    """The encoders of a model, or of its choreographer, reading the conditions of windows from a bank."""

    def __init__(self, model: CharacterModel | Choreographer, bank: ClipBank) -> None:
        super().__init__()
        own = model.own_parts()
        self.speak, self.listen, self.text = own.speak, own.listen, own.text
        self._bank, self._branches = bank, model.config.dit

    def forward(self, batch: WindowBatch) -> Condition:
        """The conditions of a batch, with what it drops left out; voices are disturbed by the global generator."""
        bank = self._bank
        pictures = [bank.references_NJCHW[batch.clips_B, j][:, None] for j in batch.references]
        slots = [bank.slots[j] for j in batch.references]
        if batch.layout.first:
            pictures.append(bank.firsts_NKCHW[batch.clips_B, batch.starts_B // STRIDE][:, None])
            slots.append(ReferenceSlot(kind=ReferenceKind.FIRST))
        motion_BTM, given_BTM = self._motion(batch)
        return replace(
            self.heard_and_told(batch),
            references_BJCHW=torch.cat(pictures, dim=1).float(),
            slots=tuple(slots),
            motion_BTM=motion_BTM,
            motion_given_BTM=given_BTM,
        )

    def heard_and_told(self, batch: WindowBatch) -> Condition:
        """Voices and words alone."""
        bank, branches = self._bank, self._branches
        told = self.told(batch, 0, batch.layout.frames)
        assert branches.speak is not None
        assert branches.listen is not None
        return Condition(
            text_BLD=told.text_BLD,
            prompt_BT=told.prompt_BT,
            speak_BLD=_heard(self.speak, branches.speak, bank.speak_NA, batch),
            listen_BLD=_heard(self.listen, branches.listen, bank.listen_NA, batch),
            speak_on_B=batch.keep_B3[:, 1],
            listen_on_B=batch.keep_B3[:, 2],
        )

    def _motion(self, batch: WindowBatch) -> tuple[Tensor, Tensor]:
        """The motion track as far as the model knows its channels, and what of it is given."""
        motion_BTGM = motion_in(self._bank, batch).unflatten(2, (-1, NUM_MOTION))
        group = motion_BTGM.shape[2]
        known = self._branches.motion // group
        steps_T = torch.arange(batch.layout.frames, device=batch.clips_B.device)
        inside_BT = (steps_T >= batch.motion_span_B2[:, :1]) & (steps_T < batch.motion_span_B2[:, 1:])
        given_BTM = batch.motion_BM[:, :known].tile(1, group)[:, None] & inside_BT[..., None]
        return motion_BTGM[..., :known].flatten(2), given_BTM

    def told(self, batch: WindowBatch, first_frame: int, num_frames: int) -> Words:
        """What happens in a stretch of the windows, in one prompt or prompt after prompt, as the batch says.

        Zeros where the batch drops text. One prompt is followed by empty ones.
        """
        starts = prompt_starts(num_frames, batch.prompt_frames)
        keep_B11, at_once_B = batch.keep_B3[:, 0, None, None], batch.told_at_once_B
        whole_BLD = self._words(batch, first_frame, (0,), num_frames)
        if len(starts) == 1:
            return Words(whole_BLD * keep_B11, None)
        missing = (len(starts) - 1) * whole_BLD.shape[1]
        whole_BLD = torch.nn.functional.pad(whole_BLD, (0, 0, 0, missing))
        text_BLD = torch.where(at_once_B[:, None, None], whole_BLD, self._words(batch, first_frame, starts, num_frames))
        number_T = torch.arange(num_frames, device=text_BLD.device) // batch.prompt_frames
        return Words(text_BLD * keep_B11, number_T * ~at_once_B[:, None])

    def _words(self, batch: WindowBatch, first_frame: int, starts: Sequence[int], num_frames: int) -> Tensor:
        """Tokens (B, P L, D) of prompts that begin at so many frames of a stretch and last until the next."""
        ids = [
            self._bank.text.ids(batch.clips_B, batch.starts_B + first_frame + start, end - start)
            for start, end in pairwise((*starts, num_frames))
        ]
        words_PBLD = self.text(torch.cat(ids)).unflatten(0, (len(starts), -1))
        return words_PBLD.transpose(0, 1).flatten(1, 2)


def _heard(encoder: SpeechEncoder, branch: AudioBranch, tracks_NA: Tensor, batch: WindowBatch) -> Tensor:
    """Tokens of a disturbed voice; what lies before the clip or after it is silence."""
    span = audio_span(encoder, branch, 0, batch.layout.frames)
    starts_B = span.start_sample + batch.starts_B // STRIDE * samples_at_frame(STRIDE * 4)
    index_BA = starts_B[:, None] + torch.arange(span.num_samples, device=tracks_NA.device)
    inside_BA = (index_BA >= 0) & (index_BA < tracks_NA.shape[1])
    samples_BA = tracks_NA[batch.clips_B[:, None], index_BA.clamp(0, tracks_NA.shape[1] - 1)] * inside_BA / 32767.0
    with torch.autocast(tracks_NA.device.type, enabled=False):
        mel_BML = log_mel(disturb(samples_BA.float()), *encoder.columns_for(span.first_token, span.num_tokens))
    return encoder(warp_bands(mel_BML))
