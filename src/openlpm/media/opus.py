"""Speech as Opus files in memory: small enough to carry, good enough to learn from."""

import io
from typing import cast

import av
import numpy as np
from numpy.typing import NDArray

from openlpm.core.units import AUDIO_RATE_HZ

_BITS_PER_SECOND = 28_000
_BLOCK_SAMPLES = AUDIO_RATE_HZ


def encoded(samples_A: NDArray[np.float32]) -> bytes:
    """An Ogg Opus file of a recording (mono, 16 kHz, float32 in [-1, 1])."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=AUDIO_RATE_HZ, layout="mono")
        stream.bit_rate = _BITS_PER_SECOND
        for first in range(0, samples_A.shape[0], _BLOCK_SAMPLES):
            block_A = np.ascontiguousarray(samples_A[None, first : first + _BLOCK_SAMPLES], dtype=np.float32)
            frame = av.AudioFrame.from_ndarray(block_A, format="flt", layout="mono")
            frame.sample_rate = AUDIO_RATE_HZ
            frame.pts = first
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def decoded(data: bytes) -> NDArray[np.float32]:
    """The sound of an Ogg Opus file (mono, 16 kHz)."""
    blocks: list[NDArray[np.float32]] = []
    with av.open(io.BytesIO(data), "r") as container:
        resampler = av.AudioResampler("fltp", "mono", AUDIO_RATE_HZ)
        for frame in container.decode(container.streams.audio[0]):
            blocks += [cast("NDArray[np.float32]", part.to_ndarray())[0] for part in resampler.resample(frame)]
        blocks += [cast("NDArray[np.float32]", part.to_ndarray())[0] for part in resampler.resample(None)]
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
