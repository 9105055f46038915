"""One conversation of one client, from the token it was opened with to the word it ends with."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, final

from openlpm.core.errors import PerformanceEnded
from openlpm.serving.characters import Character
from openlpm.serving.conversation import Conversation
from openlpm.serving.matte import Key
from openlpm.serving.metrics import ServerMetrics
from openlpm.serving.outputs import FrameQueue, Outbox
from openlpm.serving.refusals import Code, Refusal
from openlpm.serving.security import MediaToken
from openlpm.serving.settings import ServerSettings

if TYPE_CHECKING:
    from openlpm.serving.webrtc import Peer

_log = logging.getLogger(__name__)
_TICK_S = 1.0


class Bye(StrEnum):
    """Why a session ended."""

    CLOSED = "closed"
    IDLE = "idle"
    LONGEST = "longest"
    DRAINING = "draining"
    FAILED = "failed"


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What a client asked for when it opened a session."""

    character: Character
    prompt: str = ""
    emotion: str = "neutral"
    agent: str | None = None
    """The name of an agent; None for the server's own choice."""
    answers: bool = True
    """False: it is never asked what to say, it says what it is told."""
    key: Key | None = None
    """Before what it is drawn, where that is to be made transparent."""


@final
class Session:
    """Everything of one client; ``live`` runs it and cleans up."""

    def __init__(
        self,
        wish: Wish,
        settings: ServerSettings,
        metrics: ServerMetrics,
        converse: Callable[[Outbox], Conversation],
    ) -> None:
        """``converse`` couples performer and agent; what it tells goes into the outbox."""
        self.id = secrets.token_urlsafe(12)
        self.token = MediaToken()
        self.wish = wish
        self.outbox = Outbox()
        self.queue = FrameQueue(metrics, self.outbox.wake.set)
        self.conversation = converse(self.outbox)
        self._settings, self._metrics = settings, metrics
        self._peer: Peer | None = None
        self._by_socket = False
        self._opened = False
        self._ending = asyncio.Event()
        self._reason = Bye.CLOSED
        self.over = asyncio.Event()
        """Set when nothing of it runs any more."""
        self._negotiating = asyncio.Lock()

    def open(self) -> None:
        """The socket is there.

        Raises:
            Refusal: it was opened before.
        """
        if self._opened:
            raise Refusal(Code.BAD_REQUEST, "The socket of this session was opened before.")
        self._opened = True

    def end(self, reason: Bye) -> None:
        """Have it end; the first reason stays."""
        if not self._ending.is_set():
            self._reason = reason
            self._ending.set()

    def use_socket(self, *, by_socket: bool) -> None:
        """Send pictures and sound through the socket, or no longer."""
        self._by_socket = by_socket
        if by_socket:
            self.conversation.attach(self.queue)
            if self._peer is not None:
                self.conversation.detach(self._peer)
        else:
            self.conversation.detach(self.queue)
            self.queue.clear()
            if self._peer is not None:
                self._peer_up(self._peer)

    async def offer(self, sdp: str) -> str:
        """Answer a WebRTC offer; a second one replaces the connection of the first.

        Raises:
            Refusal: it cannot be used.
        """
        from openlpm.serving.webrtc import Peer

        async with self._negotiating:
            if self._ending.is_set():
                raise Refusal(Code.NOT_FOUND, "There is no such session.")
            before, self._peer = self._peer, None
            if before is not None:
                self.conversation.detach(before)
                await before.close()
            peer = Peer(
                hear=self.conversation.hear,
                on_up=lambda: self._peer_up(peer),
                on_down=lambda: self.conversation.detach(peer),
                metrics=self._metrics,
                stun=self._settings.stun,
            )
            self._peer = peer
            return await peer.answer(sdp)

    async def live(self) -> Bye:
        """Run until somebody or something ends it; everything of it is gone when this returns."""
        talk = asyncio.create_task(self.conversation.run(), name="conversation")
        tasks: list[asyncio.Task[Any]] = [
            talk,
            asyncio.create_task(self._watch(), name="watch"),
            asyncio.create_task(self._ending.wait(), name="ending"),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _ended(tasks)
            self.end(self._why(talk))
            async with self._negotiating:
                if self._peer is not None:
                    await self._peer.close()
            self.outbox.tell({"type": "bye", "reason": self._reason.value})
            self.outbox.close()
            self.over.set()
        return self._reason

    def _why(self, talk: "asyncio.Task[None]") -> Bye:
        error = None if talk.cancelled() or not talk.done() else talk.exception()
        if error is None:
            return Bye.CLOSED
        self._metrics.errors.labels(Bye.FAILED.value).inc()
        if not isinstance(error, PerformanceEnded):
            _log.error("a session failed", exc_info=error, extra={"session": self.id})
        else:
            _log.warning("a performance ended", extra={"session": self.id, "reason": str(error)})
        return Bye.FAILED

    async def _watch(self) -> None:
        limits, clock = self._settings.limits, asyncio.get_running_loop()
        began_s = clock.time()
        first_frame = False
        while True:
            await asyncio.sleep(_TICK_S)
            age_s = clock.time() - began_s
            if age_s > limits.longest_s:
                return self.end(Bye.LONGEST)
            if self.conversation.idle_s > limits.idle_s or (not self._opened and age_s > limits.unopened_s):
                return self.end(Bye.IDLE)
            numbers = self.conversation.numbers()
            drift_ms = None if self._peer is None else self._peer.drift_ms
            if drift_ms is not None:
                self._metrics.av_drift_ms.observe(abs(drift_ms))
            first_s = self.conversation.performer.metrics().first_frame_s
            if first_s is not None and not first_frame:
                first_frame = True
                self._metrics.avatar_first_frame_ms.observe(1e3 * first_s)
            self.outbox.tell({**numbers, "av_drift_ms": drift_ms})

    def _peer_up(self, peer: "Peer") -> None:
        if peer is self._peer and not self._by_socket:
            self.conversation.attach(peer)


async def _ended(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def owned(work: Coroutine[Any, Any, Any], owner: set[asyncio.Task[Any]]) -> asyncio.Task[Any]:
    """A task that stays in its owner's set until it is done."""
    task = asyncio.create_task(work)
    owner.add(task)
    task.add_done_callback(owner.discard)
    return task
