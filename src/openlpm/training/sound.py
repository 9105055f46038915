"""Disturbing a voice without moving it in time: rooms, bands, noise, gain, coding, and other vocal tracts.

A model that learnt from synthetic voices alone must also follow human ones; every disturbance is drawn afresh for every
row and step, on the device, and leaves the ground truth as it is.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from openlpm.core.units import AUDIO_RATE_HZ

_MU = 255.0


def disturb(audio_BA: Float[Tensor, "B A"]) -> Float[Tensor, "B A"]:
    """Each row through its own random microphone, room, channel and noise; timing is exact."""
    batch, num_samples = audio_BA.shape
    device = audio_BA.device
    size = 1 << (num_samples + AUDIO_RATE_HZ // 2 - 1).bit_length()
    spectrum = torch.fft.rfft(audio_BA.float(), n=size)
    hz = torch.linspace(0, AUDIO_RATE_HZ / 2, spectrum.shape[1], device=device)
    spectrum = spectrum * _equaliser(batch, hz) * _room(batch, size, device)
    heard_BA = torch.fft.irfft(spectrum, n=size)[:, :num_samples]
    heard_BA = heard_BA * torch.exp(_uniform(batch, math.log(0.25), math.log(2.0), device))
    heard_BA = heard_BA + _noise(batch, num_samples, hz, size, device)
    return _coding(heard_BA.clamp(-1, 1))


def warp_bands(mel_BML: Float[Tensor, "B M L"], extent: float = 0.12) -> Float[Tensor, "B M L"]:
    """Stretch the mel axis by up to ``extent``: other vocal tract lengths (VTLP, Jaitly and Hinton 2013)."""
    batch, bands, _ = mel_BML.shape
    factor_B1 = 1 + _uniform(batch, -extent, extent, mel_BML.device)
    source_BM = (torch.arange(bands, device=mel_BML.device) * factor_B1).clamp(0, bands - 1)
    low_BM = source_BM.floor().long()
    high_BM = (low_BM + 1).clamp_max(bands - 1)
    share_BM1 = (source_BM - low_BM)[..., None]
    rows = torch.arange(batch, device=mel_BML.device)[:, None]
    return torch.lerp(mel_BML[rows, low_BM], mel_BML[rows, high_BM], share_BM1.to(mel_BML.dtype))


def _uniform(batch: int, low: float, high: float, device: torch.device) -> Tensor:
    return low + (high - low) * torch.rand(batch, 1, device=device)


def _sometimes(batch: int, probability: float, device: torch.device) -> Tensor:
    return torch.rand(batch, 1, device=device) < probability


def _equaliser(batch: int, hz_Q: Tensor) -> Tensor:
    """A smooth random response of a few dB, for some rows cut to the telephone band (300 to 3400 Hz)."""
    octaves_Q = torch.log2(hz_Q.clamp_min(30.0) / 1000.0)
    decibels_BQ = _uniform(batch, -2.5, 2.5, hz_Q.device) * octaves_Q
    for rate in (0.4, 0.9):
        phase_B1 = _uniform(batch, 0, 2 * math.pi, hz_Q.device)
        decibels_BQ = decibels_BQ + _uniform(batch, 0, 4, hz_Q.device) * torch.sin(
            rate * 2 * math.pi * octaves_Q / 2 + phase_B1
        )
    gain_BQ = 10 ** (decibels_BQ.clamp(-24, 12) / 20)
    band_Q = torch.sigmoid((hz_Q - 300) / 30) * torch.sigmoid((3400 - hz_Q) / 100)
    return torch.where(_sometimes(batch, 0.2, hz_Q.device), gain_BQ * band_Q, gain_BQ)


def _room(batch: int, size: int, device: torch.device) -> Tensor:
    """Spectrum of an impulse response: the direct sound at once, then noise that dies away."""
    length = AUDIO_RATE_HZ // 2
    time_s = torch.arange(length, device=device) / AUDIO_RATE_HZ
    reverb_s_B1 = _uniform(batch, 0.08, 0.5, device)
    tail_BA = torch.randn(batch, length, device=device) * 10 ** (-3 * time_s / reverb_s_B1)
    tail_BA = tail_BA / tail_BA.norm(dim=1, keepdim=True)
    level_B1 = _uniform(batch, 0.05, 0.5, device) * _sometimes(batch, 0.5, device)
    response_BA = level_B1 * tail_BA
    response_BA[:, 0] += 1
    return torch.fft.rfft(response_BA, n=size)


def _noise(batch: int, num_samples: int, hz_Q: Tensor, size: int, device: torch.device) -> Tensor:
    """Coloured noise, from white to brown, at -80 to -30 dB of full scale."""
    spectrum = torch.fft.rfft(torch.randn(batch, num_samples, device=device), n=size)
    slope_B1 = _uniform(batch, 0.0, 1.0, device)
    noise_BA = torch.fft.irfft(spectrum * (hz_Q.clamp_min(50.0) / 1000.0) ** -slope_B1, n=size)[:, :num_samples]
    noise_BA = noise_BA / noise_BA.square().mean(dim=1, keepdim=True).sqrt().clamp_min(1e-9)
    return noise_BA * 10 ** (_uniform(batch, -80, -30, device) / 20)


def _coding(audio_BA: Tensor) -> Tensor:
    """Some rows through 8-bit mu-law (ITU-T G.711)."""
    compressed = torch.sign(audio_BA) * torch.log1p(_MU * audio_BA.abs()) / math.log1p(_MU)
    rounded = torch.round(compressed * 127) / 127
    coded = torch.sign(rounded) * torch.expm1(rounded.abs() * math.log1p(_MU)) / _MU
    return torch.where(_sometimes(audio_BA.shape[0], 0.15, audio_BA.device), coded, audio_BA)
