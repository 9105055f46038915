"""Speech as FLAC files in memory: every sample as it was, the same bytes from the same sound."""

import io
from typing import cast

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import InputError
from openlpm.core.units import AUDIO_RATE_HZ

_BLOCK_SAMPLES = 4608
"""What the coder takes at a time at this rate."""


def encoded(samples_A: NDArray[np.int16]) -> bytes:
    """A FLAC file of a recording (mono, 16 kHz, 16 bits)."""
    buffer = io.BytesIO()
    options = {"fflags": "+bitexact", "metadata_header_padding": "0"}
    with av.open(buffer, "w", format="flac", options=options) as container:
        stream = container.add_stream("flac", rate=AUDIO_RATE_HZ, layout="mono", options={"flags": "+bitexact"})
        stream.codec_context.format = "s16"
        stream.codec_context.thread_count = 1
        for first in range(0, samples_A.shape[0], _BLOCK_SAMPLES):
            block_A = np.ascontiguousarray(samples_A[None, first : first + _BLOCK_SAMPLES])
            frame = av.AudioFrame.from_ndarray(block_A, format="s16", layout="mono")
            frame.sample_rate = AUDIO_RATE_HZ
            frame.pts = first
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def decoded(data: bytes) -> NDArray[np.int16]:
    """The samples of what ``encoded`` has written.

    Raises:
        InputError: damaged.
    """
    blocks: list[NDArray[np.int16]] = []
    try:
        with av.open(io.BytesIO(data), "r", format="flac") as container:
            frames = container.decode(container.streams.audio[0])
            blocks.extend(cast("NDArray[np.int16]", frame.to_ndarray())[0] for frame in frames)
    except av.error.FFmpegError as error:
        raise InputError(f"a sound of {len(data)} bytes cannot be decoded ({error}); make its shard again") from error
    return np.concatenate(blocks) if blocks else np.zeros(0, np.int16)
