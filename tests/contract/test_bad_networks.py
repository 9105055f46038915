"""A relay that loses and delays: it does what it is told, the same for a seed, and the real server lives with it."""

import asyncio
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("aiortc")

from openlpm.bench.live.host import hosted
from openlpm.bench.live.hostile import MICROPHONES, VIEWERS, hostile_rows
from openlpm.bench.live.relay import Relay, Weather, relayed
from openlpm.bench.live.rough import rough_network
from openlpm.bench.live.tones import says_tones, tone_server
from openlpm.core.errors import ConfigError

pytestmark = pytest.mark.contract

OFFER = (
    "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 96\r\n"
    "a=candidate:0 1 udp 2130706431 10.0.0.7 {port} typ host\r\n"
    "a=candidate:1 1 udp 1694498815 203.0.113.9 4000 typ srflx raddr 10.0.0.7 rport {port}\r\n"
    "a=end-of-candidates\r\n"
)


class Listener(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.heard: list[int] = []

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.append(int(data))


async def sent_through(weather: Weather, count: int) -> list[int]:
    """Numbers of the packets of a visitor that came to the server, in the order in which they came."""
    loop, listener = asyncio.get_running_loop(), Listener()
    there, _ = await loop.create_datagram_endpoint(lambda: listener, local_addr=("127.0.0.1", 0))
    here, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    async with relayed(weather) as relay:
        toward_visitor, toward_server = relay.sides
        toward_server.peer = there.get_extra_info("sockname")
        for number in range(count):
            here.sendto(str(number).encode(), ("127.0.0.1", toward_visitor.port))
            await asyncio.sleep(0.001)
        async with asyncio.timeout(10):
            while relay.dropped + relay.passed < count or len(listener.heard) < relay.passed:
                await asyncio.sleep(0.01)
    for transport in (here, there):
        transport.close()
    return listener.heard


def test_packets_are_lost_by_the_seed_and_overtake_one_another_where_they_are_late() -> None:
    calm = asyncio.run(sent_through(Weather(), 100))
    assert calm == list(range(100))
    lossy = [asyncio.run(sent_through(Weather(loss=0.3, seed=seed), 100)) for seed in (1, 1, 2)]
    assert lossy[0] == lossy[1] != lossy[2]
    assert 50 < len(lossy[0]) < 90
    late = asyncio.run(sent_through(Weather(jitter_s=0.05, seed=1), 100))
    assert sorted(late) == list(range(100))
    assert late != sorted(late)


def test_nothing_passes_in_a_blackout() -> None:
    async def play() -> None:
        async with relayed(Weather()) as relay:
            relay.blackout = True
            relay.pass_on(relay.sides[0], b"1")
            assert (relay.dropped, relay.passed) == (1, 0)

    asyncio.run(play())


def test_both_peers_see_the_relay_and_nothing_else() -> None:
    async def play() -> None:
        async with relayed(Weather()) as relay:
            views = relay.offered(OFFER.format(port=5_000)), relay.answered(OFFER.format(port=6_000))
            for side, seen in enumerate(views):
                lines = [line for line in seen.split("\r\n") if line.startswith("a=candidate")]
                assert lines == [f"a=candidate:1 1 udp 2130706431 127.0.0.1 {relay.sides[1 - side].port} typ host"]
                assert relay.sides[side].peer == ("10.0.0.7", 5_000 + 1_000 * side)

    asyncio.run(play())


def test_weather_that_cannot_be_is_refused() -> None:
    for wrong in ({"loss": 1.5}, {"jitter_s": -1.0}):
        with pytest.raises(ConfigError, match="give 0 to 1"):
            Relay(Weather(**wrong))


@pytest.mark.long
def test_the_server_lives_with_bad_networks_and_bad_guests(repository: Path) -> None:
    with tone_server() as address:
        environment = says_tones(address) | {"PYTHONPATH": os.fspath(repository / "src")}
        with hosted(["--card"], environment) as host:
            rows = asyncio.run(rough_network(host, 12.0, lambda *_: None))
            rows += asyncio.run(hostile_rows(host, lambda *_: None))
    found = {row.name: row.value for row in rows}
    assert found["rough_network/fps"] > 12
    assert found["rough_network/recovery_s"] < 8, "the machine may be busy"
    assert found["rough_network/packets_lost"] == pytest.approx(0.05, abs=0.025), "five deviations of 2 000 packets"
    assert found["hostile_viewers_survived"] == len(VIEWERS)
    assert found["hostile_microphones_survived"] == len(MICROPHONES)
    assert np.isfinite(list(found.values())).all()
