"""What every request passes: host and origin, its rate, the headers of its answer, and a line in the log."""

import logging
import re
import time
from collections.abc import Mapping
from typing import final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from openlpm.serving.limits import RateLimit
from openlpm.serving.metrics import ServerMetrics
from openlpm.serving.refusals import Refusal
from openlpm.serving.security import Doors

_log = logging.getLogger(__name__)
_FREE = frozenset({"/health", "/ready", "/metrics"})
"""Asked for by machines that watch this one, again and again."""
_FIRST_ERROR = 400
_READ_TO_END_BYTES = 64 * 2**20
_HOST = re.compile(r"[A-Za-z0-9.\-]+(:\d{1,5})?|\[[0-9A-Fa-f:]+\](:\d{1,5})?")
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "microphone=(self), camera=(), geolocation=()",
}
_CORS = {
    "access-control-allow-methods": "GET, POST, DELETE",
    "access-control-allow-headers": "authorization, content-type",
    "access-control-max-age": "600",
}


@final
class Guard:
    """ASGI middleware, outermost."""

    def __init__(self, app: ASGIApp, *, doors: Doors, rate: RateLimit, metrics: ServerMetrics) -> None:
        self._app, self._doors, self._rate, self._metrics = app, doors, rate, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, began_s, status = Headers(scope=scope), time.monotonic(), 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._mark(MutableHeaders(scope=message), headers)
                if status >= _FIRST_ERROR and unending(headers):
                    MutableHeaders(scope=message)["connection"] = "close"
            await send(message)

        try:
            self._enter(scope, headers)
        except Refusal as refusal:
            await refused(refusal, self._metrics)(scope, receive, answer)
        else:
            if scope["method"] == "OPTIONS" and self._doors.is_named(headers.get("origin", "")):
                await Response(status_code=204, headers=_CORS)(scope, receive, answer)
            else:
                await self._app(scope, receive, answer)
        _log.info(
            "request",
            extra={
                "method": scope["method"],
                "route": route_of(scope),
                "status": status,
                "ms": round(1e3 * (time.monotonic() - began_s), 1),
            },
        )

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._enter(scope, Headers(scope=scope))
        except Refusal as refusal:
            await deny(WebSocket(scope, receive, send), refusal, self._metrics)
            return
        await self._app(scope, receive, send)

    def _enter(self, scope: Scope, headers: Headers) -> None:
        self._doors.check(headers)
        if scope["path"] not in _FREE:
            self._rate.take(address_of(scope))

    def _mark(self, answer: MutableHeaders, asked: Headers) -> None:
        for name, value in _HEADERS.items():
            answer.setdefault(name, value)
        answer.setdefault("content-security-policy", policy(asked))
        answer.setdefault("cache-control", "no-store")
        origin = asked.get("origin", "")
        if origin and self._doors.is_named(origin):
            answer["access-control-allow-origin"] = origin
            answer.add_vary_header("origin")
        else:
            answer.setdefault("cross-origin-resource-policy", "same-origin")


def unending(headers: Mapping[str, str]) -> bool:
    """Whether a body may go on for longer than is worth reading to its end when its request is refused."""
    length = headers.get("content-length", "0")
    return "transfer-encoding" in headers or not length.isdigit() or int(length) > _READ_TO_END_BYTES


def policy(asked: Mapping[str, str]) -> str:
    """The Content-Security-Policy of a page that was asked for under this host: nothing from elsewhere."""
    host = asked.get("host", "")
    # Older browsers do not count a socket of the same host as 'self'.
    sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    return (
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; "
        f"media-src 'self' blob:; worker-src 'self' blob:; font-src 'self'; connect-src 'self'{sockets}; "
        "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def address_of(scope: Scope) -> str:
    """Whom limits are counted for."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def route_of(scope: Scope) -> str:
    """The pattern that a path matched: paths themselves hold ids."""
    return str(getattr(scope.get("route"), "path", "none"))


def refused(refusal: Refusal, metrics: ServerMetrics) -> JSONResponse:
    """The answer to a request that is refused."""
    metrics.errors.labels(refusal.code.value).inc()
    return JSONResponse(refusal.body, status_code=refusal.status, headers=refusal.headers)


async def deny(socket: WebSocket, refusal: Refusal, metrics: ServerMetrics) -> None:
    """Refuse a socket before it is open."""
    response = refused(refusal, metrics)
    if "websocket.http.response" in socket.scope.get("extensions", {}):
        await socket.send_denial_response(response)
    else:
        await socket.close(1008)
