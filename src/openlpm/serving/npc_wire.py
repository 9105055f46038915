"""How messages, pictures and sound of many characters go through one socket."""

import asyncio
import json
import struct
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from starlette.websockets import WebSocket

from openlpm.serving import packets
from openlpm.serving.matte import Key, cut_out
from openlpm.serving.outputs import Waiting

_STREAM = struct.Struct("<HH")


@final
class Wire:
    """Writes to a socket, for one at a time."""

    def __init__(self, socket: WebSocket, encoders: ThreadPoolExecutor) -> None:
        """``encoders``: threads in which pictures become JPEG or WebP."""
        self._socket, self._encoders = socket, encoders
        self._sending = asyncio.Lock()

    async def tell(self, message: Mapping[str, Any]) -> None:
        """Send a message."""
        async with self._sending:
            await self._socket.send_text(json.dumps(message, separators=(",", ":")))

    async def send(self, waiting: Waiting, number: int, *, with_sound: bool, key: Key | None) -> None:
        """Send a moment of the stream of this number; with a ``key``, what is behind the character is transparent."""
        frame, stream = waiting.frame, _STREAM.pack(number, 0)
        picture = b""
        if waiting.with_picture and frame.fresh:
            loop = asyncio.get_running_loop()
            picture = await loop.run_in_executor(self._encoders, _encoded, frame.picture_HWC, key)
        async with self._sending:
            if with_sound:
                head = packets.header(packets.SOUND, frame, held=False)
                await self._socket.send_bytes(head + stream + packets.sound(frame))
            if waiting.with_picture:
                kind = packets.PICTURE if key is None else packets.PICTURE_WITH_ALPHA
                head = packets.header(kind, frame, held=not frame.fresh)
                await self._socket.send_bytes(head + stream + picture)


def _encoded(picture_HWC: NDArray[np.uint8], key: Key | None) -> bytes:
    return packets.jpeg(picture_HWC) if key is None else packets.webp(cut_out(picture_HWC, key))
