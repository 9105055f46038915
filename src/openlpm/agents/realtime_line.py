"""The connection to a realtime endpoint: what is to be sent waits here, and what is lost is sought again."""

import asyncio
import json
import logging
import os
from collections import deque
from collections.abc import Callable
from typing import final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from openlpm.agents.realtime_messages import Dialect, Event, RealtimeConfig, read, session_update
from openlpm.core.errors import AgentError

_LOG = logging.getLogger(__name__)
_MOST_SOUND = 250
"""Pieces of microphone sound that wait; then the oldest are dropped."""
_MOST_WORDS = 64
"""Other messages that wait; then newer ones are refused."""
_LONGEST_PAUSE_S = 8.0
_CLOSE_S = 1.0
_MOST_BYTES = 16 * 2**20


@final
class RealtimeLine:
    """Sends and receives events until it is closed, through as many connections as that takes."""

    def __init__(
        self,
        config: RealtimeConfig,
        *,
        recall: Callable[[], list[Event]],
        tell: Callable[[Event], None],
        lost: Callable[[], None],
        trouble: Callable[[str], None],
    ) -> None:
        """``recall`` says what a new connection is told before anything else."""
        self._config, self._recall = config, recall
        self._tell, self._lost, self._trouble = tell, lost, trouble
        self._sound: deque[Event] = deque(maxlen=_MOST_SOUND)
        self._words: deque[Event] = deque()
        self._news = asyncio.Event()
        self._connected = False
        self._task: asyncio.Task[None] | None = None

    @property
    def is_connected(self) -> bool:
        """Whether there is somebody to talk to."""
        return self._connected

    async def start(self) -> None:
        """Connect.

        Raises:
            AgentError: the endpoint cannot be reached, or refuses.
        """
        socket = await self._connect()
        self._task = asyncio.get_running_loop().create_task(self._run(socket), name="realtime line")

    def send(self, event: Event) -> bool:
        """Send ``event``, now or when what waits before it is sent; False if it is refused."""
        if not self._connected or len(self._words) >= _MOST_WORDS:
            return False
        self._words.append(event)
        self._news.set()
        return True

    def send_sound(self, event: Event) -> bool:
        """As ``send``, for the microphone: without a connection it is dropped."""
        if self._connected:
            self._sound.append(event)
            self._news.set()
        return self._connected

    async def close(self) -> None:
        """Hang up. A second call does nothing."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self, socket: ClientConnection) -> None:
        while True:
            try:
                await self._talk(socket)
            except Exception:  # noqa: BLE001 (the boundary of a connection: what it brought cannot be handled)
                _LOG.exception("a realtime connection failed")
            finally:
                self._connected = False
                self._sound.clear()
                self._words.clear()
                await socket.close()
            self._lost()
            found = await self._seek()
            if found is None:
                return
            socket = found

    async def _seek(self) -> ClientConnection | None:
        """Connect again, with longer and longer pauses; None when that is hopeless."""
        self._trouble("The realtime server hung up; connecting again.")
        pause_s = self._config.first_pause_s
        for _ in range(self._config.attempts):
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            try:
                return await self._connect()
            except AgentError as error:
                _LOG.info("the realtime server is not back yet", extra={"reason": str(error)})
        self._trouble("The realtime server cannot be reached any more; start a new conversation.")
        return None

    async def _talk(self, socket: ClientConnection) -> None:
        sender = asyncio.get_running_loop().create_task(self._send_all(socket), name="realtime sender")
        try:
            async for message in socket:
                event = read(message)
                if event is None:
                    _LOG.warning("a realtime message could not be read")
                else:
                    self._tell(event)
        except ConnectionClosed:
            pass
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    async def _send_all(self, socket: ClientConnection) -> None:
        while True:
            # What stops the server goes before more sound.
            while self._words or self._sound:
                event = self._words.popleft() if self._words else self._sound.popleft()
                await socket.send(json.dumps(event))
            self._news.clear()
            await self._news.wait()

    async def _connect(self) -> ClientConnection:
        config = self._config
        key = os.environ.get(config.key_variable, "")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        if config.dialect is Dialect.BETA:
            headers["OpenAI-Beta"] = "realtime=v1"
        try:
            socket = await connect(
                f"{config.url}?model={config.model}",
                additional_headers=headers,
                open_timeout=config.connect_s,
                close_timeout=_CLOSE_S,
                max_size=_MOST_BYTES,
            )
            for event in (session_update(config), *self._recall()):
                await socket.send(json.dumps(event))
        except InvalidStatus as error:
            status = error.response.status_code
            if status in (401, 403):
                raise AgentError(
                    f"The realtime server refuses the key ({status}): set {config.key_variable}."
                ) from error
            raise AgentError(
                f"The realtime server refuses ({status}): check OPENLPM_REALTIME_URL and model."
            ) from error
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI, ConnectionClosed) as error:
            raise AgentError("The realtime server cannot be reached: check OPENLPM_REALTIME_URL.") from error
        self._connected = True
        return socket
