"""A server that speaks the HTTP interface of OpenAI, asked from a stage: one question, one answer."""

import importlib
import os
import time
from dataclasses import dataclass
from typing import Any, Final, cast, final

from openlpm.core.errors import ConfigError, InputError

URL_VARIABLE: Final = "OPENLPM_CAPTION_URL"
"""Holds the address, up to and with ``/v1``."""
KEY_VARIABLE: Final = "OPENAI_API_KEY"
"""Holds the key; without it none is sent. Nothing of it goes into a record, a log or an error."""
_ATTEMPTS, _PAUSE_S = 3, 0.5
_REFUSED = (401, 403)
_BUSY, _SERVER_ERROR = 429, 500


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ServerConfig:
    """How patient one is with the server."""

    timeout_s: float = 120.0
    pause_s: float = _PAUSE_S
    """Before the second attempt; twice as long before the third."""

    def __post_init__(self) -> None:
        if self.timeout_s <= 0 or self.pause_s < 0:
            raise ConfigError(f"timeout_s={self.timeout_s}, pause_s={self.pause_s}: give a time above 0 and a pause")


@final
class Server:
    """One server, named by the environment. Errors are ``ConfigError``: the run ends there and goes on later.

    Raises:
        ConfigError: no address, one that is none, or the package that talks to it is missing.
    """

    def __init__(self, config: ServerConfig | None = None) -> None:
        self._config = config or ServerConfig()
        self._url = os.environ.get(URL_VARIABLE, "").rstrip("/")
        if not self._url.startswith(("http://", "https://")) or "@" in self._url:
            # The value is not shown: it may hold a password.
            raise ConfigError(f"{URL_VARIABLE}: give an address such as http://127.0.0.1:8000/v1, without a password")
        try:
            self._httpx: Any = importlib.import_module("httpx")
        except ImportError as error:
            raise ConfigError("httpx is missing: install the extra with `pip install 'openlpm[data]'`") from error

    def post(self, path: str, **content: Any) -> dict[str, Any]:
        """The JSON that answers ``content`` (as httpx takes it).

        Raises:
            ConfigError: the server is not there, lets nobody in, or cannot do this.
            InputError: it answered something that is no JSON object.
        """
        trouble = ""
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(self._config.pause_s * attempt)
            try:
                response = self._httpx.post(
                    f"{self._url}/{path}", headers=self._headers(), timeout=self._config.timeout_s, **content
                )
            except self._httpx.InvalidURL as error:
                raise ConfigError(f"{URL_VARIABLE}: give an address such as http://127.0.0.1:8000/v1") from error
            except self._httpx.HTTPError as error:
                trouble = f"the server of {URL_VARIABLE} does not answer ({type(error).__name__}): start it, run again"
                continue
            status = int(response.status_code)
            if status in _REFUSED:
                raise ConfigError(f"the server of {URL_VARIABLE} refuses the key ({status}): set {KEY_VARIABLE}")
            if status != _BUSY and 400 <= status < _SERVER_ERROR:
                raise ConfigError(f"the server of {URL_VARIABLE} cannot do this ({status}): check it and its model")
            if status < 400:
                return _object(response)
            trouble = f"the server of {URL_VARIABLE} has too much to do or has failed ({status}); run again later"
        raise ConfigError(trouble)

    def _headers(self) -> dict[str, str]:
        key = os.environ.get(KEY_VARIABLE, "")
        return {"Authorization": f"Bearer {key}"} if key else {}


def _object(response: Any) -> dict[str, Any]:
    try:
        value = response.json()
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise InputError("the server's answer is no JSON object")
    return cast("dict[str, Any]", value)
