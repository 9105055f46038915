"""The server as a process: its socket, its end, and its log."""

import asyncio
import ctypes
import gc
import importlib
import json
import logging
import signal
import socket
from types import FrameType
from typing import Any, final

import uvicorn
from starlette.types import ASGIApp

from openlpm.core.errors import ConfigError
from openlpm.serving.sessions import Sessions
from openlpm.serving.settings import ServerSettings

_MOST_MESSAGE_BYTES = 64 * 1024
_GOODBYE_S = 3
_FAREWELL_S = 0.1
"""For sockets to send their last word before uvicorn closes them."""
_SEND_BYTES = 64 * 1024
_ARENA_MAX = -8  # M_ARENA_MAX of <malloc.h>
_PLAIN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}


@final
class DrainingServer(uvicorn.Server):
    """Lets running sessions go on for a while after SIGTERM, and none after Ctrl-C."""

    def __init__(self, config: uvicorn.Config, sessions: Sessions, drain_s: float) -> None:
        super().__init__(config)
        self._sessions, self._drain_s = sessions, drain_s

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal came; a second one ends the waiting."""
        if sig == signal.SIGINT or self.should_exit:
            self._drain_s = 0.0
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Say ``draining`` to who asks, wait for who is there, then close."""
        await self._sessions.drain(lambda: self._drain_s)
        await asyncio.sleep(_FAREWELL_S)
        await super().shutdown(sockets)


def config_of(app: ASGIApp, settings: ServerSettings) -> uvicorn.Config:
    """How uvicorn serves the application."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="websockets-sansio",
        ws_max_size=_MOST_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=_GOODBYE_S,
    )


def listen(host: str, port: int) -> socket.socket:
    """A socket to serve on.

    Raises:
        ConfigError: the address is another program's, or not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        address = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)[0][4]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise ConfigError(f"host={host}: this is no address of this machine ({error.strerror})") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # What the kernel holds back for a slow viewer is late: the queues that drop are ours.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BYTES)
        listener.bind(address)
        listener.listen(128)
        listener.setblocking(False)  # noqa: FBT003 (the standard library's)
    except OSError as error:
        listener.close()
        raise ConfigError(f"port={port}: cannot listen there ({error.strerror}); give --port another number") from error
    return listener


@final
class JsonLines(logging.Formatter):
    """A log record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, message, and whatever ``extra`` brought."""
        line: dict[str, Any] = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in record.__dict__.items() if name not in _PLAIN},
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


@final
class PlainLines(logging.Formatter):
    """A log record as a line for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Message and what ``extra`` brought."""
        extra = " ".join(f"{name}={value}" for name, value in record.__dict__.items() if name not in _PLAIN)
        line = f"{self.formatTime(record)} {record.levelname.lower()}: {record.getMessage()} {extra}".rstrip()
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def keep_memory_together() -> None:
    """Have one arena of memory for all threads, where the C library is glibc.

    Encoders live as long as a session and in threads of their own; with an arena for each, what a session leaves behind
    is never given back: 1.6 MB a session (of test cards), against less than 0.1 with one arena.
    """
    try:
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)
    except (AttributeError, OSError, TypeError):
        return


def settle_memory() -> None:
    """Leave what the server is made of out of every later search for garbage; a search may then follow every session.

    Nothing else may be imported late, or it is looked through as well.
    """
    importlib.import_module("openlpm.serving.webrtc")
    gc.collect()
    gc.freeze()
