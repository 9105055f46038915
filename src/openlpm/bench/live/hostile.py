"""Guests who mean no good, or whose machines do not: what the server makes of them, and whether others notice."""

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np

from openlpm.bench.live.host import Host
from openlpm.bench.live.relay import Weather, relayed
from openlpm.bench.live.rows import count, row
from openlpm.bench.live.visitor import Notes, asked, bearer, come_in, visiting
from openlpm.bench.result import Bar, Row

_DISTURBED_S = 0.5
"""So much longer than with nobody else there a watcher may wait for a picture."""
_CALM_S = 4.0
_ANSWERS_S, _LEAVES_S = 8.0, 20.0
_SPEAKS_S, _PACKET, _RATE_HZ = 1.0, 320, 16_000
_TIMES = 6

Guest = Callable[[Host], Awaitable[bool]]
"""Comes, does harm and goes; whether the server treated it as it should."""


async def hostile_rows(host: Host, report: Callable[[str, int, int], None]) -> list[Row]:
    """How many of each kind the server survived while somebody else watched undisturbed."""
    rows: list[Row] = []
    for kind, guests in (("viewers", VIEWERS), ("microphones", MICROPHONES)):
        report(f"hostile {kind}", 0, 1)
        survived, pauses = 0, [0.0]
        async with visiting(host) as watcher:
            began_s = time.monotonic()
            await asyncio.sleep(_CALM_S)
            calm_s = longest_pause_s(watcher.notes, began_s, time.monotonic())
            for guest in guests.values():
                await asyncio.sleep(0.5)
                began_s = time.monotonic()
                treated_well = await guest(host)
                healthy = await _is_healthy(host)
                pauses.append(longest_pause_s(watcher.notes, began_s, time.monotonic()))
                survived += treated_well and healthy and pauses[-1] < calm_s + _DISTURBED_S
        rows.append(count(f"hostile_{kind}_survived", survived, len(guests), Bar(at_least=len(guests))))
        rows.append(row(f"hostile_{kind}/longest_pause_s", max, pauses, "s"))
        rows.append(row(f"hostile_{kind}/calm_pause_s", max, [calm_s], "s"))
    return rows


def longest_pause_s(notes: Notes, began_s: float, ended_s: float) -> float:
    """The longest time within a period in which a viewer saw no new picture."""
    seen_s = [began_s, *(one.at_s for one in notes.seen if began_s < one.at_s < ended_s), ended_s]
    return max(after_s - before_s for before_s, after_s in itertools.pairwise(seen_s))


async def _is_healthy(host: Host) -> bool:
    import httpx

    async with httpx.AsyncClient(base_url=host.url, timeout=_ANSWERS_S) as client:
        return (await client.get("/health")).status_code == 200


async def _with_session(host: Host, harm: Callable[[Any, dict[str, Any], Any], Awaitable[bool]]) -> bool:
    """Have a session and its socket, and do harm with them."""
    import httpx
    import websockets

    async with httpx.AsyncClient(base_url=host.url, timeout=60) as client:
        session = await come_in(client, host, {"character": "seed:900024"})
        protocols = [websockets.Subprotocol(name) for name in ("openlpm.1", f"token.{session['media_token']}")]
        address = host.url.replace("http", "ws", 1) + session["socket"]
        async with websockets.connect(address, subprotocols=protocols) as socket:
            return await harm(client, session, socket)


async def _stops_reading(host: Host) -> bool:
    async def harm(_client: Any, _session: dict[str, Any], socket: Any) -> bool:
        await socket.send(json.dumps({"type": "media", "by": "socket"}))
        socket.transport.pause_reading()
        await asyncio.sleep(4.0)
        socket.transport.abort()
        return True

    return await _with_session(host, harm) and await _is_alone(host)


async def _vanishes(host: Host) -> bool:
    async with relayed(Weather()) as relay, visiting(host, relay=relay) as visitor:
        relay.blackout = True
        visitor.vanish()
        return await _is_alone(host)


async def _is_alone(host: Host) -> bool:
    """Wait until nobody but the watcher is there."""
    give_up_s = time.monotonic() + _LEAVES_S
    while host.metric("sessions") > 1 and time.monotonic() < give_up_s:
        await asyncio.sleep(0.2)
    return host.metric("sessions") == 1


async def _offers_garbage(host: Host) -> bool:
    rng = np.random.default_rng(3)
    line = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
    garbage = [
        "",
        "v=0\r\n",
        "v=0\r\n" + 500 * line,
        rng.bytes(3_000).decode("latin1"),
        "m=audio\r\nm=video\r\n",
        "\0" * 999,
    ]

    async def harm(client: Any, session: dict[str, Any], _socket: Any) -> bool:
        async def refused(sdp: str) -> bool:
            offer = {"sdp": sdp, "type": "offer"}
            answer = await client.post(session["offer"], json=offer, headers=bearer(session["media_token"]))
            return answer.status_code in {400, 413}

        return all([await refused(sdp) for sdp in garbage])

    return await _with_session(host, harm)


async def _offers_again_and_again(host: Host) -> bool:
    from aiortc import RTCPeerConnection

    async def harm(client: Any, session: dict[str, Any], _socket: Any) -> bool:
        answered = 0
        for _ in range(_TIMES):
            connection = RTCPeerConnection()
            connection.addTransceiver("video", direction="recvonly")
            connection.addTransceiver("audio", direction="recvonly")
            await connection.setLocalDescription(await connection.createOffer())
            offer = {"sdp": connection.localDescription.sdp, "type": "offer"}
            answered += "sdp" in await asked(client, session["offer"], offer, session["media_token"])
            await connection.close()
        return answered == _TIMES

    return await _with_session(host, harm)


VIEWERS: dict[str, Guest] = {
    "stops reading": _stops_reading,
    "vanishes": _vanishes,
    "offers garbage": _offers_garbage,
    "offers again and again": _offers_again_and_again,
}


def _microphone(packets: list[bytes | str], *, may_be_hung_up_on: bool = False) -> Guest:
    """Somebody who sends these, and then asks whether the server is still there."""

    async def come(host: Host) -> bool:
        import websockets

        async def harm(_client: Any, _session: dict[str, Any], socket: Any) -> bool:
            try:
                async with asyncio.timeout(_ANSWERS_S):
                    for packet in packets:
                        await socket.send(packet)
                        await asyncio.sleep(_SPEAKS_S / 50)
                    await socket.send(json.dumps({"type": "ping", "t": 7}))
                    while True:
                        said = await socket.recv()
                        if isinstance(said, str) and json.loads(said)["type"] == "pong":
                            return True
            except (TimeoutError, websockets.ConnectionClosed):
                return may_be_hung_up_on

        return await _with_session(host, harm)

    return come


def _sound(samples_A: np.ndarray[Any, Any]) -> bytes:
    return samples_A.astype("<i2").tobytes()


_CLIPPED_A = 32_767 * np.sign(np.sin(np.arange(_PACKET) * 2 * np.pi * 200 / _RATE_HZ))
MICROPHONES: dict[str, Guest] = {
    "silence": _microphone([_sound(np.zeros(_PACKET))] * 50),
    "clipping": _microphone([_sound(_CLIPPED_A)] * 50),
    "direct current": _microphone([_sound(np.full(_PACKET, 32_767))] * 50),
    "half the rate": _microphone([_sound(_CLIPPED_A[: _PACKET // 2])] * 50),
    "huge chunks": _microphone([_sound(np.zeros(500_000))] * 3, may_be_hung_up_on=True),
    "no numbers": _microphone(
        [np.full(_PACKET, np.nan, np.float32).tobytes()] * 10 + ['{"type": "ping", "t": NaN}'] * 10
    ),
    "odd bytes": _microphone([b"\x01" * 641] * 20),
}
"""What a microphone may send; all but the first three and the sixth are refused piece by piece."""
