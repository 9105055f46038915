"""A character as two WebRTC tracks, paced by the moments that come due and by nothing else."""

import asyncio
from collections import deque
from collections.abc import Callable
from fractions import Fraction
from typing import final

import av
import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from numpy.typing import NDArray

from openlpm.core.units import FRAME_RATE_HZ
from openlpm.engine.performer import SAMPLES_A_FRAME, SOUND_RATE_HZ, Frame
from openlpm.serving.clock import Clock, RealClock
from openlpm.serving.metrics import ServerMetrics
from openlpm.serving.outputs import MOST_PICTURES, MOST_SOUND_FRAMES

PICTURE_CLOCK_HZ = 90_000
TICKS_A_PICTURE = PICTURE_CLOCK_HZ // FRAME_RATE_HZ
PACKET_SAMPLES = SOUND_RATE_HZ // 50
_SOUND_LAG_S = PACKET_SAMPLES / SOUND_RATE_HZ
"""A packet is sent this long after its first sample is due: then the frame with its last one is always there, packets
leave evenly, and the sender reports, which players align the tracks by, say the same of each."""
_KEEP_ALIVE_FRAMES = FRAME_RATE_HZ // 2


class TrackStoppedError(MediaStreamError):
    """The track has ended; the sender takes it as the end."""


@final
class PictureTrack(MediaStreamTrack):
    """Pictures; of those that wait the oldest are dropped. A held picture is not sent again for half a second."""

    kind = "video"

    def __init__(self, metrics: ServerMetrics, on_first: Callable[[], None]) -> None:
        super().__init__()
        self._metrics = metrics
        self._on_first: Callable[[], None] | None = on_first
        self._frames: deque[Frame] = deque()
        self._news = asyncio.Event()
        self._last_number = -_KEEP_ALIVE_FRAMES
        self.sent = -1
        """Number of the picture that left last."""

    @property
    def waiting(self) -> int:
        """Pictures that have not left."""
        return len(self._frames)

    def show(self, frame: Frame) -> None:
        """The next moment."""
        if not frame.fresh and frame.number - self._last_number < _KEEP_ALIVE_FRAMES:
            return
        self._last_number = frame.number
        self._frames.append(frame)
        if len(self._frames) > MOST_PICTURES:
            self._frames.popleft()
            self._metrics.dropped.labels("picture").inc()
        self._news.set()

    async def recv(self) -> av.VideoFrame:
        """The next picture, its time stamp made from its number."""
        while not self._frames:
            if self.readyState != "live":
                raise TrackStoppedError
            self._news.clear()
            await self._news.wait()
        frame = self._frames.popleft()
        picture = av.VideoFrame.from_ndarray(frame.picture_HWC, format="rgb24")
        picture.pts, picture.time_base = frame.number * TICKS_A_PICTURE, Fraction(1, PICTURE_CLOCK_HZ)
        self.sent = frame.number
        if self._on_first is not None:
            self._on_first()
            self._on_first = None
        return picture

    def stop(self) -> None:
        """End it; whoever waits in ``recv`` is told."""
        super().stop()
        self._frames.clear()
        self._news.set()


@final
class SoundTrack(MediaStreamTrack):
    """The character's voice in packets of 20 ms; a second of it may wait."""

    kind = "audio"

    def __init__(self, metrics: ServerMetrics, clock: Clock | None = None) -> None:
        super().__init__()
        self._metrics = metrics
        self._clock = clock or RealClock()
        self._frames: deque[Frame] = deque()
        self._news = asyncio.Event()
        self._left_A: NDArray[np.int16] = np.zeros(0, np.int16)
        self._at = 0
        self._due_s = 0.0

    @property
    def sent(self) -> int:
        """Number of the frame whose sound left last."""
        return self._at // SAMPLES_A_FRAME - 1 if self._at % SAMPLES_A_FRAME == 0 else self._at // SAMPLES_A_FRAME

    def show(self, frame: Frame) -> None:
        """The next moment."""
        self._frames.append(frame)
        if len(self._frames) > MOST_SOUND_FRAMES:
            self._frames.popleft()
            self._metrics.dropped.labels("sound").inc()
        self._news.set()

    async def recv(self) -> av.AudioFrame:
        """The next 20 ms, their time stamp the number of their first sample since the performance began."""
        while self._left_A.shape[0] < PACKET_SAMPLES:
            self._take(await self._next())
        samples_A, self._left_A = self._left_A[:PACKET_SAMPLES], self._left_A[PACKET_SAMPLES:]
        # Both ears by hand: FFmpeg's way from one channel to two takes 3 dB off.
        packet = av.AudioFrame.from_ndarray(np.repeat(samples_A, 2)[None], format="s16", layout="stereo")
        packet.sample_rate, packet.pts, packet.time_base = SOUND_RATE_HZ, self._at, Fraction(1, SOUND_RATE_HZ)
        wait_s = self._due_s + _SOUND_LAG_S - self._clock.now_s()
        self._at += PACKET_SAMPLES
        self._due_s += PACKET_SAMPLES / SOUND_RATE_HZ
        if wait_s > 0:
            await self._clock.sleep(wait_s)
        return packet

    def stop(self) -> None:
        """End it; whoever waits in ``recv`` is told."""
        super().stop()
        self._frames.clear()
        self._news.set()

    async def _next(self) -> Frame:
        while not self._frames:
            if self.readyState != "live":
                raise TrackStoppedError
            self._news.clear()
            await self._news.wait()
        return self._frames.popleft()

    def _take(self, frame: Frame) -> None:
        start = frame.number * SAMPLES_A_FRAME
        if start != self._at + self._left_A.shape[0]:  # the first frame, or one after sound that was dropped
            self._left_A, self._at = frame.sound_A, start
        else:
            self._left_A = np.concatenate([self._left_A, frame.sound_A])
        self._due_s = frame.due_s + (self._at - start) / SOUND_RATE_HZ
