"""How a server is set up."""

import ipaddress
from dataclasses import dataclass, field
from typing import final
from urllib.parse import urlsplit

from openlpm.core.errors import ConfigError

_SHORTEST_KEY = 16


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much one address, and all of them, may ask for."""

    requests_a_minute: int = 600
    """Of one address; bursts of a quarter of it are let through."""
    requests_a_minute_overall: int = 6_000
    sessions_an_address: int = 4
    idle_s: float = 600.0
    """A session whose user neither speaks nor presses anything for this long ends."""
    longest_s: float = 3_600.0
    unopened_s: float = 20.0
    """A session whose socket is not opened within this time ends."""
    token_s: float = 60.0
    picture_bytes: int = 8 * 2**20
    json_bytes: int = 128 * 2**10
    body_s: float = 30.0
    """A body that takes longer to arrive is refused."""
    drain_s: float = 10.0
    """How long running sessions may go on after the server was told to end."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) <= 0 and name != "drain_s":
                raise ConfigError(f"{name}={getattr(self, name)}: give a number above 0")
        if self.drain_s < 0:
            raise ConfigError(f"drain_s={self.drain_s}: give 0 or more seconds")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ServerSettings:
    """Where the server listens and whom it lets in."""

    host: str = "127.0.0.1"
    port: int = 8080
    server_key: str = field(repr=False)
    public: bool = False
    """Reachable by others: no cookie that stands for the key."""
    origins: tuple[str, ...] = ()
    """Web origins besides the server's own whose pages may use it."""
    stun: str = ""
    """A STUN server for WebRTC behind a router, ``stun:host:port``; empty for host candidates only."""
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise ConfigError(f"port={self.port}: give 0 (any free one) to 65535")
        if len(self.server_key) < _SHORTEST_KEY or not self.server_key.isascii() or not self.server_key.isprintable():
            raise ConfigError(f"server_key: give at least {_SHORTEST_KEY} printable ASCII characters")
        if not self.public and not is_loopback(self.host):
            raise ConfigError(f"host={self.host}: others could reach it there; say --public too, or use 127.0.0.1")
        for origin in self.origins:
            check_origin(origin)
        if self.stun and not self.stun.startswith(("stun:", "stuns:")):
            raise ConfigError(f"stun={self.stun}: give stun:HOST:PORT")

    @property
    def trusts_this_machine(self) -> bool:
        """Whether a page served to this same machine carries a cookie that does what the key does."""
        return not self.public


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this same machine."""
    bare = host.strip("[]").lower()
    if bare == "localhost":
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


def check_origin(origin: str) -> None:
    """See that ``origin`` is one.

    Raises:
        ConfigError: it is not ``https://host`` or ``http://host:port`` and nothing else.
    """
    parts = urlsplit(origin)
    if parts.scheme not in {"http", "https"} or not parts.hostname or origin != f"{parts.scheme}://{parts.netloc}":
        raise ConfigError(f"origin={origin}: give scheme and host alone, for instance https://example.org")
