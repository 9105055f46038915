"""Many characters on one socket, for game engines: each a session of its own, told apart by a stream number."""

import asyncio
import contextlib
import logging
import re
import struct
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, final

from starlette.websockets import WebSocket, WebSocketDisconnect

from openlpm.core.errors import InputError
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.engine.performer import SOUND_RATE_HZ
from openlpm.serving import messages
from openlpm.serving.api import read_wish
from openlpm.serving.characters import Characters
from openlpm.serving.direction import direct
from openlpm.serving.guard import address_of
from openlpm.serving.limits import RateLimit
from openlpm.serving.matte import Key
from openlpm.serving.metrics import ServerMetrics
from openlpm.serving.npc_wire import Wire
from openlpm.serving.refusals import Code, Refusal
from openlpm.serving.session import Bye, Session
from openlpm.serving.sessions import Sessions

PROTOCOL = "openlpm.npc.1"
_IN = struct.Struct("<BBHI")
_HEARS, _SAYS, _LAST = 1, 2, 1
_RATES_HZ = (8_000, 48_000)
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MOST_STREAMS = 1 << 16
_MESSAGES_A_MINUTE = 60_000
_DIRECTIONS = frozenset({"say", "prompt", "emotion", "interrupt"})
_TOLD = frozenset({"state", "words", "trouble"})
_FAREWELL_S = 2.0
_log = logging.getLogger(__name__)


@final
@dataclass(slots=True, eq=False)
class _Stream:
    """A character as the client knows it; without a session it is still joining."""

    id: str
    number: int
    with_sound: bool
    with_alpha: bool
    key: Key | None = None
    session: Session | None = None


@final
class NpcSocket:
    """Serves one connection until it closes; its characters leave with it."""

    def __init__(
        self,
        socket: WebSocket,
        sessions: Sessions,
        characters: Characters,
        metrics: ServerMetrics,
        encoders: ThreadPoolExecutor,
    ) -> None:
        self._socket, self._sessions, self._characters = socket, sessions, characters
        self._metrics, self._wire = metrics, Wire(socket, encoders)
        self._streams: dict[str, _Stream] = {}
        self._next_number = 1
        self._tasks: set[asyncio.Task[None]] = set()
        self._rate = RateLimit(_MESSAGES_A_MINUTE, _MESSAGES_A_MINUTE)

    async def run(self) -> None:
        """Serve it."""
        await self._socket.accept(subprotocol=PROTOCOL)
        hello = {"fps": FRAME_RATE_HZ, "sound_rate_hz": SOUND_RATE_HZ, "capacity": self._sessions.capacity}
        reading = asyncio.create_task(self._read({"type": "hello", **hello}), name="npc reader")
        closing = asyncio.create_task(self._sessions.closing.wait(), name="npc end")
        try:
            await asyncio.wait({reading, closing}, return_when=asyncio.FIRST_COMPLETED)
            if closing.done():
                await self._say_bye()
        finally:
            for stream in self._streams.values():
                if stream.session is not None:
                    stream.session.end(Bye.CLOSED)
            tasks: list[asyncio.Task[Any]] = [reading, closing, *self._tasks]
            for task in tasks:
                task.cancel()
            for error in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(error, Exception) and not isinstance(error, WebSocketDisconnect):
                    _log.error("an NPC socket failed", exc_info=error)
            with contextlib.suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
                async with asyncio.timeout(_FAREWELL_S):
                    await self._socket.close()

    async def _say_bye(self) -> None:
        with contextlib.suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                while self._streams:
                    await asyncio.sleep(0.02)
                await self._wire.tell({"type": "bye", "reason": Bye.DRAINING.value})

    async def _read(self, hello: Mapping[str, Any]) -> None:
        await self._wire.tell(hello)
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            named: str | None = None
            try:
                self._rate.take("")
                data = message.get("bytes")
                if data is not None:
                    self._voice(data)
                    continue
                fields = messages.read_object(message.get("text") or "")
                given = fields.get("id")
                named = given if isinstance(given, str) and _ID.fullmatch(given) else None
                await self._obey(fields, named)
            except Refusal as refusal:
                await self._refuse(named, refusal)

    async def _obey(self, fields: dict[str, Any], named: str | None) -> None:
        kind = fields.get("type")
        if kind == "ping":
            ping = messages.message_of(fields)
            assert isinstance(ping, messages.Ping)
            await self._wire.tell({"type": "pong", "t": ping.t, "server_s": time.monotonic()})
            return
        if named is None:
            raise Refusal(Code.BAD_REQUEST, "id: give 1 to 64 letters, digits, hyphens, underscores and points.")
        if kind == "join":
            self._begin_join(fields, named)
            return
        stream = self._streams.get(named)
        if stream is None or stream.session is None:
            raise Refusal(Code.NOT_FOUND, "No character of this id is here.")
        if kind == "leave":
            stream.session.end(Bye.CLOSED)
            return
        if kind not in _DIRECTIONS:
            raise Refusal(Code.BAD_REQUEST, "There is no message of this type.")
        direct(stream.session.conversation, messages.message_of(fields))

    def _begin_join(self, fields: dict[str, Any], named: str) -> None:
        if named in self._streams:
            raise Refusal(Code.BAD_REQUEST, "A character of this id is here.")
        flags = {name: fields.get(name, usual) for name, usual in (("alpha", False), ("sound", True))}
        if not all(isinstance(value, bool) for value in flags.values()):
            raise Refusal(Code.BAD_REQUEST, "alpha, sound: give true or false.")
        if self._next_number >= _MOST_STREAMS:
            raise Refusal(Code.BAD_REQUEST, "This connection has used up its stream numbers; open another one.")
        stream = _Stream(named, self._next_number, flags["sound"], flags["alpha"])
        self._next_number += 1
        self._streams[named] = stream
        task = asyncio.create_task(self._perform(stream, fields), name="npc")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _perform(self, stream: _Stream, fields: dict[str, Any]) -> None:
        try:
            wish = await read_wish(fields, self._characters)
            stream.key = await self._characters.key(wish.character) if stream.with_alpha else None
            wish = replace(wish, answers=wish.agent is not None, key=stream.key)
            session = await self._sessions.open(wish, address_of(self._socket.scope))
        except Refusal as refusal:
            del self._streams[stream.id]
            await self._refuse(stream.id, refusal)
            return
        try:
            session.open()
            joined = {"size": session.conversation.performer.size, "alpha": stream.with_alpha}
            about = {"stream": stream.number, **joined, "character": wish.character.as_json()}
            await self._wire.tell({"type": "joined", "id": stream.id, **about})
            stream.session = session
            session.use_socket(by_socket=True)
            await self._forward(stream, session)
        finally:
            session.end(Bye.CLOSED)
            self._streams.pop(stream.id, None)

    async def _forward(self, stream: _Stream, session: Session) -> None:
        outbox, queue = session.outbox, session.queue
        while True:
            outbox.wake.clear()
            message = outbox.take()
            if message is not None:
                if message["type"] == "bye":
                    reason = "left" if message["reason"] == Bye.CLOSED.value else message["reason"]
                    self._streams.pop(stream.id, None)
                    await self._wire.tell({"type": "left", "id": stream.id, "reason": reason})
                    return
                if message["type"] in _TOLD:
                    await self._wire.tell({"id": stream.id, **message})
                continue
            waiting = queue.take()
            if waiting is None:
                await outbox.wake.wait()
            else:
                await self._wire.send(waiting, stream.number, with_sound=stream.with_sound, key=stream.key)

    def _voice(self, data: bytes) -> None:
        if len(data) < _IN.size:
            raise Refusal(Code.BAD_REQUEST, "A voice begins with a header of 8 bytes.")
        kind, flags, number, rate_hz = _IN.unpack_from(data)
        if kind not in (_HEARS, _SAYS) or not _RATES_HZ[0] <= rate_hz <= _RATES_HZ[1]:
            raise Refusal(Code.BAD_REQUEST, "A voice is of kind 1 or 2 and has 8000 to 48000 samples a second.")
        last = kind == _SAYS and bool(flags & _LAST)
        samples_A = messages.samples_of(data[_IN.size :], rate_hz, least_s=0.0 if last else 0.02)
        for stream in self._streams.values():
            if stream.number == number and stream.session is not None:
                talk = stream.session.conversation
                if kind == _HEARS:
                    talk.hear(samples_A, rate_hz)
                    return
                try:
                    talk.speak(samples_A, rate_hz, last=last)
                except InputError as error:
                    raise Refusal(Code.TOO_LARGE, f"{error}.") from None

    async def _refuse(self, named: str | None, refusal: Refusal) -> None:
        self._metrics.errors.labels(refusal.code.value).inc()
        retry = {} if refusal.retry_s is None else {"retry_s": refusal.retry_s}
        error = {"code": refusal.code.value, "message": refusal.message, **retry}
        await self._wire.tell({"type": "error", "id": named, **error})
