"""D11: does every frame come, and when? From the times that a stream was seen to have; folders of videos have none."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import final

import numpy as np

from openlpm.bench.lpm.measures import Control, Dimension, Measure
from openlpm.bench.lpm.task import Values
from openlpm.core.errors import InputError
from openlpm.core.units import FRAME_RATE_HZ

_C = Control
MEASURES = (
    Measure(
        name="deadline_miss", dimension=Dimension.SYSTEM, primary=True, best=0.0, worst=1.0, reacts=(_C.STALL,),
    ),
    Measure(
        name="latency_p95_ms", dimension=Dimension.SYSTEM, primary=False, best=0.0, worst=10_000.0,
        reacts=(_C.STALL,), unit="ms",
    ),
    Measure(
        name="first_frame_ms", dimension=Dimension.SYSTEM, primary=False, best=0.0, worst=60_000.0,
        reacts=(_C.STALL,), unit="ms",
    ),
    Measure(
        name="av_skew_p95_ms", dimension=Dimension.SYSTEM, primary=False, best=0.0, worst=10_000.0,
        reacts=(_C.STALL,), unit="ms",
    ),
)  # fmt: skip

_LATE_S = 0.5 / FRAME_RATE_HZ
ENTERS = -1
"""``i`` of the first picture of all: ``t_in_audio`` is then when the character was asked for."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """One frame of a stream; times in seconds from when its first sound was sent."""

    i: int
    t_in_audio: float | None
    """When the own voice that is heard with it had been sent; None if it has none: nobody sees what it answers to."""
    t_ready: float
    """When it was received."""
    t_present: float
    """When it is to be shown."""
    dropped: bool = False
    """It never came, and the one before it stayed."""


def write_moments(path: Path, moments: Sequence[Moment]) -> None:
    """One line a frame."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(asdict(moment)) + "\n" for moment in moments), encoding="utf-8")


def read_moments(path: Path) -> list[Moment]:
    """What ``write_moments`` wrote.

    Raises:
        InputError: a line is none.
    """
    try:
        return [Moment(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line]
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path.name} holds a line that is no moment of a stream: {error}") from error


def score(moments: Sequence[Moment], num_frames: int) -> Values:
    """Of a stream of so many frames; what is missing at its end was dropped."""
    came = [moment for moment in moments if not moment.dropped and moment.i != ENTERS]
    enters = next((moment for moment in moments if moment.i == ENTERS), None)
    if not came:
        return {one.name: one.worst for one in MEASURES}
    missing = max(num_frames - len(came), 0)
    late = sum(moment.t_ready > moment.t_present + _LATE_S for moment in came)
    latency = [max(one.t_ready, one.t_present) - one.t_in_audio for one in came if one.t_in_audio is not None]
    skew = np.array([max(moment.t_ready - moment.t_present, 0.0) for moment in came])
    first_s = came[0].t_ready
    if enters is not None and enters.t_in_audio is not None:
        first_s = enters.t_ready - enters.t_in_audio
    found = {
        "deadline_miss": (late + missing) / num_frames,
        "first_frame_ms": 1000 * max(first_s, 0.0),
        "av_skew_p95_ms": 1000 * float(np.quantile(skew, 0.95)),
    }
    return found | ({"latency_p95_ms": 1000 * float(np.quantile(latency, 0.95))} if latency else {})
