"""What the server's tests stand on: an engine of test cards, a server on a free port, an agent that says tones."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("aiortc")

import httpx
from numpy.typing import NDArray

from openlpm.agents.agent import AgentEvent, BargedIn, Feeling, TurnEnded, Voice, Who, Words
from openlpm.engine.engine import Engine, EngineConfig
from openlpm.engine.worker import CardConfig
from openlpm.serving.app import create_app
from openlpm.serving.running import DrainingServer, config_of, listen
from openlpm.serving.session import Wish
from openlpm.serving.settings import Limits, ServerSettings

KEY = "a key for the tests of the server"
RATE_HZ = 24_000


class ToneAgent:
    """Says a tone of a second for whatever is asked; keeps what it was told, so that tests can look."""

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.heard_samples = 0
        self.loudest = 0.0
        self.reports: list[tuple[float, float]] = []
        self.interrupted = 0
        self.closed = False
        self._events: asyncio.Queue[AgentEvent | None] = asyncio.Queue()

    async def start(self) -> None:
        await asyncio.sleep(0)

    def hear(self, samples_A: NDArray[np.float32], rate_hz: int) -> None:
        self.heard_samples += samples_A.shape[0] * 48_000 // rate_hz
        self.loudest = max(self.loudest, float(np.abs(samples_A).max(initial=0.0)))

    def ask(self, text: str) -> None:
        self._events.put_nowait(Words(who=Who.USER, text=text))
        self._events.put_nowait(TurnEnded(hangover_s=0.2))
        self._events.put_nowait(Feeling(emotion="happy", intensity=0.5))
        self.say(f"You said {text}")

    def say(self, text: str) -> None:
        self._events.put_nowait(Words(who=Who.AGENT, text=text))
        tone_A = (0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ)).astype(np.float32)
        for part_A in np.split(tone_A, 4):
            self._events.put_nowait(Voice(samples_A=part_A, rate_hz=RATE_HZ))
        self._events.put_nowait(Voice(samples_A=np.zeros(0, np.float32), rate_hz=RATE_HZ, last=True))

    def barge_in(self) -> None:
        self._events.put_nowait(BargedIn(onset_s=0.1))

    def playing(self, *, heard_s: float, left_s: float) -> None:
        self.reports.append((heard_s, left_s))

    def interrupt(self) -> None:
        self.interrupted += 1

    async def events(self) -> AsyncIterator[AgentEvent]:
        while (event := await self._events.get()) is not None:
            yield event

    async def close(self) -> None:
        self.closed = True
        self._events.put_nowait(None)


@dataclass(eq=False)
class Running:
    """A server that runs, and what looks into it."""

    url: str
    server: DrainingServer
    serving: Any
    agents: list[ToneAgent]

    @property
    def socket_url(self) -> str:
        return self.url.replace("http", "ws", 1)

    def client(self, **options: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, headers={"authorization": f"Bearer {KEY}"}, **options)

    async def open(self, client: httpx.AsyncClient, **wish: Any) -> dict[str, Any]:
        """A session, as the server answers it."""
        token = (await client.post("/api/tokens")).json()["token"]
        answer = await client.post("/api/sessions", json={"token": token, "character": "seed:900024", **wish})
        assert answer.status_code == 201, answer.text
        return answer.json()


@pytest.fixture(scope="session")
def engine() -> Generator[Engine, None, None]:
    """An engine whose worker draws test cards."""
    cards = Engine(EngineConfig(stage=CardConfig(places=8)))
    cards.start()
    try:
        assert cards.wait_ready(60)
        yield cards
    finally:
        cards.close()


@pytest.fixture
def serve(engine: Engine) -> Callable[..., AbstractAsyncContextManager[Running]]:
    """Starts a server with fields of ``Limits`` or of ``ServerSettings``; at its end nothing may be left."""

    @contextlib.asynccontextmanager
    async def start(limits: dict[str, Any] | None = None, **fields: Any) -> AsyncGenerator[Running, None]:
        agents: list[ToneAgent] = []

        def make_agent(wish: Wish) -> ToneAgent:
            agents.append(ToneAgent(wish))
            return agents[-1]

        generous = {"requests_a_minute": 60_000, "requests_a_minute_overall": 600_000, "drain_s": 0.0}
        settings = ServerSettings(server_key=KEY, port=0, limits=Limits(**generous | (limits or {})), **fields)
        app = create_app(engine, settings, make_agent)
        server = DrainingServer(config_of(app, settings), app.state.serving.sessions, settings.limits.drain_s)
        listener = listen(settings.host, settings.port)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
            if task.done():
                await task
        port = listener.getsockname()[1]
        try:
            yield Running(f"http://127.0.0.1:{port}", server, app.state.serving, agents)
        finally:
            server.should_exit = True
            await task
        assert engine.streams == 0

    return start


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, None]], None]:
    """Runs a test's coroutine; afterwards no task and no thread of it may be left."""

    async def alone(work: Coroutine[Any, Any, None]) -> None:
        async with asyncio.timeout(60):
            await work
        for _ in range(40):  # closed transports say goodbye in their own turn
            left = asyncio.all_tasks() - {asyncio.current_task()}
            if not left:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"tasks are left: {left}")

    def start(work: Coroutine[Any, Any, None]) -> None:
        before = set(threading.enumerate())
        asyncio.run(alone(work))
        left = [thread.name for thread in set(threading.enumerate()) - before if not thread.daemon]
        assert not left, f"threads are left: {left}"

    return start
