"""The whole server as one ASGI application."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import final

from fastapi import FastAPI, Request, WebSocket
from starlette.responses import JSONResponse, Response

from openlpm.engine.engine import Engine
from openlpm.serving import npc
from openlpm.serving.api import Api
from openlpm.serving.characters import Characters
from openlpm.serving.guard import Guard, deny
from openlpm.serving.limits import RateLimit
from openlpm.serving.metrics import CONTENT_TYPE, ServerMetrics
from openlpm.serving.page_files import PageFiles
from openlpm.serving.refusals import Code, Refusal
from openlpm.serving.refusing import add_refusals
from openlpm.serving.security import COOKIE, Doors, Keyring
from openlpm.serving.sessions import MakeAgent, Sessions
from openlpm.serving.settings import ServerSettings
from openlpm.serving.socket import PROTOCOL, SessionSocket, token_of

_log = logging.getLogger(__name__)
_ENCODERS = 2


@final
@dataclass(frozen=True, slots=True, eq=False)
class Serving:
    """What the application is made of; ``app.state.serving``."""

    keyring: Keyring
    doors: Doors
    characters: Characters
    sessions: Sessions
    metrics: ServerMetrics
    encoders: ThreadPoolExecutor


def create_app(
    engine: Engine, settings: ServerSettings, make_agent: MakeAgent, *, page: PageFiles | None = None
) -> FastAPI:
    """The application. Whoever calls this starts the engine and closes it; sessions end with the application."""
    metrics = ServerMetrics()
    keyring = Keyring(settings.server_key, token_s=settings.limits.token_s)
    doors = Doors(settings, keyring)
    characters = Characters()
    sessions = Sessions(engine, settings, make_agent, characters, metrics)
    encoders = ThreadPoolExecutor(_ENCODERS, thread_name_prefix="jpeg")
    serving = Serving(keyring, doors, characters, sessions, metrics, encoders)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            await sessions.drain()
            await asyncio.to_thread(encoders.shutdown)

    app = FastAPI(title="OpenLPM", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.serving = serving
    app.include_router(Api(settings, keyring, doors, characters, sessions).router())
    _add_page(app, serving, page or PageFiles())
    _add_health(app, serving, engine)
    _add_sockets(app, serving)
    add_refusals(app, metrics)
    limits = settings.limits
    rate = RateLimit(limits.requests_a_minute, limits.requests_a_minute_overall)
    app.add_middleware(Guard, doors=doors, rate=rate, metrics=metrics)
    return app


def _add_page(app: FastAPI, serving: Serving, page: PageFiles) -> None:
    async def index(request: Request) -> Response:
        file = page.find("index.html")
        assert file is not None
        answer = file.answer(request.headers.get("if-none-match", ""), for_ever=False)
        if serving.doors.gives_cookie(request.headers):
            answer.set_cookie(COOKIE, serving.keyring.cookie, httponly=True, samesite="strict", path="/")
        return answer

    async def asset(request: Request, path: str) -> Response:
        file = page.find(f"assets/{path}")
        if file is None:
            raise Refusal(Code.NOT_FOUND, "There is no such file.")
        return file.answer(request.headers.get("if-none-match", ""), for_ever=True)

    app.add_api_route("/", index, methods=["GET"], response_model=None)
    app.add_api_route("/assets/{path:path}", asset, methods=["GET"], response_model=None)


def _add_health(app: FastAPI, serving: Serving, engine: Engine) -> None:
    async def health() -> Response:
        return JSONResponse({"status": "ok"})

    async def ready() -> Response:
        status = serving.sessions.status
        content = {"status": status, "streams": engine.streams, "capacity": engine.capacity}
        return JSONResponse(content, status_code=200 if status == "ready" else 503)

    async def metrics() -> Response:
        serving.metrics.tasks.set(len(asyncio.all_tasks()))
        return Response(serving.metrics.text(), media_type=CONTENT_TYPE)

    handlers: dict[str, Callable[[], object]] = {"/health": health, "/ready": ready, "/metrics": metrics}
    for path, handler in handlers.items():
        app.add_api_route(path, handler, methods=["GET"], response_model=None)


def _add_sockets(app: FastAPI, serving: Serving) -> None:
    async def session_socket(socket: WebSocket, key: str) -> None:
        try:
            session = serving.sessions.find(key)
            session.token.require(token_of(socket, PROTOCOL))
            session.open()
        except Refusal as refusal:
            await deny(socket, refusal, serving.metrics)
            return
        await SessionSocket(socket, session, serving.metrics, serving.encoders).run()

    async def npc_socket(socket: WebSocket) -> None:
        try:
            serving.keyring.spend(token_of(socket, npc.PROTOCOL))
            serving.sessions.require_running()
        except Refusal as refusal:
            await deny(socket, refusal, serving.metrics)
            return
        await npc.NpcSocket(socket, serving.sessions, serving.characters, serving.metrics, serving.encoders).run()

    app.add_api_websocket_route("/api/sessions/{key}/socket", session_socket)
    app.add_api_websocket_route("/api/npc", npc_socket)
