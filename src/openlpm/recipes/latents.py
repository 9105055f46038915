"""``openlpm train latents``: what a large size learns from, made of shards with the encoders that it was born with."""

from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch

from openlpm.core.units import FRAME_RATE_HZ
from openlpm.dit.config import AudioBranch
from openlpm.encoders.pretrained_speech import PretrainedSpeech, PretrainedSpeechConfig, SpeechKind, load_speech
from openlpm.encoders.umt5 import load_umt5
from openlpm.recipes.running import Report
from openlpm.recipes.wide import size_named
from openlpm.training.latent_making import WanEncoders, speech_rate, write_latents
from openlpm.training.latent_store import LatentWriter
from openlpm.training.shard_footage import ShardFootageConfig, pieces_of
from openlpm.vae.wan import load_wan_autoencoder

_LONGEST, _SHORTEST = 240, 72
"""Frames of a clip: ten seconds, and three."""
_SAID_EVERY = 100


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class LatentRequest:
    """What is to be encoded, with what."""

    recipe: str
    shards: Path
    wan: Path
    """A release of Wan2.1: its autoencoder, umT5 and tokenizer."""
    speech: Path
    """A folder of Whisper, which hears both voices."""
    out: Path


def make_latents(request: LatentRequest, device: torch.device, report: Report) -> int:
    """Encode all clips; returns how many there are."""
    config = size_named(request.recipe)
    footage = ShardFootageConfig(folder=request.shards, num_clips=1 << 40)
    pieces, left_out = pieces_of(footage, num_frames=_LONGEST, shortest=_SHORTEST, rank=0)
    for why, count in sorted(left_out.items()):
        report.say(f"{count} samples are left out: {why}")
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    text = load_umt5(request.wan, num_tokens=config.text_tokens, dtype=dtype).to(device)
    voices = (_voice(request.speech, config.speak, dtype, device), _voice(request.speech, config.listen, dtype, device))
    encoders = WanEncoders(load_wan_autoencoder(request.wan).to(device), text, voices, config, device)

    def tell(done: int, total: int) -> None:
        if done % _SAID_EVERY == 0 or done == total:
            report.say(f"latents {done}/{total}")

    write_latents(pieces, encoders, LatentWriter(request.out), tell)
    return len(pieces)


def _voice(folder: Path, branch: AudioBranch | None, dtype: torch.dtype, device: torch.device) -> PretrainedSpeech:
    assert branch is not None
    rate = PretrainedSpeechConfig(tokens_per_second=speech_rate(branch, FRAME_RATE_HZ))
    return load_speech(folder, SpeechKind.WHISPER, rate, dtype=dtype).to(device)
