"""The user's microphone as it comes by WebRTC: every packet at once, silence where one was lost."""

import logging
from typing import Any, final

import av
import numpy as np
from aiortc import RTCRtpReceiver
from aiortc.jitterbuffer import JitterFrame
from numpy.typing import NDArray

RATE_HZ = 48_000
_LONGEST_GAP = RATE_HZ // 2
"""Samples; a longer gap is a microphone that was off."""
_HALF = 1 << 15
_log = logging.getLogger(__name__)
_BUFFER = "_RTCRtpReceiver__jitter_buffer"
"""aiortc has no way to choose it. Its own waits for four packets (80 ms), and drops good packets around a lost one
until five in a row are there: at 5 % loss a quarter of the voice was gone."""


@final
class PassingBuffer:
    """In place of aiortc's jitter buffer: a packet that is newer than all before passes, others are too late.

    What plays the voice has queues of its own; an Opus packet is a frame by itself.
    """

    def __init__(self) -> None:
        self._newest: int | None = None

    def add(self, packet: Any) -> tuple[bool, JitterFrame | None]:
        """The packet as a frame, unless it is late; never a wish for a key frame."""
        ahead = 1 if self._newest is None else (packet.sequence_number - self._newest) & 0xFFFF
        if not 0 < ahead < _HALF:
            return False, None
        self._newest = packet.sequence_number
        return False, JitterFrame(data=packet._data, timestamp=packet.timestamp)  # noqa: SLF001


def pass_at_once(receiver: RTCRtpReceiver) -> None:
    """Give a receiver of sound a ``PassingBuffer``; with an aiortc that has none to replace all stays as it is."""
    if hasattr(receiver, _BUFFER):
        setattr(receiver, _BUFFER, PassingBuffer())
    else:
        _log.warning("the jitter buffer of aiortc cannot be replaced: the microphone comes late")


@final
class Gaps:
    """Turns decoded packets into one sound without holes."""

    def __init__(self) -> None:
        self._next_pts: int | None = None
        self.missing = 0
        """Samples of silence put in so far."""

    def fill(self, frame: av.AudioFrame) -> NDArray[np.float32]:
        """A packet as mono ``samples_A`` in [-1, 1], after as much silence as is missing before it."""
        samples_A = mono(frame)
        pts = frame.pts or 0
        gap = 0 if self._next_pts is None else pts - self._next_pts
        self._next_pts = pts + samples_A.shape[0]
        if not 0 < gap <= _LONGEST_GAP:
            return samples_A
        self.missing += gap
        return np.concatenate([np.zeros(gap, np.float32), samples_A])


def mono(frame: av.AudioFrame) -> NDArray[np.float32]:
    """16-bit packed sound of any number of channels as their mean."""
    channels = frame.layout.nb_channels
    samples_AC = frame.to_ndarray().reshape(-1, channels).astype(np.float32)
    return samples_AC.mean(axis=1) / np.float32(32_768)
