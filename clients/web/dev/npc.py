"""Many pretended characters on one connection, for the development server; ``alpha`` cuts out an oval."""

import asyncio
import io
import json
import struct
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from fastapi import WebSocket
from numpy.typing import NDArray
from performance import Moment, Performance
from pictures import character, encode, poses
from PIL import Image

_HEADER = struct.Struct("<BBHIQHH")


class Crowd:
    """The characters of one socket."""

    def __init__(self, ws: WebSocket) -> None:
        self._ws = ws
        self._out: asyncio.Queue[dict[str, Any] | bytes] = asyncio.Queue(400)
        self._here: dict[str, tuple[Performance, asyncio.Task[None], int]] = {}
        self._streams = 0

    async def run(self) -> None:
        """Serve until the socket closes."""
        self._tell({"type": "hello", "fps": 24, "sound_rate_hz": 48_000, "capacity": 4})
        sending = asyncio.create_task(self._send())
        try:
            while (message := await self._ws.receive())["type"] != "websocket.disconnect":
                if message.get("bytes") is not None:
                    self._voice(message["bytes"])
                else:
                    await self._follow(json.loads(message["text"]))
        finally:
            tasks = [sending, *(task for _, task, _ in self._here.values())]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _tell(self, message: dict[str, Any] | bytes) -> None:
        if not self._out.full():
            self._out.put_nowait(message)

    async def _send(self) -> None:
        while True:
            message = await self._out.get()
            await (self._ws.send_bytes(message) if isinstance(message, bytes) else self._ws.send_json(message))

    async def _follow(self, said: dict[str, Any]) -> None:
        name = said["id"]
        if said["type"] == "join":
            await self._join(name, int(said["character"].removeprefix("seed:")), alpha=said.get("alpha", False))
            return
        if name not in self._here:
            self._tell({"type": "error", "id": name, "code": "not_found", "message": f"{name} is not here."})
            return
        play, task, _ = self._here[name]
        if said["type"] == "say":
            play.say(said["text"])
        elif said["type"] == "interrupt":
            play.interrupt("button")
        elif said["type"] == "leave":
            task.cancel()
            del self._here[name]
            self._tell({"type": "left", "id": name, "reason": "left"})

    async def _join(self, name: str, seed: int, *, alpha: bool) -> None:
        await asyncio.to_thread(poses, seed)
        self._streams += 1
        stream = self._streams
        play = Performance(seed, lambda message: self._tell({**message, "id": name}))
        play.listeners = [self._shower(stream, alpha=alpha)]
        joined = {"type": "joined", "id": name, "stream": stream, "size": 256, "alpha": alpha}
        self._tell({**joined, "character": character(seed)})
        self._here[name] = (play, asyncio.create_task(play.run()), stream)

    def _shower(self, stream: int, *, alpha: bool) -> Callable[[Moment], None]:
        def show(moment: Moment) -> None:
            picture = _cut_out(moment.picture_HWC) if alpha else encode(moment.picture_HWC, "JPEG", 90)
            for kind, payload in ((3 if alpha else 1, picture), (2, moment.sound_A.tobytes())):
                due_us = int(moment.due_s * 1e6)
                self._tell(_HEADER.pack(kind, 0, moment.epoch % 65_536, moment.number, due_us, stream, 0) + payload)

        return show

    def _voice(self, data: bytes) -> None:
        _, _, stream, _ = struct.unpack_from("<BBHI", data)
        for play, _, number in self._here.values():
            if number == stream and np.abs(np.frombuffer(data, dtype="<i2", offset=8)).mean() > 400:
                play.heard_s = time.monotonic()


def _cut_out(picture_HWC: NDArray[np.uint8]) -> bytes:
    y, x = np.mgrid[-1:1:256j, -1:1:256j]
    alpha = np.clip((1 - (x / 0.85) ** 2 - (y / 0.98) ** 2) * 10, 0, 1) * 255
    written = io.BytesIO()
    Image.fromarray(np.dstack([picture_HWC, alpha.astype(np.uint8)]), "RGBA").save(written, "WEBP", quality=85)
    return written.getvalue()
