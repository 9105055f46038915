"""Bad networks: a relay between two peers that loses, delays and reorders their packets, the same for a seed."""

import asyncio
import random
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast, final

from openlpm.core.errors import ConfigError

_HOME = "127.0.0.1"
_CANDIDATE = re.compile(r"^a=candidate:\S+ \d+ udp \d+ (\S+) (\d+) typ host.*$", re.MULTILINE | re.IGNORECASE)
_Address = tuple[str, int]


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Weather:
    """What a network does to packets, both ways alike."""

    loss: float = 0.0
    """Share of packets that never come."""
    jitter_s: float = 0.0
    """Each packet is late by anything from nothing to this: packets overtake one another."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.loss <= 1 or self.jitter_s < 0:
            raise ConfigError(f"loss={self.loss}, jitter_s={self.jitter_s}: give 0 to 1, and 0 or more seconds")


@final
class Relay:
    """Two sockets of this machine: what comes into one goes out of the other; made by ``relayed``."""

    def __init__(self, weather: Weather) -> None:
        self.dropped = self.passed = 0
        self.blackout = False
        """Nothing passes while this is set."""
        self._weather = weather
        self._sides = (_Side(self, weather.seed), _Side(self, weather.seed + 1))

    @property
    def sides(self) -> "tuple[_Side, _Side]":
        """That which the visitor sees, and that which the server sees."""
        return self._sides

    def offered(self, sdp: str) -> str:
        """An offer of the visitor as the server is to see it."""
        return _moved(sdp, self._sides[0], self._sides[1])

    def answered(self, sdp: str) -> str:
        """An answer of the server as the visitor is to see it."""
        return _moved(sdp, self._sides[1], self._sides[0])

    def pass_on(self, came_to: "_Side", packet: bytes) -> None:
        """Send a packet on, or not, or later."""
        if self.blackout or came_to.chance.random() < self._weather.loss:
            self.dropped += 1
            return
        self.passed += 1
        other = self._sides[came_to is self._sides[0]]
        late_s = came_to.chance.uniform(0.0, self._weather.jitter_s)
        asyncio.get_running_loop().call_later(late_s, other.send, packet)


@final
class _Side(asyncio.DatagramProtocol):
    def __init__(self, relay: Relay, seed: int) -> None:
        self._relay = relay
        self.chance = random.Random(seed)
        self.transport: asyncio.DatagramTransport | None = None
        self.peer: _Address | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)  # asyncio's own is none by its class

    def datagram_received(self, data: bytes, addr: _Address) -> None:
        self.peer = addr
        self._relay.pass_on(self, data)

    def send(self, packet: bytes) -> None:
        """To whom this side stands before."""
        if self.transport is not None and not self.transport.is_closing() and self.peer is not None:
            self.transport.sendto(packet, self.peer)

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self.transport is not None
        return self.transport.get_extra_info("sockname")[1]


def _moved(sdp: str, peer: _Side, shown: _Side) -> str:
    """A description whose host candidates are the relay's; where they lead to is noted. One is enough."""
    found = _CANDIDATE.findall(sdp)
    if found:
        peer.peer = (found[0][0], int(found[0][1]))
    first = f"a=candidate:1 1 udp 2130706431 {_HOME} {shown.port} typ host\r"
    lines = [line for line in sdp.split("\n") if not line.startswith("a=candidate:")]
    moved: list[str] = []
    for line in lines:
        if line.startswith("a=end-of-candidates"):
            moved.append(first)
        moved.append(line)
    return "\n".join(moved)


@asynccontextmanager
async def relayed(weather: Weather) -> AsyncGenerator[Relay]:
    """A relay that runs until the end of the block."""
    relay, loop = Relay(weather), asyncio.get_running_loop()
    try:
        for side in relay.sides:
            await loop.create_datagram_endpoint(lambda side=side: side, local_addr=(_HOME, 0))
        yield relay
    finally:
        for side in relay.sides:
            if side.transport is not None:
                side.transport.close()
