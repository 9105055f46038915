"""Several characters on one connection: a small client for game engines, and a demo of it.

The protocol is the last section of ``docs/live.md``. Needs ``websockets`` alone.
"""

import argparse
import asyncio
import json
import os
import struct
import urllib.request
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

_FROM_SERVER = struct.Struct("<BBHIQHH")
_TO_SERVER = struct.Struct("<BBHI")
PICTURES = {1: "jpg", 3: "webp", 4: "png"}
SOUND = 2
SOUND_RATE_HZ = 48_000
_HEARS, _SAYS = 1, 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Media:
    """A picture, or 1/24 s of sound, of one character."""

    kind: int
    id: str
    frame: int
    epoch: int
    due_s: float
    """On the server's clock, the same for all characters."""
    payload: bytes
    """Empty for a picture that stays as it is."""


class Npcs:
    """The characters of one connection: ``async with Npcs.open(...) as npcs``."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids: dict[int, str] = {}
        self._streams: dict[str, int] = {}

    @classmethod
    @asynccontextmanager
    async def open(cls, server: str, key: str) -> AsyncIterator["Npcs"]:
        """Connect to a server such as ``http://127.0.0.1:8400`` with its key."""
        token = await asyncio.to_thread(_token, server, key)
        address = f"ws{server.rstrip('/').removeprefix('http')}/api/npc"
        async with connect(address, subprotocols=["openlpm.npc.1", f"token.{token}"], max_size=2**20) as socket:
            yield cls(socket)

    async def send(self, type: str, id: str, **fields: Any) -> None:  # noqa: A002  # the protocol's own words
        """Say ``join``, ``say``, ``prompt``, ``emotion``, ``interrupt`` or ``leave`` for a character."""
        await self._socket.send(json.dumps({"type": type, "id": id, **fields}))

    async def hear(self, id: str, samples: bytes, rate_hz: int) -> None:  # noqa: A002
        """Let a character hear signed 16-bit samples, 20 to 200 ms of them."""
        await self._voice(_HEARS, id, samples, rate_hz, last=False)

    async def speak(self, id: str, samples: bytes, rate_hz: int, *, last: bool) -> None:  # noqa: A002
        """Give a character its own voice, in pieces as short; ``last`` ends the utterance."""
        await self._voice(_SAYS, id, samples, rate_hz, last=last)

    async def _voice(self, kind: int, name: str, samples: bytes, rate_hz: int, *, last: bool) -> None:
        header = _TO_SERVER.pack(kind, int(last), self._streams[name], rate_hz)
        await self._socket.send(header + samples)

    async def events(self) -> AsyncIterator[dict[str, Any] | Media]:
        """What the server says, and the pictures and sound of those who are here; until the socket closes."""
        async for message in self._socket:
            if isinstance(message, str):
                event = json.loads(message)
                self._follow(event)
                yield event
                continue
            kind, _, epoch, frame, due_us, stream, _ = _FROM_SERVER.unpack_from(message)
            name = self._ids.get(stream)
            if name is not None and (kind == SOUND or kind in PICTURES):
                payload = message[_FROM_SERVER.size :]
                yield Media(kind=kind, id=name, frame=frame, epoch=epoch, due_s=due_us / 1e6, payload=payload)

    def _follow(self, event: dict[str, Any]) -> None:
        if event["type"] == "joined":
            self._ids[event["stream"]] = event["id"]
            self._streams[event["id"]] = event["stream"]
        elif event["type"] == "left":
            del self._ids[self._streams.pop(event["id"])]


def _token(server: str, key: str) -> str:
    headers = {"Authorization": f"Bearer {key}"}
    request = urllib.request.Request(f"{server.rstrip('/')}/api/tokens", method="POST", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["token"]


async def demo(server: str, key: str, out: Path, seconds: float) -> dict[str, int]:
    """Let two characters speak at once and keep what is seen and heard; returns the number of pictures of each."""
    pictures = {"guard": 0, "merchant": 0}
    voices = {name: bytearray() for name in pictures}
    async with asyncio.timeout(seconds + 30), Npcs.open(server, key) as npcs:
        await npcs.send("join", "guard", character="seed:900005", emotion="bored")
        await npcs.send("join", "merchant", character="seed:900007", emotion="happy", prompt="leans in")
        async for event in npcs.events():
            match event:
                case {"type": "joined", "id": name}:
                    await npcs.send("say", name, text=f"I am the {name}. Who goes there?")
                case {"type": "error", "message": message}:
                    print(message)  # noqa: T201  # a demo
                case Media() if event.kind == SOUND:
                    voices[event.id] += event.payload
                case Media() if event.payload:
                    pictures[event.id] += 1
                    (out / event.id).mkdir(parents=True, exist_ok=True)
                    (out / event.id / f"{event.frame:05}.{PICTURES[event.kind]}").write_bytes(event.payload)
            if all(len(voice) >= seconds * SOUND_RATE_HZ * 2 for voice in voices.values()):
                break
    for name, voice in voices.items():
        _write_wave(out / f"{name}.wav", bytes(voice))
    return pictures


def _write_wave(path: Path, samples: bytes) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SOUND_RATE_HZ)
        file.writeframes(samples)


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default="http://127.0.0.1:8400")
    parser.add_argument("--out", type=Path, default=Path("out/npc"))
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    key = os.environ["OPENLPM_SERVER_KEY"]
    print(asyncio.run(demo(given.server, key, given.out, given.seconds)))  # noqa: T201  # a demo


if __name__ == "__main__":
    main()
