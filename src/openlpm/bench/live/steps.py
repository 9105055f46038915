"""Where the time of an interruption goes, from the user's first sound to a shut mouth at the receiver."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self, final

from openlpm.bench.live.rows import p95, row
from openlpm.bench.live.visitor import Notes, Seen
from openlpm.bench.result import Row
from openlpm.core.units import FRAME_RATE_HZ

_NEAR_S = 5.0
"""Within so much of an interruption the clock of a performance has not stood still."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Steps:
    """How long each step took that a shut mouth had to wait for, in seconds; one begins where the last one ends."""

    decision: float
    """From the user's first sound to the server's knowing that it is an interruption."""
    order: float
    """Until pictures of the silence were ordered: a chunk that was under way is left or finished."""
    chunk: float
    """Until they were made."""
    moment: float
    """Until the first of them was due."""
    way: float
    """Until the receiver had it: encoder, network, decoder."""
    jaw: float
    """Until the mouth was shut for good; below 0 where it was shut before."""

    @classmethod
    def of(cls, notes: Notes, spoke_s: float, epoch: int, closed_s: float) -> Self | None:
        """Steps of the interruption that began an ``epoch``; None where the server did not tell them all.

        Both times are on this machine's clock, which is the server's, too.
        """
        told = [message["interruption"] for _, message in notes.messages("numbers", spoke_s)]
        known = [each for each in told if each is not None and each["epoch"] == epoch and each["shown_s"] is not None]
        if not known:
            return None
        step: dict[str, Any] = known[-1]
        due_s = step["server_s"] + step["shown_s"]
        seen = first_seen(notes.seen, step["frame"], due_s)
        if seen is None:
            return None
        return cls(
            decision=step["server_s"] - spoke_s,
            order=step["ordered_s"],
            chunk=step["made_s"] - step["ordered_s"],
            moment=step["shown_s"] - step["made_s"],
            way=seen.at_s - due_s,
            jaw=closed_s - seen.at_s,
        )


def first_seen(seen: Sequence[Seen], frame: int, due_s: float) -> Seen | None:
    """The first picture of a frame that was due then, or of one after it; None where there is none.

    Time stamps of a receiver begin anywhere. Pictures come after they are due, and the fastest of them within a frame:
    so it is known which is which.
    """
    near = [one for one in seen if abs(one.at_s - due_s) < _NEAR_S]
    ages = [(one.at_s - due_s - one.stamp_s) * FRAME_RATE_HZ + frame for one in near]
    if not ages:
        return None
    offset = int(min(ages) // 1)
    return next((one for one in near if round(one.stamp_s * FRAME_RATE_HZ) + offset >= frame), None)


def step_rows(steps: Sequence[Steps]) -> list[Row]:
    """Each step's median and 95th percentile; these do not add up to that of the whole."""
    rows: list[Row] = []
    for step in fields(Steps):
        seconds = [getattr(each, step.name) for each in steps]
        rows += [
            row(f"barge_in_s_median/{step.name}", _median, seconds, "s"),
            row(f"barge_in_s_p95/{step.name}", p95, seconds, "s"),
        ]
    return rows


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
