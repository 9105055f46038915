"""WebRTC tracks of the development server."""

import asyncio
import fractions
import time
from typing import Any

import av
import numpy as np
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.codecs import h264, vpx
from performance import FPS, FRAME, RATE_HZ, Moment, Performance

h264.DEFAULT_BITRATE = vpx.DEFAULT_BITRATE = 1_500_000


class _Pictures(MediaStreamTrack):
    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self.waiting: asyncio.Queue[Moment] = asyncio.Queue(3)

    async def recv(self) -> av.VideoFrame:
        moment = await self.waiting.get()
        frame = av.VideoFrame.from_ndarray(moment.picture_HWC, format="rgb24")
        frame.pts = moment.number * 90_000 // FPS
        frame.time_base = fractions.Fraction(1, 90_000)
        return frame


class _Sound(MediaStreamTrack):
    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.waiting: asyncio.Queue[Moment] = asyncio.Queue(24)
        self._left = np.zeros(0, dtype=np.int16)
        self._at = -1

    async def recv(self) -> av.AudioFrame:
        while len(self._left) < 960:
            moment = await self.waiting.get()
            if self._at < 0:
                self._at = moment.number * FRAME
            self._left = np.concatenate([self._left, moment.sound_A])
        frame = av.AudioFrame.from_ndarray(self._left[None, :960].copy(), format="s16", layout="mono")
        self._left = self._left[960:]
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, self._at, fractions.Fraction(1, RATE_HZ)
        self._at += 960
        return frame


class Offering:
    """The peer connection of a session."""

    def __init__(self, play: Performance) -> None:
        self._play = play
        self._peer = RTCPeerConnection()
        self._pictures = _Pictures()
        self._sound = _Sound()
        self._ear: asyncio.Task[None] | None = None

    def push(self, moment: Moment) -> None:
        """Give a moment to the tracks; the oldest goes where there is no room."""
        for track in (self._pictures, self._sound):
            if track.waiting.full():
                track.waiting.get_nowait()
            track.waiting.put_nowait(moment)

    async def answer(self, offer: dict[str, Any]) -> dict[str, str]:
        """Answer an offer."""
        self._peer.on("track", self._hear)
        await self._peer.setRemoteDescription(RTCSessionDescription(**offer))
        self._peer.addTrack(self._sound)
        self._peer.addTrack(self._pictures)
        await self._peer.setLocalDescription(await self._peer.createAnswer())
        return {"sdp": self._peer.localDescription.sdp, "type": "answer"}

    def _hear(self, track: MediaStreamTrack) -> None:
        async def listen() -> None:
            while True:
                frame = await track.recv()
                if np.abs(frame.to_ndarray().astype(np.int32)).mean() > 400:
                    self._play.heard_s = time.monotonic()

        if track.kind == "audio":
            self._ear = asyncio.create_task(listen())

    async def close(self) -> None:
        """End it."""
        if self._ear:
            self._ear.cancel()
            await asyncio.gather(self._ear, return_exceptions=True)
        await self._peer.close()
