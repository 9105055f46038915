"""How much one address may ask for, how many bodies and bytes: refused before anything is read or made."""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping
from typing import final

from openlpm.serving.refusals import Code, Refusal

_MOST_ADDRESSES = 4_096
_BURST_SHARE = 4


@final
class RateLimit:
    """A bucket an address, and one for all: so many requests a minute, with bursts of a quarter of it."""

    def __init__(self, a_minute: int, overall: int, *, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = a_minute / 60.0
        self._burst = max(1.0, a_minute / _BURST_SHARE)
        self._overall_rate = overall / 60.0
        self._overall_burst = max(1.0, overall / _BURST_SHARE)
        self._now = now
        self._all = (self._overall_burst, now())
        self._by_address: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str) -> None:
        """Count a request.

        Raises:
            Refusal: there were too many; it says when to come again.
        """
        now = self._now()
        mine = _filled(self._by_address.pop(address, (self._burst, now)), now, self._rate, self._burst)
        self._by_address[address] = (mine, now)
        if len(self._by_address) > _MOST_ADDRESSES:
            self._by_address.popitem(last=False)
        if mine < 1.0:
            raise _too_many((1.0 - mine) / self._rate)
        every = _filled(self._all, now, self._overall_rate, self._overall_burst)
        if every < 1.0:
            raise _too_many((1.0 - every) / self._overall_rate)
        self._by_address[address] = (mine - 1.0, now)
        self._all = (every - 1.0, now)


def _filled(bucket: tuple[float, float], now_s: float, rate: float, burst: float) -> float:
    left, since_s = bucket
    return min(burst, left + (now_s - since_s) * rate)


def _too_many(wait_s: float) -> Refusal:
    return Refusal(Code.TOO_MANY, "There were too many requests from here; wait a little.", retry_s=wait_s)


@final
class Places:
    """Sessions at once of one address."""

    def __init__(self, an_address: int) -> None:
        self._most = an_address
        self._taken: Counter[str] = Counter()

    def take(self, address: str) -> None:
        """Take a place; whoever takes it gives it back.

        Raises:
            Refusal: this address has as many sessions as it may have.
        """
        if self._taken[address] >= self._most:
            raise Refusal(Code.TOO_MANY, f"{self._most} sessions from here are running; end one.", retry_s=10.0)
        self._taken[address] += 1

    def give_back(self, address: str) -> None:
        """A session of this address has ended."""
        self._taken[address] -= 1
        if self._taken[address] <= 0:
            del self._taken[address]


def check_length(headers: Mapping[str, str], most_bytes: int) -> None:
    """Refuse a body by what it says of itself, before a byte of it is read.

    Raises:
        Refusal: it is too long, or its length is no number.
    """
    length = headers.get("content-length")
    if length is None:
        return
    if not (length.isascii() and length.isdigit()):
        raise Refusal(Code.BAD_REQUEST, "Content-Length is not a number.")
    if int(length) > most_bytes:
        raise _too_large(most_bytes)


async def capped(stream: AsyncIterable[bytes], most_bytes: int) -> AsyncGenerator[bytes, None]:
    """The pieces of a body, until there are too many bytes.

    Raises:
        Refusal: there were.
    """
    read_bytes = 0
    async for piece in stream:
        read_bytes += len(piece)
        if read_bytes > most_bytes:
            raise _too_large(most_bytes)
        yield piece


async def read_body(headers: Mapping[str, str], stream: AsyncIterable[bytes], most_bytes: int, most_s: float) -> bytes:
    """A whole body, if it is short enough and comes soon enough.

    Raises:
        Refusal: it is not, or does not.
    """
    check_length(headers, most_bytes)
    try:
        async with asyncio.timeout(most_s):
            return b"".join([piece async for piece in capped(stream, most_bytes)])
    except TimeoutError:
        raise Refusal(Code.BAD_REQUEST, "The body did not arrive in time.") from None


def _too_large(most_bytes: int) -> Refusal:
    size = f"{most_bytes / 2**20:.0f} MiB" if most_bytes >= 2**20 else f"{most_bytes // 2**10} KiB"
    return Refusal(Code.TOO_LARGE, f"The body is larger than {size}.")
