import asyncio
import contextlib
import gc
import json
import weakref
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from websockets.asyncio.client import connect

from openlpm.engine.card import read_card
from openlpm.serving.tracks import PACKET_SAMPLES, SoundTrack

pytestmark = pytest.mark.contract


class Tone(MediaStreamTrack):
    """A microphone into which somebody hums."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._at = 0

    async def recv(self) -> av.AudioFrame:
        if self.readyState != "live":
            raise MediaStreamError
        await asyncio.sleep(0.02)
        wave = 8_000 * np.sin(2 * np.pi * 300 * (self._at + np.arange(960)) / 48_000)
        frame = av.AudioFrame.from_ndarray(wave.astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48_000, self._at
        self._at += 960
        return frame


class Browser:
    """The other end: it keeps what it was shown, and when."""

    def __init__(self) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.connection.addTrack(Tone())
        self.connection.addTransceiver("video", direction="recvonly")
        self.connection.on("track", self._track)
        self.pictures: list[tuple[int, int]] = []
        self.sound: list[np.ndarray] = []
        self.unreadable = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def offer(self, client: Any, session: dict[str, Any]) -> None:
        await self.connection.setLocalDescription(await self.connection.createOffer())
        body = {"sdp": self.connection.localDescription.sdp, "type": "offer"}
        headers = {"authorization": f"Bearer {session['media_token']}"}
        answer = await client.post(session["offer"], json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        await self.connection.setRemoteDescription(RTCSessionDescription(**answer.json()))
        self.answer = answer.json()["sdp"]

    def _track(self, track: MediaStreamTrack) -> None:
        self._tasks.append(asyncio.create_task(self._look(track) if track.kind == "video" else self._hear(track)))

    async def _look(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            card = read_card(frame.to_ndarray(format="rgb24"))
            if card is None:
                self.unreadable += 1
            else:
                self.pictures.append((frame.pts, card[0]))

    async def _hear(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            self.sound.append(frame.to_ndarray().reshape(-1, 2)[:, 0])

    async def close(self) -> None:
        await self.connection.close()
        await asyncio.gather(*self._tasks)


def udp_ports() -> int:
    """UDP sockets of this process, which is both ends."""
    open_now = set()
    for table in ("udp", "udp6"):
        lines = Path(f"/proc/self/net/{table}").read_text().splitlines()[1:]
        open_now |= {f"socket:[{line.split()[9]}]" for line in lines}
    found = 0
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the listing's own is gone by now
            found += str(entry.readlink()) in open_now
    return found


def test_a_browser_sees_hears_and_is_heard(serve, run) -> None:
    async def talk() -> None:
        async with serve() as running, running.client() as client:
            ports = udp_ports()
            session = await running.open(client)
            protocols = ["openlpm.1", f"token.{session['media_token']}"]
            async with connect(running.socket_url + session["socket"], subprotocols=protocols) as socket:
                browser = Browser()
                await browser.offer(client, session)
                await socket.send(json.dumps({"type": "media", "by": "webrtc"}))
                while len(browser.pictures) < 24:
                    await asyncio.sleep(0.05)
                await socket.send(json.dumps({"type": "say", "text": "a tone"}))
                while len(browser.pictures) < 96:
                    await asyncio.sleep(0.05)
                numbers = None
                while numbers is None or numbers["type"] != "numbers" or numbers["av_drift_ms"] is None:
                    numbers = json.loads(await socket.recv())
                assert abs(numbers["av_drift_ms"]) <= 84, "picture and sound leave within two frames of each other"
                await browser.close()
            while running.serving.metrics.sessions._value.get():
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.1)
            assert udp_ports() == ports, "no port of the connection is left"
        assert "H264" in browser.answer
        drawn = [number for _, number in browser.pictures]
        assert all(a < b for a, b in pairwise(drawn))
        # Busy machines lose some: pictures are dropped before sound. Idle ones lose none.
        assert len(drawn) >= 0.5 * (drawn[-1] - drawn[0] + 1)
        assert browser.unreadable == 0
        steps = {(pts - before) / (number - last) for (before, last), (pts, number) in pairwise(browser.pictures)}
        assert steps == {3_750.0}, "time stamps are made from frame numbers"
        heard = np.concatenate(browser.sound) / 32_768
        assert 0.25 < np.abs(heard).max() < 0.36
        assert 0.9 < np.mean(np.abs(heard) > 0.02) * len(heard) / 48_000 < 1.1, "a second of tone"
        agent = running.agents[0]
        assert agent.heard_samples > 48_000 * 2
        assert 0.15 < agent.loudest < 0.3

    run(talk())


def test_a_session_that_ends_takes_its_connection_with_it(serve, run) -> None:
    async def talk() -> None:
        async with serve() as running, running.client() as client:
            session = await running.open(client)
            browser, again = Browser(), Browser()
            await browser.offer(client, session)
            while len(browser.pictures) < 5:
                await asyncio.sleep(0.05)
            both_ends = udp_ports()
            await again.offer(client, session)  # a second offer replaces the first connection
            while len(again.pictures) < 5:
                await asyncio.sleep(0.05)
            await browser.close()
            assert udp_ports() == both_ends
            mine = {"authorization": f"Bearer {session['media_token']}"}
            await client.delete(f"/api/sessions/{session['session']}", headers=mine)
            while running.serving.metrics.sessions._value.get():
                await asyncio.sleep(0.02)
            async with asyncio.timeout(30):  # the server's ports are closed; the browser has its own until it notices
                while udp_ports() > both_ends // 2:
                    await asyncio.sleep(0.05)
            await again.close()
            tasks = [str(task.get_coro()) for task in asyncio.all_tasks()]
            assert not [task for task in tasks if "RTCRtp" in task or "ice" in task.lower()]

    run(talk())


def test_what_a_session_was_made_of_is_swept_up_soon_after_it(serve, run) -> None:
    async def talk() -> None:
        async with serve() as running, running.client() as client:
            session = await running.open(client)
            browser = Browser()
            await browser.offer(client, session)
            while len(browser.pictures) < 5:
                await asyncio.sleep(0.05)
            (here,) = running.serving.sessions._running.values()
            left = weakref.ref(here._peer._connection)
            del here
            await browser.close()
            mine = {"authorization": f"Bearer {session['media_token']}"}
            await client.delete(f"/api/sessions/{session['session']}", headers=mine)
            async with asyncio.timeout(10):
                while left() is not None:
                    await asyncio.sleep(0.05)

    gc.disable()  # by itself Python would look for it when it has enough to look for
    try:
        run(talk())
    finally:
        gc.enable()


def test_an_offer_that_is_none_is_refused_and_leaves_nothing(serve, run) -> None:
    async def talk() -> None:
        async with serve() as running, running.client() as client:
            session = await running.open(client)
            mine = {"authorization": f"Bearer {session['media_token']}"}
            ports = udp_ports()
            for sdp in (
                "",
                "v=0",
                "m=audio",
                "m=audio 9 X 1\r\nm=video 9 X 1",
                "v=0\r\n" + "m=audio 9 UDP/TLS 96\r\n" * 9,
            ):
                answer = await client.post(session["offer"], json={"sdp": sdp, "type": "offer"}, headers=mine)
                assert answer.status_code == 400
                assert answer.json()["error"]["code"] == "bad_request"
            for body in ({}, {"sdp": 7, "type": "offer"}, {"sdp": "v=0", "type": "answer"}):
                assert (await client.post(session["offer"], json=body, headers=mine)).status_code == 400
            assert (await client.post(session["offer"], json={})).status_code == 401
            assert udp_ports() == ports

    run(talk())


def test_sound_is_cut_into_packets_that_keep_its_place_in_time() -> None:
    from openlpm.engine.performer import Activity, Frame
    from openlpm.serving.metrics import ServerMetrics

    class Still:
        waited_s = 0.0

        def now_s(self) -> float:
            return 100.0

        async def sleep(self, seconds: float) -> None:
            self.waited_s = seconds

    def frame(number: int) -> Frame:
        ramp = np.arange(number * 2_000, (number + 1) * 2_000) % 30_000
        return Frame(
            number=number,
            due_s=100.0 + number / 24,
            picture_HWC=np.zeros((2, 2, 3), np.uint8),
            fresh=True,
            sound_A=ramp.astype(np.int16),
            activity=Activity.IDLE,
            epoch=0,
        )

    async def cut() -> None:
        clock = Still()
        track = SoundTrack(ServerMetrics(), clock)
        for number in (3, 4, 5, 9, 10):
            track.show(frame(number))
        found = []
        for _ in range(6 + 4):
            packet = await track.recv()
            samples = packet.to_ndarray()[0, ::2]
            assert len(samples) == PACKET_SAMPLES
            assert samples[0] == packet.pts % 30_000, "the time stamp is the place of the first sample"
            assert abs(clock.waited_s - (packet.pts / 48_000 + 0.02)) < 1e-6, "it leaves when it is due, 20 ms later"
            found.append(packet.pts)
        assert found == [6_000 + 960 * each for each in range(6)] + [18_000 + 960 * each for each in range(4)]
        track.stop()

    asyncio.run(cut())
