"""Sound and pictures to tokens, the same for training and for serving: what was trained is what is served."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

from openlpm.core.audio import AudioSource
from openlpm.core.motion import NUM_MOTION, MotionTrack
from openlpm.dit.condition import Condition
from openlpm.dit.config import AudioBranch
from openlpm.encoders.mel import PERIOD_COLUMNS, log_mel
from openlpm.encoders.pretrained_speech import PretrainedSpeech
from openlpm.encoders.speech import SpeechEncoder
from openlpm.flow.guidance import GuidancePass


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class AudioSpan:
    """The sound that a window of latent frames is conditioned on, in absolute positions of a 16 kHz track."""

    first_token: int
    num_tokens: int
    start_sample: int
    num_samples: int


Speech = SpeechEncoder | PretrainedSpeech


def audio_span(encoder: Speech, branch: AudioBranch, first_frame: int, num_frames: int) -> AudioSpan:
    """What latent frames ``first_frame ... first_frame + num_frames - 1`` hear, margins of the window included."""
    first_token = (first_frame - branch.past_frames) * branch.tokens_per_frame
    num_tokens = branch.num_tokens(num_frames)
    start, count = encoder.samples_for(first_token, num_tokens)
    return AudioSpan(
        first_token=first_token,
        num_tokens=num_tokens,
        start_sample=start,
        num_samples=count,
    )


def speech_tokens(encoder: Speech, span: AudioSpan, audio_BA: Float[Tensor, "B A"]) -> Float[Tensor, "B T D"]:
    """Tokens of a span; ``audio_BA`` holds the span's samples."""
    if isinstance(encoder, PretrainedSpeech):
        return encoder(audio_BA, span.first_token, span.num_tokens)
    return encoder(log_mel(audio_BA, *encoder.columns_for(span.first_token, span.num_tokens)))


def read_span(sources: Sequence[AudioSource], span: AudioSpan, device: torch.device) -> Float[Tensor, "B A"]:
    """The span's samples of every source, silent outside the tracks."""
    samples_BA = np.stack([source.read(span.start_sample, span.num_samples) for source in sources])
    return sent(torch.from_numpy(samples_BA), device)


def sent(value: Tensor, device: torch.device) -> Tensor:
    """A tensor of the host on its way to ``device``, for which nobody waits."""
    return value.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else value.to(device)


def speech_of_rows(
    encoder: Speech,
    branch: AudioBranch,
    sources: Sequence[AudioSource],
    first_frames: Sequence[int],
    num_frames: int,
) -> Float[Tensor, "B T D"]:
    """What ``num_frames`` latent frames hear in rows that are each at a place of their own.

    Rows where the mel grid falls alike on samples are computed together.
    """
    spans = [audio_span(encoder, branch, first, num_frames) for first in first_frames]
    if isinstance(encoder, PretrainedSpeech):  # whose windows are of any phase
        pairs = zip(sources, spans, strict=True)
        return torch.cat([speech_tokens(encoder, span, read_span([one], span, encoder.device)) for one, span in pairs])
    return encoder(_mel_of_rows(encoder, sources, spans))


def _mel_of_rows(encoder: SpeechEncoder, sources: Sequence[AudioSource], spans: Sequence[AudioSpan]) -> Tensor:
    """Mel columns of spans that are each at a place of their own."""
    weight_D = encoder.norm_out.weight
    columns = [encoder.columns_for(span.first_token, span.num_tokens) for span in spans]
    mel_BML = weight_D.new_empty(0)
    for phase in {first % PERIOD_COLUMNS for first, _ in columns}:
        rows = [row for row, (first, _) in enumerate(columns) if first % PERIOD_COLUMNS == phase]
        samples_RA = np.stack([sources[row].read(spans[row].start_sample, spans[row].num_samples) for row in rows])
        audio_RA = sent(torch.from_numpy(samples_RA), weight_D.device)
        mel_RML = log_mel(audio_RA, phase, columns[rows[0]][1]).to(weight_D.dtype)
        if not len(mel_BML):
            mel_BML = mel_RML.new_empty(len(spans), *mel_RML.shape[1:])
        mel_BML[sent(torch.tensor(rows), weight_D.device)] = mel_RML
    return mel_BML


@final
@dataclass(frozen=True, slots=True)
class MotionWindow:
    """The motion tracks of B performances in a window of T latent frames."""

    values_BTM: Float[Tensor, "B T M"]
    """For a latent frame its pixel frames one after another."""
    given_BTM: Bool[Tensor, "B T M"]


def motion_window(
    tracks: Sequence[MotionTrack | None],
    first_frame: int,
    num_frames: int,
    frames_per_latent: int,
    device: torch.device,
    *,
    num_channels: int = NUM_MOTION,
) -> MotionWindow | None:
    """What the tracks say about ``num_frames`` latent frames from ``first_frame`` on; None if all are None.

    ``num_channels``: how many of a track's channels are told.
    """
    if all(track is None for track in tracks):
        return None
    first, count = first_frame * frames_per_latent, num_frames * frames_per_latent
    values_BFM = np.zeros((len(tracks), count, NUM_MOTION), np.float32)
    given_BFM = np.zeros((len(tracks), count, NUM_MOTION), np.bool_)
    for row, track in enumerate(tracks):
        if track is not None:
            start = max(first - track.first_frame, 0)
            place = max(track.first_frame - first, 0)
            inside = track.track_FM[start : max(first - track.first_frame + count, 0)]
            values_BFM[row, place : place + len(inside)] = inside
            given_BFM[row, place : place + len(inside)] = track.given_M
    shape = (len(tracks), num_frames, frames_per_latent * num_channels)
    values_BTM, given_BTM = (each[:, :, :num_channels].reshape(shape) for each in (values_BFM, given_BFM))
    return MotionWindow(torch.from_numpy(values_BTM).to(device), torch.from_numpy(given_BTM).to(device))


BOUND_FRAMES = 4
"""Latent frames behind a given first frame for which no plan is told: it knows nothing of the pose in the picture."""


def led(planned_BTM: Float[Tensor, "B T M"], given: MotionWindow | None, *, bound: int = 0) -> MotionWindow:
    """Motion that was planned, but where a track was given, which leads; the first ``bound`` frames have no plan."""
    everywhere_BTM = torch.ones_like(planned_BTM, dtype=torch.bool)
    everywhere_BTM[:, :bound] = False
    if given is None:
        return MotionWindow(planned_BTM, everywhere_BTM)
    everywhere_BTM |= given.given_BTM
    return MotionWindow(torch.where(given.given_BTM, given.values_BTM.to(planned_BTM), planned_BTM), everywhere_BTM)


def pictures_to_tensor(pictures: Sequence[NDArray[np.uint8]], device: torch.device) -> Float[Tensor, "B 3 H W"]:
    """8-bit pictures (H, W, 3) as [-1, 1]."""
    stacked_BHWC = torch.from_numpy(np.stack(pictures)).to(device)
    return stacked_BHWC.permute(0, 3, 1, 2).float() / 127.5 - 1.0


def kept_by(condition: Condition, each: GuidancePass) -> Condition:
    """The condition of one pass of guidance."""
    kept = each.kept
    return replace(
        condition,
        text_BLD=condition.text_BLD if kept.text else torch.zeros_like(condition.text_BLD),
        speak_BLD=condition.speak_BLD if kept.speak else None,
        listen_BLD=condition.listen_BLD if kept.listen else None,
        motion_BTM=condition.motion_BTM if kept.motion else None,
        motion_given_BTM=condition.motion_given_BTM if kept.motion else None,
    )
