"""A server that speaks the HTTP interface of OpenAI: one retry, time limits, and errors that tell no secrets."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, final

import httpx

from openlpm.core.errors import AgentError, ConfigError

_CONNECT_S = 5.0
_PAUSE_S = 0.3
"""Before the second attempt."""
_REFUSED = (401, 403)
_BUSY = 429
_SERVER_ERROR = 500


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointConfig:
    """Where one service is, and how to be let in."""

    what: str
    """For messages: "speech-to-text", "chat", "text-to-speech"."""
    setting: str
    """Name of the environment variable that holds ``url``, for messages."""
    url: str
    """Up to and with ``/v1``."""
    model: str
    key_variable: str = "OPENAI_API_KEY"
    """Name of the environment variable that holds the key; without it none is sent."""
    timeout_s: float = 20.0
    """The longest silence of the server."""

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")) or "@" in self.url:
            # The value is not shown: it may hold a password.
            raise ConfigError(
                f"{self.setting}: give an address that begins with http:// or https:// and has no password"
            )
        if not self.model or self.timeout_s <= 0:
            raise ConfigError(f"model={self.model!r}, timeout_s={self.timeout_s}: name a model and a time above 0")


@final
class Endpoint:
    """One service. Of one event loop; ``close`` it.

    Raises:
        ConfigError: the address is none.
    """

    def __init__(self, config: EndpointConfig) -> None:
        try:
            httpx.URL(config.url)
        except httpx.InvalidURL as error:
            raise ConfigError(f"{config.setting}: give an address such as http://127.0.0.1:8000/v1") from error
        self.config = config
        timeout = httpx.Timeout(config.timeout_s, connect=min(_CONNECT_S, config.timeout_s))
        self._client = httpx.AsyncClient(timeout=timeout)

    async def check(self) -> None:
        """Find out whether it is there and lets us in.

        Raises:
            AgentError: it is not, or does not.
        """
        try:
            response = await self._client.get(f"{self._root}/models", headers=self._headers())
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise AgentError(self._unreachable()) from error
        if response.status_code in _REFUSED:
            raise AgentError(self._refusal(response.status_code))

    @asynccontextmanager
    async def post(self, path: str, **content: Any) -> AsyncGenerator[httpx.Response]:
        """The answer to ``content`` (as httpx takes it) at ``path``, still unread; leaving the block ends it.

        Raises:
            AgentError: there is none, or it breaks off while it is read in the block.
        """
        response = await self._sent(path, content)
        try:
            yield response
        except httpx.TimeoutException as error:
            raise AgentError(f"The {self.config.what} server fell silent; try again.") from error
        except httpx.HTTPError as error:
            raise AgentError(f"The {self.config.what} server broke off its answer; try again.") from error
        finally:
            await response.aclose()

    def nonsense(self) -> AgentError:
        """The error for an answer that cannot be read."""
        return AgentError(f"The {self.config.what} server sent what cannot be read; check {self.config.setting}.")

    async def close(self) -> None:
        """End every connection. A second call does nothing."""
        await self._client.aclose()

    @property
    def _root(self) -> str:
        return self.config.url.rstrip("/")

    def _headers(self) -> dict[str, str]:
        key = os.environ.get(self.config.key_variable, "")
        return {"Authorization": f"Bearer {key}"} if key else {}

    async def _sent(self, path: str, content: dict[str, Any]) -> httpx.Response:
        trouble = ""
        for attempt in range(2):
            if attempt:
                await asyncio.sleep(_PAUSE_S)
            request = self._client.build_request("POST", f"{self._root}/{path}", headers=self._headers(), **content)
            try:
                response = await self._client.send(request, stream=True)
            except httpx.HTTPError as error:
                trouble = self._silence(error)
                continue
            status = response.status_code
            if status < 400:
                return response
            await response.aclose()
            if status in _REFUSED:
                raise AgentError(self._refusal(status))
            if status != _BUSY and status < _SERVER_ERROR:
                check = f"check {self.config.setting} and its model"
                raise AgentError(f"The {self.config.what} server cannot do this ({status}): {check}.")
            busy = "has too much to do" if status == _BUSY else "has failed"
            trouble = f"The {self.config.what} server {busy} ({status}); try again in a while."
        raise AgentError(trouble)

    def _silence(self, error: httpx.HTTPError) -> str:
        if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
            return f"The {self.config.what} server did not answer in {self.config.timeout_s:g} s; try again."
        return self._unreachable()

    def _unreachable(self) -> str:
        return f"The {self.config.what} server cannot be reached: check {self.config.setting}."

    def _refusal(self, status: int) -> str:
        return f"The {self.config.what} server refuses the key ({status}): set {self.config.key_variable}."
