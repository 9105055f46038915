"""A visitor with a real peer connection: speaks into a microphone, and notes what is seen and heard, and when."""

import asyncio
import contextlib
import fractions
import json
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from openlpm.bench.live.host import Address
from openlpm.bench.live.relay import Relay

MICROPHONE_RATE_HZ = 48_000
_PACKET = 960
_CONNECTS_S = 20.0
_ROOM_S = 60.0
_BUSY, _USED_UP = 429, 401
_HEARD = 0.01


@final
@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A picture as it came."""

    at_s: float
    """On this machine's ``time.monotonic``."""
    picture_HWC: NDArray[np.uint8]
    stamp_s: float = 0.0
    """When it was due, on the sender's clock."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """Twenty milliseconds of sound as they came."""

    at_s: float
    samples_A: NDArray[np.float32]
    stamp_s: float = 0.0
    """When it was said, on the sender's clock."""

    @property
    def loudness(self) -> float:
        """Root mean square."""
        return float(np.sqrt(np.mean(np.square(self.samples_A))))


@final
@dataclass(slots=True, eq=False)
class Notes:
    """All that a visitor noted."""

    seen: list[Seen] = field(default_factory=list[Seen])
    heard: list[Heard] = field(default_factory=list[Heard])
    told: list[tuple[float, dict[str, Any]]] = field(default_factory=list[tuple[float, dict[str, Any]]])
    """Messages of the socket."""

    def first_heard_s(self, after_s: float) -> float | None:
        """When the first sound came after a moment."""
        return next((one.at_s for one in self.heard if one.at_s > after_s and one.loudness > _HEARD), None)

    def silent_from_s(self, after_s: float, quiet_s: float = 0.5) -> float | None:
        """When the last sound before a lasting silence had come; None while there is none."""
        since = after_s
        for one in self.heard:
            if one.at_s <= after_s:
                continue
            if one.loudness > _HEARD:
                since = one.at_s
            elif one.at_s - since >= quiet_s:
                return since
        return None

    def messages(self, kind: str, after_s: float = 0.0) -> list[tuple[float, dict[str, Any]]]:
        """Messages of a type after a moment."""
        return [(at_s, told) for at_s, told in self.told if told["type"] == kind and at_s > after_s]


@final
class Microphone:
    """A track that plays what it is given, in real time, and silence otherwise."""

    def __init__(self) -> None:
        from aiortc import MediaStreamTrack

        self._queue = np.zeros(0, np.float32)
        self._sent = 0
        self._started_s: float | None = None
        outer = self

        class Track(MediaStreamTrack):
            kind = "audio"

            async def recv(self) -> Any:
                return await outer.next_frame()

        self.track = Track()

    def say(self, samples_A: NDArray[np.float32]) -> float:
        """Queue sound at 48 kHz; returns when its first sample will have left."""
        now_s = time.monotonic()
        ahead_s = self._queue.shape[0] / MICROPHONE_RATE_HZ
        self._queue = np.concatenate([self._queue, samples_A.astype(np.float32)])
        return now_s + ahead_s

    async def next_frame(self) -> Any:
        """The next packet, when it is time."""
        from av import AudioFrame

        if self._started_s is None:
            self._started_s = time.monotonic()
        wait_s = self._started_s + self._sent / MICROPHONE_RATE_HZ - time.monotonic()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        packet_A, self._queue = self._queue[:_PACKET], self._queue[_PACKET:]
        packet_A = np.pad(packet_A, (0, _PACKET - packet_A.shape[0]))
        frame = AudioFrame.from_ndarray(np.rint(packet_A * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = MICROPHONE_RATE_HZ, self._sent
        frame.time_base = fractions.Fraction(1, MICROPHONE_RATE_HZ)
        self._sent += _PACKET
        return frame


@final
class Visitor:
    """Of one session; made by ``visiting``."""

    def __init__(self, socket: Any, microphone: Microphone, notes: Notes) -> None:
        self._socket, self.microphone, self.notes = socket, microphone, notes

    def vanish(self) -> None:
        """Break the socket off without a word."""
        self._socket.transport.abort()

    async def send(self, **message: Any) -> None:
        """A message of the protocol."""
        await self._socket.send(json.dumps(message))

    async def wait_for(self, what: Any, seconds: float) -> Any:
        """The first value of ``what()`` that is neither None nor empty; None if there is none in time."""
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            found = what()
            if found is not None and found != []:
                return found
            await asyncio.sleep(0.01)
        return None


@contextlib.asynccontextmanager
async def visiting(host: Address, *, relay: Relay | None = None, **wish: Any) -> AsyncGenerator[Visitor]:
    """Come in, connect, watch; leave at the end. Pictures and sound go through the ``relay``, if there is one."""
    import httpx
    import websockets
    from aiortc import RTCPeerConnection, RTCSessionDescription

    from openlpm.bench.live.prompt_buffer import give_at_once

    notes, microphone = Notes(), Microphone()
    async with httpx.AsyncClient(base_url=host.url, timeout=60) as client:
        session = await come_in(client, host, {"character": "seed:900024", **wish})
        protocols = [websockets.Subprotocol(name) for name in ("openlpm.1", f"token.{session['media_token']}")]
        address = host.url.replace("http", "ws", 1) + session["socket"]
        connection = RTCPeerConnection()
        tasks: list[asyncio.Task[None]] = []
        async with websockets.connect(address, subprotocols=protocols) as socket:
            try:
                tasks.append(asyncio.create_task(_note_messages(socket, notes)))
                connection.addTrack(microphone.track)
                give_at_once(connection.addTransceiver("video", direction="recvonly").receiver)

                def note(track: Any) -> None:
                    tasks.append(asyncio.create_task(_note_track(track, notes)))

                connection.on("track", note)
                await connection.setLocalDescription(await connection.createOffer())
                sdp = connection.localDescription.sdp
                offer = {"sdp": sdp if relay is None else relay.offered(sdp), "type": "offer"}
                reply = await asked(client, session["offer"], offer, session["media_token"])
                if relay is not None:
                    reply["sdp"] = relay.answered(reply["sdp"])
                await connection.setRemoteDescription(RTCSessionDescription(**reply))
                visitor = Visitor(socket, microphone, notes)
                await visitor.send(type="media", by="webrtc")
                if await visitor.wait_for(lambda: notes.seen, _CONNECTS_S) is None:
                    raise TimeoutError("no picture came over WebRTC")
                yield visitor
            finally:
                await connection.close()
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)


async def come_in(client: Any, host: Address, wish: dict[str, Any]) -> dict[str, Any]:
    """Come in, as soon as there is room: who has just left may take a moment to be gone."""
    token = (await asked(client, "/api/tokens", {}, host.key))["token"]
    while True:
        try:
            return await asked(client, "/api/sessions", {"token": token, **wish}, host.key)
        except PermissionError:  # a token is used up by its first try
            token = (await asked(client, "/api/tokens", {}, host.key))["token"]


async def asked(client: Any, path: str, content: dict[str, Any], key: str) -> dict[str, Any]:
    """What the server answers, as soon as it has room.

    Raises:
        PermissionError: the token was used up.
    """
    give_up_s = time.monotonic() + _ROOM_S
    while True:
        answer = await client.post(path, json=content, headers=bearer(key))
        if answer.status_code == _USED_UP:
            raise PermissionError(path)
        if answer.status_code != _BUSY or time.monotonic() > give_up_s:
            answer.raise_for_status()
            return answer.json()
        await asyncio.sleep(min(float(answer.headers.get("retry-after", 0.2)), 1.0))


def bearer(key: str) -> dict[str, str]:
    """The header that holds a key or token."""
    return {"authorization": f"Bearer {key}"}


async def _note_messages(socket: Any, notes: Notes) -> None:
    async for message in socket:
        if isinstance(message, str):
            notes.told.append((time.monotonic(), json.loads(message)))


async def _note_track(track: Any, notes: Notes) -> None:
    from aiortc.mediastreams import MediaStreamError

    with contextlib.suppress(MediaStreamError):
        while True:
            frame = await track.recv()
            now_s = time.monotonic()
            if track.kind == "video":
                picture_HWC = await asyncio.to_thread(frame.to_ndarray, format="rgb24")
                notes.seen.append(Seen(now_s, picture_HWC, frame.pts * float(frame.time_base)))
            else:
                sound = frame.to_ndarray().reshape(-1, len(frame.layout.channels)).mean(axis=1)
                stamp_s = frame.pts * float(frame.time_base)
                notes.heard.append(Heard(now_s, sound.astype(np.float32) / 32768, stamp_s))
