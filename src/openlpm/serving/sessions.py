"""All sessions of a server: who gets one, and how they end."""

import asyncio
import gc
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, final

from openlpm.agents.agent import Agent
from openlpm.core.errors import ConfigError, NoRoom, PerformanceEnded
from openlpm.engine.engine import Engine, Joining
from openlpm.engine.performer import Performer
from openlpm.serving.characters import Characters
from openlpm.serving.conversation import Conversation
from openlpm.serving.limits import Places
from openlpm.serving.metrics import ServerMetrics
from openlpm.serving.outputs import Outbox
from openlpm.serving.refusals import Code, Refusal
from openlpm.serving.security import MediaToken
from openlpm.serving.session import Bye, Session, Wish, owned
from openlpm.serving.settings import ServerSettings

_log = logging.getLogger(__name__)
_RETRY_S = 15.0
_DRAIN_LOOK_S = 0.2
_MOST_ENDED = 256
_SWEEP_S = 0.5
"""After its end a session's connection, a ring of objects with an encoder among them, is swept up: by itself Python
would wait until there are enough of them, and 200 visits held 200 MiB. What the server is made of is left out of it
(``running.settle_memory``), so this takes milliseconds."""

MakeAgent = Callable[[Wish], Agent]
"""Makes an agent for one conversation; raises ConfigError for a name that it does not know."""


@final
class Sessions:
    """Opens, finds and ends them; owns their tasks."""

    def __init__(
        self,
        engine: Engine,
        settings: ServerSettings,
        make_agent: MakeAgent,
        characters: Characters,
        metrics: ServerMetrics,
    ) -> None:
        self._engine, self._settings, self._make_agent = engine, settings, make_agent
        self._characters, self._metrics = characters, metrics
        self._places = Places(settings.limits.sessions_an_address)
        self._running: dict[str, Session] = {}
        self._ended: OrderedDict[str, MediaToken] = OrderedDict()
        """Of sessions that ended lately, whose clients may not know it."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._seed = time.time_ns() % 2**31
        self.draining = False
        self.closing = asyncio.Event()
        """Set when all that still runs is ended."""

    @property
    def status(self) -> str:
        """``ready``, or why nobody can come in: ``draining``, ``starting``, ``full``."""
        if self.draining:
            return "draining"
        if not self._engine.is_ready:
            return "starting"
        return "ready" if self._engine.streams < self._engine.capacity else "full"

    @property
    def capacity(self) -> int:
        """Characters at once."""
        return self._engine.capacity

    async def open(self, wish: Wish, address: str) -> Session:
        """A new session that runs.

        Raises:
            Refusal: there is no room, the server ends or is not ready, or the wish cannot be met.
        """
        began_s = time.monotonic()
        self.require_open()
        self._places.take(address)
        try:
            performer = await self._join(wish)
            session = self._couple(wish, performer)
        except BaseException:
            self._places.give_back(address)
            raise
        self._running[session.id] = session
        self._metrics.sessions.set(len(self._running))
        owned(self._live(session, address), self._tasks)
        self._metrics.session_create_ms.observe(1e3 * (time.monotonic() - began_s))
        _log.info("a session began", extra={"session": session.id})
        return session

    def require_open(self) -> None:
        """See that sessions may begin.

        Raises:
            Refusal: the server ends, is not ready, or is full.
        """
        self.require_running()
        if self.status == "full":
            raise _full()

    def require_running(self) -> None:
        """See that the server neither ends nor begins.

        Raises:
            Refusal: it does.
        """
        match self.status:
            case "draining":
                raise Refusal(Code.DRAINING, "The server is being stopped; try another one.", retry_s=_RETRY_S)
            case "starting":
                raise Refusal(Code.STARTING, "The model is being loaded; try again soon.", retry_s=5.0)
            case _:
                return

    def find(self, key: str) -> Session:
        """The session of this id.

        Raises:
            Refusal: there is none, or no longer.
        """
        session = self._running.get(key)
        if session is None:
            raise Refusal(Code.NOT_FOUND, "There is no such session.")
        return session

    def close(self, key: str, token: str) -> None:
        """End a session, if it has not ended by itself: whoever closes cannot know.

        Raises:
            Refusal: there was none of this id lately, or it is not theirs.
        """
        session = self._running.get(key)
        owner = self._ended.get(key) if session is None else session.token
        if owner is None:
            raise Refusal(Code.NOT_FOUND, "There is no such session.")
        owner.require(token)
        if session is not None:
            session.end(Bye.CLOSED)

    async def drain(self, most_s: Callable[[], float] = lambda: 0.0) -> None:
        """Let nobody in, wait for those who are there, then end them; ``most_s`` may become less while it waits."""
        self.draining = True
        began_s = time.monotonic()
        while self._tasks and time.monotonic() - began_s < most_s():
            await asyncio.wait(set(self._tasks), timeout=_DRAIN_LOOK_S)
        self.closing.set()
        for session in list(self._running.values()):
            session.end(Bye.DRAINING)
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _join(self, wish: Wish) -> Performer:
        references = await self._characters.references(wish.character, wish.key)
        self._seed += 1
        joining = Joining(references=references, prompt=wish.prompt, emotion=wish.emotion, seed=self._seed)
        try:
            under_way = owned(asyncio.to_thread(self._engine.join, joining), self._tasks)
            try:
                return await asyncio.shield(under_way)
            except asyncio.CancelledError:
                # Whoever asked is gone; the engine does not know, and would keep a place for nobody.
                under_way.add_done_callback(_leave)
                raise
        except NoRoom:
            raise _full() from None
        except ConfigError as error:
            raise Refusal(Code.BAD_REQUEST, str(error)) from None
        except (PerformanceEnded, TimeoutError):
            raise Refusal(Code.STARTING, "The engine is not ready; try again soon.", retry_s=5.0) from None

    def _couple(self, wish: Wish, performer: Performer) -> Session:
        def converse(outbox: Outbox) -> Conversation:
            return Conversation(performer, agent, tell=outbox.tell, metrics=self._metrics, answers=wish.answers)

        try:
            agent = self._make_agent(wish)
        except ConfigError as error:
            performer.close()
            raise Refusal(Code.BAD_REQUEST, str(error)) from None
        except BaseException:
            performer.close()
            raise
        return Session(wish, self._settings, self._metrics, converse)

    async def _live(self, session: Session, address: str) -> None:
        try:
            reason = await session.live()
            _log.info("a session ended", extra={"session": session.id, "reason": reason.value})
        finally:
            self._running.pop(session.id, None)
            self._ended[session.id] = session.token
            while len(self._ended) > _MOST_ENDED:
                self._ended.popitem(last=False)
            self._places.give_back(address)
            self._metrics.sessions.set(len(self._running))
            asyncio.get_running_loop().call_later(_SWEEP_S, gc.collect)


def _leave(joined: "asyncio.Task[Performer]") -> None:
    if not joined.cancelled() and joined.exception() is None:
        joined.result().close()


def _full() -> Refusal:
    return Refusal(Code.BUSY, "As many characters run as this machine can carry; try again later.", retry_s=_RETRY_S)
