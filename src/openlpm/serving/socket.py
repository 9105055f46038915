"""The socket of a session: control both ways, and pictures and sound where there is no WebRTC."""

import asyncio
import contextlib
import json
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import final

from starlette.websockets import WebSocket, WebSocketDisconnect

from openlpm.core.units import FRAME_RATE_HZ
from openlpm.engine.performer import SOUND_RATE_HZ
from openlpm.serving import messages, packets
from openlpm.serving.direction import direct
from openlpm.serving.limits import RateLimit
from openlpm.serving.metrics import ServerMetrics
from openlpm.serving.outputs import Waiting
from openlpm.serving.refusals import Code, Refusal
from openlpm.serving.session import Bye, Session

PROTOCOL = "openlpm.1"
TOKEN_PREFIX = "token."
_MESSAGES_A_MINUTE = 6_000
"""Sound comes in 50 messages a second at most; more is too much."""
_FAREWELL_S = 2.0
_log = logging.getLogger(__name__)


def token_of(socket: WebSocket, protocol: str) -> str:
    """The token among the subprotocols.

    Raises:
        Refusal: the protocol or the token is not there.
    """
    offered = [part.strip() for part in socket.headers.get("sec-websocket-protocol", "").split(",")]
    tokens = [part.removeprefix(TOKEN_PREFIX) for part in offered if part.startswith(TOKEN_PREFIX)]
    if protocol not in offered or len(tokens) != 1:
        raise Refusal(Code.UNAUTHORIZED, f"Ask for the subprotocols {protocol} and {TOKEN_PREFIX}TOKEN.")
    return tokens[0]


@final
class SessionSocket:
    """Reads and writes one socket until it closes or the session ends."""

    def __init__(
        self, socket: WebSocket, session: Session, metrics: ServerMetrics, encoders: ThreadPoolExecutor
    ) -> None:
        """``encoders``: threads in which pictures become JPEG."""
        self._socket, self._session, self._metrics, self._encoders = socket, session, metrics, encoders
        self._rate = RateLimit(_MESSAGES_A_MINUTE, _MESSAGES_A_MINUTE)

    async def run(self) -> None:
        """Serve it; the session ends with it."""
        await self._socket.accept(subprotocol=PROTOCOL)
        await self._socket.send_text(json.dumps(self._hello()))
        tasks = [
            asyncio.create_task(self._read(), name="socket reader"),
            asyncio.create_task(self._write(), name="socket writer"),
            asyncio.create_task(self._give_up(), name="socket end"),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._session.end(Bye.CLOSED)
            for task in tasks:
                task.cancel()
            for error in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(error, Exception) and not isinstance(error, WebSocketDisconnect):
                    _log.error("a socket failed", exc_info=error, extra={"session": self._session.id})
            # It may be closed already, or its client may not read.
            with contextlib.suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
                async with asyncio.timeout(_FAREWELL_S):
                    await self._socket.close()

    async def _give_up(self) -> None:
        """Return some time after the session has ended: a client that does not read may not hear of it."""
        await self._session.over.wait()
        await asyncio.sleep(_FAREWELL_S)

    def _hello(self) -> dict[str, object]:
        return {
            "type": "hello",
            "size": self._session.conversation.performer.size,
            "fps": FRAME_RATE_HZ,
            "sound_rate_hz": SOUND_RATE_HZ,
            "microphone_rate_hz": messages.MICROPHONE_RATE_HZ,
            "character": self._session.wish.character.as_json(),
        }

    async def _read(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                self._rate.take("")
                data = message.get("bytes")
                if data is not None:
                    self._session.conversation.hear(messages.samples_of(data), messages.MICROPHONE_RATE_HZ)
                else:
                    self._obey(messages.read_message(message.get("text") or ""))
            except Refusal as refusal:
                self._metrics.errors.labels(refusal.code.value).inc()
                self._session.outbox.tell({"type": "error", "code": refusal.code.value, "message": refusal.message})

    def _obey(self, message: messages.Message) -> None:
        match message:
            case messages.Media(by):
                self._session.use_socket(by_socket=by == "socket")
            case messages.Microphone():
                pass
            case messages.Ping(t):
                self._session.outbox.tell({"type": "pong", "t": t, "server_s": time.monotonic()})
            case messages.Seen(ms):
                self._metrics.seen_ms.observe(ms)
            case _:
                direct(self._session.conversation, message)

    async def _write(self) -> None:
        outbox, queue = self._session.outbox, self._session.queue
        while True:
            outbox.wake.clear()
            message = outbox.take()
            if message is not None:
                await self._socket.send_text(json.dumps(message, separators=(",", ":")))
                continue
            if outbox.closed:
                return
            waiting = queue.take()
            if waiting is None:
                await outbox.wake.wait()
                continue
            await self._send(waiting)

    async def _send(self, waiting: Waiting) -> None:
        frame = waiting.frame
        await self._socket.send_bytes(packets.header(packets.SOUND, frame, held=False) + packets.sound(frame))
        if not waiting.with_picture:
            return
        picture = b""
        if frame.fresh:
            loop = asyncio.get_running_loop()
            picture = await loop.run_in_executor(self._encoders, packets.jpeg, frame.picture_HWC)
        head = packets.header(packets.PICTURE, frame, held=not frame.fresh)
        await self._socket.send_bytes(head + picture)
