"""Small videos for tests, written by PyAV: honest ones and hostile ones."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray


def scene(number: int, moment: float, size: tuple[int, int] = (96, 128)) -> NDArray[np.uint8]:
    """A coloured pattern with something that moves; another for every number."""
    rows_HW, columns_HW = np.mgrid[0 : size[0], 0 : size[1]]
    rng = np.random.default_rng(number)
    wave, tint = rng.uniform(4, 14, 2), rng.uniform(60, 200, 3)
    picture_HWC = tint + 40 * np.sin(rows_HW / wave[0])[..., None] + 40 * np.cos(columns_HW / wave[1])[..., None]
    x = int((0.5 + 0.4 * np.sin(2.0 * moment + number)) * (size[1] - 24))
    picture_HWC[size[0] // 3 : size[0] // 3 + 24, x : x + 24] = 255 - tint
    return np.clip(picture_HWC, 0, 255).astype(np.uint8)


def write_film(
    path: Path,
    scenes: Sequence[tuple[int, float]],
    *,
    size: tuple[int, int] = (96, 128),
    rate: int = 12,
    codec: str = "libx264",
    stamps: Sequence[int] | None = None,
    sound: bool = True,
) -> Path:
    """A film of shots (number of the scene, seconds) with a tone; ``stamps`` are time stamps in milliseconds."""
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=rate)
        video.height, video.width = size
        video.pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
        if codec == "libx264":
            video.options = {"preset": "ultrafast", "crf": "20", "g": "12"}
        if stamps is not None:
            video.codec_context.time_base = Fraction(1, 1000)
        tone = container.add_stream("aac", rate=16_000, layout="mono") if sound else None
        index = 0
        for number, seconds in scenes:
            for _ in range(round(seconds * rate)):
                frame = av.VideoFrame.from_ndarray(scene(number, index / rate, size), format="rgb24")
                if stamps is not None:
                    frame.pts, frame.time_base = stamps[index], Fraction(1, 1000)
                else:
                    frame.pts, frame.time_base = index, Fraction(1, rate)
                container.mux(video.encode(frame))
                index += 1
        container.mux(video.encode(None))
        if tone is not None:
            samples = 0.2 * np.sin(np.arange(index * 16_000 // rate) * 0.17).astype(np.float32)
            for first in range(0, samples.size, 1024):
                block = av.AudioFrame.from_ndarray(samples[None, first : first + 1024], format="fltp", layout="mono")
                block.sample_rate, block.pts, block.time_base = 16_000, first, Fraction(1, 16_000)
                container.mux(tone.encode(block))
            container.mux(tone.encode(None))
    return path
