"""One browser by WebRTC: two tracks go out, the microphone comes in, and nothing is left when it ends."""

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import Callable
from typing import final

import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.codecs import h264, vpx
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import SessionDescription
from numpy.typing import NDArray

from openlpm.core.units import FRAME_RATE_HZ
from openlpm.engine.performer import Frame
from openlpm.serving.metrics import ServerMetrics
from openlpm.serving.microphone import RATE_HZ, Gaps, pass_at_once
from openlpm.serving.quick_encoder import encode_quickly
from openlpm.serving.refusals import Code, Refusal
from openlpm.serving.tracks import PictureTrack, SoundTrack

_log = logging.getLogger(__name__)
_BITRATE = 1_000_000
"""Bits a second of pictures of 256 x 256: H.264 takes three quarters of it for 41.7 dB, where 4:2:0 alone leaves 41.9.

Least and most are the same: aiortc begins a new encoder, with a key frame, whenever a receiver's estimate moves by a
tenth, which costs more than it saves at such rates."""
_MOST_SDP = 65_536
_MOST_CANDIDATES = 64
_ANSWER_S = 10.0
_PREFERRED = ("video/h264", "video/vp8", "video/rtx")
_REFUSED = "The offer cannot be used; offer one audio and one video track."


@final
class Peer:
    """An ``Output`` that is a peer connection; ``on_up`` is called when media flows, ``on_down`` when it ceases to."""

    def __init__(
        self,
        *,
        hear: Callable[[NDArray[np.float32], int], None],
        on_up: Callable[[], None],
        on_down: Callable[[], None],
        metrics: ServerMetrics,
        stun: str = "",
    ) -> None:
        set_bitrates()
        encode_quickly()
        self._hear, self._on_up, self._on_down, self._metrics = hear, on_up, on_down, metrics
        servers = [RTCIceServer(urls=stun)] if stun else []
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=servers))
        self._offered_s = time.monotonic()
        self._pictures = PictureTrack(metrics, self._first_picture)
        self._sound = SoundTrack(metrics)
        self._listening: asyncio.Task[None] | None = None
        self._is_up = False
        self._connection.on("track", self._receive)
        self._connection.on("connectionstatechange", self._state_changed)

    async def answer(self, sdp: str) -> str:
        """Take an offer; the answer holds all candidates.

        Raises:
            Refusal: it is no offer of one audio and one video track.
        """
        check_offer(sdp)
        try:
            async with asyncio.timeout(_ANSWER_S):
                return await self._negotiate(sdp)
        except Exception as error:  # noqa: BLE001 (aiortc's parser raises whatever a stranger's text leads it to)
            _log.info("an offer was refused", extra={"kind": type(error).__name__})
            await self.close()
            raise Refusal(Code.BAD_REQUEST, _REFUSED) from None

    async def _negotiate(self, sdp: str) -> str:
        self._connection.addTrack(self._sound)
        sender = self._connection.addTrack(self._pictures)
        known = [c for c in RTCRtpSender.getCapabilities("video").codecs if c.mimeType.lower() in _PREFERRED]
        known.sort(key=lambda codec: _PREFERRED.index(codec.mimeType.lower()))
        for transceiver in self._connection.getTransceivers():
            if transceiver.sender is sender:
                transceiver.setCodecPreferences(known)
        await self._connection.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="offer"))
        answer = await self._connection.createAnswer()
        await self._connection.setLocalDescription(answer)
        return self._connection.localDescription.sdp

    @property
    def waiting(self) -> int:
        return self._pictures.waiting

    @property
    def drift_ms(self) -> float | None:
        """How far the picture that left last is ahead of the sound that left last; None before both."""
        if self._pictures.sent < 0 or self._sound.sent < 0:
            return None
        return 1e3 * (self._pictures.sent - self._sound.sent) / FRAME_RATE_HZ

    def show(self, frame: Frame) -> None:
        if self._is_up:
            self._pictures.show(frame)
            self._sound.show(frame)

    async def close(self) -> None:
        """End it; a second call does nothing."""
        self._pictures.stop()
        self._sound.stop()
        await self._connection.close()
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening
            self._listening = None

    def _receive(self, track: MediaStreamTrack) -> None:
        if track.kind != "audio" or self._listening is not None:
            return
        for transceiver in self._connection.getTransceivers():
            if transceiver.kind == "audio":
                pass_at_once(transceiver.receiver)
        self._listening = asyncio.create_task(self._listen(track), name="microphone")

    async def _listen(self, track: MediaStreamTrack) -> None:
        gaps = Gaps()
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                self._hear(gaps.fill(frame), RATE_HZ)  # pyright: ignore[reportArgumentType]  # a track of sound

    def _state_changed(self) -> None:
        up = self._connection.connectionState == "connected"
        if up != self._is_up:
            self._is_up = up
            (self._on_up if up else self._on_down)()

    def _first_picture(self) -> None:
        self._metrics.webrtc_first_frame_ms.observe(1e3 * (time.monotonic() - self._offered_s))


def set_bitrates() -> None:
    """Set what aiortc's encoders aim at, in the whole process: it has no setting for one connection."""
    for codec in (h264, vpx):
        for name in ("MIN_BITRATE", "DEFAULT_BITRATE", "MAX_BITRATE"):
            setattr(codec, name, _BITRATE)


def check_offer(sdp: str) -> None:
    """See that an offer is short and asks for one audio and one video track at most.

    Raises:
        Refusal: it does not; nothing has been opened for it yet.
    """
    kinds = re.findall(r"^m=(\w+)", sdp, re.MULTILINE)
    too_much = len(sdp) > _MOST_SDP or len(re.findall(r"^a=candidate:", sdp, re.MULTILINE)) > _MOST_CANDIDATES
    if too_much or sorted(kinds) not in (["audio", "video"], ["video"], ["audio"]):
        raise Refusal(Code.BAD_REQUEST, _REFUSED)
    try:
        SessionDescription.parse(sdp)
    except Exception:  # noqa: BLE001 (as in ``Peer.answer``)
        raise Refusal(Code.BAD_REQUEST, _REFUSED) from None
