"""Drawn characters for the development server: portraits and a mouth that opens."""

import io
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from openlpm.core.rig import NUM_RIG, Rig
from openlpm.synth.look.identity import Identity, describe
from openlpm.synth.look.render import Cast

NAMES = (
    "Leo Bruno Aldo Yuki Otis Milo Walter Kai Rowan Hana Theo Pia Mara Edith Jonas Unit-9 Nell Remy Bolt Finn "
    "Ines Kobi Sven Ruby Wren Zane Tilly Scout Lupo Juno Greta Mei Toby Foxglove Emil Clover Vega Ren Kiki Coral"
).split()
FIRST_SEED = 900_000
LEVELS = 6
_SWAY = 8


def character(seed: int) -> dict[str, str]:
    """A cast member as the list of characters says it."""
    identity = Identity.from_seed(seed)
    name = NAMES[(seed - FIRST_SEED) % len(NAMES)]
    text = describe(identity)
    about = text[0].upper() + text[1:] + "."
    key = f"seed:{seed}"
    return {"id": key, "name": name, "style": identity.style, "about": about, "picture": f"/api/characters/{key}.webp"}


def _render(seed: int, rig_FR: NDArray[np.float32]) -> NDArray[np.uint8]:
    with torch.inference_mode():
        cast = Cast([Identity.from_seed(seed)], device="cpu")
        frames_FCHW = cast.render(torch.from_numpy(rig_FR)[None])[0]
        return (frames_FCHW * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


@cache
def portrait(seed: int) -> bytes:
    """Its portrait as WebP."""
    rig_FR = np.zeros((1, NUM_RIG), dtype=np.float32)
    rig_FR[0, Rig.SMILE] = 0.25
    return encode(_render(seed, rig_FR)[0], "WEBP", 90)


@cache
def poses(seed: int) -> NDArray[np.uint8]:
    """Pictures ``(sway, level, H, W, C)``; the last sway is a blink."""
    rig_SLR = np.zeros((_SWAY + 1, LEVELS, NUM_RIG), dtype=np.float32)
    for sway in range(_SWAY):
        angle = 2 * np.pi * sway / _SWAY
        rig_SLR[sway, :, Rig.YAW] = 0.10 * np.sin(angle)
        rig_SLR[sway, :, Rig.PITCH] = 0.05 * np.cos(angle)
        rig_SLR[sway, :, Rig.BREATH] = 0.5 + 0.5 * np.sin(angle)
    rig_SLR[_SWAY, :, Rig.BLINK_LEFT] = rig_SLR[_SWAY, :, Rig.BLINK_RIGHT] = 1.0
    rig_SLR[..., Rig.SMILE] = 0.2
    rig_SLR[..., Rig.JAW] = np.linspace(0.0, 0.7, LEVELS)
    rig_SLR[..., Rig.TEETH] = np.linspace(0.0, 0.6, LEVELS)
    frames = _render(seed, rig_SLR.reshape(-1, NUM_RIG))
    return frames.reshape(_SWAY + 1, LEVELS, *frames.shape[1:])


def pose(seed: int, number: int, loudness: float) -> NDArray[np.uint8]:
    """The picture of frame ``number`` for a voice as loud as this, 0 to 1."""
    level = min(LEVELS - 1, int(loudness * LEVELS))
    blink = number % 84 in (0, 1, 2)
    return poses(seed)[_SWAY if blink else (number // 10) % _SWAY, level]


def encode(picture_HWC: NDArray[np.uint8], form: str, quality: int) -> bytes:
    """A picture as JPEG or WebP."""
    written = io.BytesIO()
    options: dict[str, Any] = {"quality": quality}
    Image.fromarray(picture_HWC).save(written, form, **options)
    return written.getvalue()
