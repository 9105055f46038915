"""A conversation of the development server: its socket, its performance and its connection."""

import asyncio
import json
import struct
import time
from typing import Any

import numpy as np
from fastapi import WebSocket
from performance import Moment, Performance
from pictures import character, encode
from tracks import Offering

HEADER = struct.Struct("<BBHIQ")


class Session:
    """A character, its socket and its connection."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.out: asyncio.Queue[dict[str, Any] | bytes] = asyncio.Queue(200)
        self.play = Performance(seed, self.tell)
        self.offering = Offering(self.play)

    def tell(self, message: dict[str, Any] | bytes) -> None:
        """Send it when the socket has time; nothing when it has not."""
        if not self.out.full():
            self.out.put_nowait(message)

    def show(self, moment: Moment) -> None:
        """Send a moment as binary messages."""
        due_us = int(moment.due_s * 1e6)
        for kind, payload in ((1, encode(moment.picture_HWC, "JPEG", 90)), (2, moment.sound_A.tobytes())):
            flags = 2 if moment.ends and kind == 2 else 0
            self.tell(HEADER.pack(kind, flags, moment.epoch % 65_536, moment.number, due_us) + payload)

    async def run(self, ws: WebSocket) -> None:
        """Serve an accepted socket until it closes."""
        hello = {"type": "hello", "size": 256, "fps": 24, "sound_rate_hz": 48_000, "microphone_rate_hz": 16_000}
        await ws.send_json({**hello, "character": character(self.seed)})
        tasks = [asyncio.create_task(self.play.run()), asyncio.create_task(self._send(ws))]
        try:
            while (message := await ws.receive())["type"] != "websocket.disconnect":
                self._hear(message)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, ws: WebSocket) -> None:
        while True:
            message = await self.out.get()
            await (ws.send_bytes(message) if isinstance(message, bytes) else ws.send_json(message))

    def _hear(self, message: dict[str, Any]) -> None:
        play = self.play
        if message.get("bytes") is not None:
            samples = np.frombuffer(message["bytes"], dtype="<i2")
            if float(np.abs(samples).mean()) > 400:
                play.heard_s = time.monotonic()
            return
        said = json.loads(message["text"])
        match said["type"]:
            case "media":
                by_socket = said["by"] == "socket"
                play.listeners = [self.show] if by_socket else [self.offering.push]
            case "say":
                play.say(said["text"])
            case "ask":
                self.tell({"type": "words", "who": "user", "text": said["text"], "final": True})
                play.say(f"You said: {said['text']}. I am only a drawn test picture, and repeat what I hear.")
            case "interrupt":
                play.interrupt("button")
            case "emotion":
                if said["name"] == "confused":
                    self.tell(
                        {"type": "trouble", "message": "The voice service did not answer; the last words are lost."}
                    )
            case "ping":
                self.tell({"type": "pong", "t": said["t"], "server_s": time.monotonic()})
            case "prompt" | "microphone" | "seen":
                pass
            case other:
                self.tell({"type": "error", "code": "bad_request", "message": f"No message type {other}."})
