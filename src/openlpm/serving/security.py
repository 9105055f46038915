"""Who may come in: the server key, tokens that open one session, the cookie of a page at home, origins."""

import base64
import hashlib
import hmac
import secrets
import struct
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import final
from urllib.parse import urlsplit

from openlpm.serving.refusals import Code, Refusal
from openlpm.serving.settings import ServerSettings, is_loopback

COOKIE = "openlpm"
_NONCE_BYTES = 16
_STAMP = struct.Struct(">d")
_MOST_SPENT = 65_536
_BEARER = "bearer "
_PROXIED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
"""A request that has one of these came through a proxy: its address says nothing about its sender."""


@final
class Keyring:
    """Makes and checks tokens. What it signs with is made at start, so tokens of another process are worth nothing."""

    def __init__(self, server_key: str, *, token_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self._key = _digest(server_key)
        self._secret = secrets.token_bytes(32)
        self._token_s = token_s
        self._now = now
        self._spent: OrderedDict[bytes, float] = OrderedDict()
        self.cookie = secrets.token_urlsafe(32)
        """What a page at home carries."""

    @property
    def token_s(self) -> float:
        """How long a token can be used."""
        return self._token_s

    def is_key(self, given: str) -> bool:
        """Whether this is the server key; takes as long for any text."""
        return hmac.compare_digest(_digest(given), self._key)

    def is_cookie(self, given: str) -> bool:
        """Whether this is the cookie of a page at home."""
        return hmac.compare_digest(_digest(given), _digest(self.cookie))

    def make_token(self) -> str:
        """A token for one session, from now on for ``token_s``."""
        body = secrets.token_bytes(_NONCE_BYTES) + _STAMP.pack(self._now() + self._token_s)
        return base64.urlsafe_b64encode(body + self._sign(body)).decode().rstrip("=")

    def spend(self, token: str) -> None:
        """Use a token up, whatever comes of the request it is for.

        Raises:
            Refusal: it was not made here, is too old, or was used before.
        """
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raise _bad_token() from None
        body, signature = raw[: _NONCE_BYTES + _STAMP.size], raw[_NONCE_BYTES + _STAMP.size :]
        if not hmac.compare_digest(self._sign(body), signature):
            raise _bad_token()
        nonce, (end_s,) = body[:_NONCE_BYTES], _STAMP.unpack(body[_NONCE_BYTES:])
        self._forget()
        if self._now() >= end_s or nonce in self._spent or len(self._spent) >= _MOST_SPENT:
            raise _bad_token()
        self._spent[nonce] = end_s

    def _forget(self) -> None:
        while self._spent and next(iter(self._spent.values())) <= self._now():
            self._spent.popitem(last=False)

    def _sign(self, body: bytes) -> bytes:
        return hmac.digest(self._secret, body, "sha256")


@final
class MediaToken:
    """Opens the media of one session; kept as a digest, so that nothing that is logged or dumped is worth anything."""

    def __init__(self) -> None:
        self.text = secrets.token_urlsafe(24)
        self._stored = _digest(self.text)

    def forget_text(self) -> None:
        """From here on the token can be checked and no longer be told."""
        self.text = ""

    def fits(self, given: str) -> bool:
        """Whether this is the token."""
        return hmac.compare_digest(_digest(given), self._stored)

    def require(self, given: str) -> None:
        """See that this is the token.

        Raises:
            Refusal: it is not.
        """
        if not self.fits(given):
            raise Refusal(Code.UNAUTHORIZED, "This needs the media token of the session.")


@final
class Doors:
    """Which hosts and origins a request may name, and who counts as a holder of the key."""

    def __init__(self, settings: ServerSettings, keyring: Keyring) -> None:
        self._home = settings.trusts_this_machine
        self._named = frozenset(origin.lower() for origin in settings.origins)
        self._keyring = keyring

    def check(self, headers: Mapping[str, str]) -> None:
        """Refuse a host that is not the server's, and an origin that may not use it.

        At home the host must be this machine by name: a page elsewhere whose name was pointed here sends its own.

        Raises:
            Refusal: one of them may not.
        """
        host = headers.get("host", "").lower()
        if self._home and not is_loopback(_hostname(host)):
            raise Refusal(Code.FORBIDDEN_ORIGIN, "This server answers to its own machine only.")
        origin = headers.get("origin", "").lower()
        if origin and not self.is_own(origin, host) and origin not in self._named:
            raise Refusal(Code.FORBIDDEN_ORIGIN, "Pages of this origin may not use this server.")

    def is_own(self, origin: str, host: str) -> bool:
        """Whether an origin is that of the page which this server serves under ``host``."""
        return origin.lower() in {f"http://{host.lower()}", f"https://{host.lower()}"}

    def is_named(self, origin: str) -> bool:
        """Whether a page of another origin may use this server."""
        return origin.lower() in self._named

    def gives_cookie(self, headers: Mapping[str, str]) -> bool:
        """Whether the page that goes out with this answer is one at home."""
        return self._home and not any(name in headers for name in _PROXIED)

    def require_key(self, headers: Mapping[str, str], cookies: Mapping[str, str]) -> None:
        """Let in who has the key, or the cookie and the page's own origin.

        Raises:
            Refusal: neither.
        """
        given = bearer(headers)
        if given and self._keyring.is_key(given):
            return
        cookie, origin = cookies.get(COOKIE, ""), headers.get("origin", "")
        at_home = self.gives_cookie(headers) and self.is_own(origin, headers.get("host", ""))
        if cookie and at_home and self._keyring.is_cookie(cookie):
            return
        raise Refusal(Code.UNAUTHORIZED, "This needs the server key as Authorization: Bearer KEY.")


def bearer(headers: Mapping[str, str]) -> str:
    """The text of ``Authorization: Bearer``; empty if there is none."""
    given = headers.get("authorization", "")
    return given[len(_BEARER) :].strip() if given.lower().startswith(_BEARER) else ""


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _bad_token() -> Refusal:
    return Refusal(Code.UNAUTHORIZED, "The token is unknown, too old or used up; ask for another one.")
