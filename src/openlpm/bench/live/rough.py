"""What gets through a bad network: pictures, sound, and both together; and how soon after none did."""

import asyncio
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from openlpm.bench.live.host import Host
from openlpm.bench.live.relay import Relay, Weather, relayed
from openlpm.bench.live.rows import count, p99, row, skews_s
from openlpm.bench.live.visitor import Notes, Visitor, visiting
from openlpm.bench.result import Bar, Row
from openlpm.bench.statistics import Estimate
from openlpm.engine.card import read_card

_WEATHER = Weather(loss=0.05, jitter_s=0.1, seed=5)
_SETTLES_S, _DARK_S, _GIVE_UP_S = 2.0, 2.0, 10.0
_PACKET_S = 0.02


async def rough_network(host: Host, seconds: float, report: Callable[[str, int, int], None]) -> list[Row]:
    """Rows of a visitor behind a relay that loses 5 % and delays by up to 100 ms, to a server of bursts."""
    report("a bad network", 0, 1)
    async with relayed(_WEATHER) as relay, visiting(host, relay=relay) as visitor:
        await asyncio.sleep(_SETTLES_S)
        await visitor.send(type="say", text=f"bursts {seconds:.0f}")
        began_s, passed, dropped = time.monotonic(), relay.passed, relay.dropped
        await asyncio.sleep(seconds)
        lost = (relay.dropped - dropped) / max(relay.passed + relay.dropped - passed - dropped, 1)
        notes = _since(visitor.notes, began_s)
        recovery_s = await _recovery_s(relay, visitor)
    numbers = [card[0] for card in (read_card(one.picture_HWC) for one in notes.seen) if card is not None]
    gaps = gaps_s(np.array([one.stamp_s for one in notes.heard]))
    skew_s = skews_s(notes)
    apart_ms = 1e3 * np.abs(skew_s - np.median(skew_s)) if skew_s.size else np.array([np.inf])
    return [
        Row.of("rough_network/packets_lost", Estimate.single(lost, n=relay.passed)),
        Row.of(
            "rough_network/fps", Estimate.single(len(set(numbers)) / seconds, n=1), unit="1/s", bar=Bar(at_least=12)
        ),
        Row.of("rough_network/sound_missing", Estimate.single(float(gaps.sum()) / seconds, n=len(notes.heard))),
        row("rough_network/sound_gap_ms_max", np.max, (1e3 * gaps).tolist() or [0.0], "ms"),
        count("rough_network/sound_gaps", int(gaps.size), len(notes.heard)),
        row("rough_network/av_skew_ms_p99", p99, apart_ms.tolist(), "ms"),
        Row.of("rough_network/recovery_s", Estimate.single(recovery_s, n=1), unit="s", bar=Bar(at_most=5)),
    ]


def gaps_s(stamps_K: NDArray[np.float64]) -> NDArray[np.float64]:
    """How long each hole in the sound is, by the time stamps of its packets."""
    holes_K = np.diff(np.sort(stamps_K)) - _PACKET_S
    return holes_K[holes_K > _PACKET_S / 2]


def _since(notes: Notes, began_s: float) -> Notes:
    return Notes(
        seen=[one for one in notes.seen if one.at_s > began_s],
        heard=[one for one in notes.heard if one.at_s > began_s],
    )


async def _recovery_s(relay: Relay, visitor: Visitor) -> float:
    """From the end of two seconds without any packet to the first picture of after them."""
    relay.blackout = True
    await asyncio.sleep(_DARK_S)
    over_s, shown = time.monotonic(), len(visitor.notes.seen)
    last = max((card[0] for card in (read_card(one.picture_HWC) for one in visitor.notes.seen[-5:]) if card), default=0)
    relay.blackout = False

    def back() -> float | None:
        for one in visitor.notes.seen[shown:]:
            card = read_card(one.picture_HWC)
            if card is not None and card[0] > last + _DARK_S * 12:
                return one.at_s - over_s
        return None

    found_s = await visitor.wait_for(back, _GIVE_UP_S)
    return _GIVE_UP_S if found_s is None else found_s
