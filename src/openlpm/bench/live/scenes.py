"""What visitors do, and what is measured of it."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.bench.live.tones import number_heard
from openlpm.bench.live.visitor import MICROPHONE_RATE_HZ, Notes, Visitor
from openlpm.core.seeds import generator

GIVE_UP_S = 6.0
_LONG = (
    "I would like to tell you about the sea. My family has lived by the sea for a very long time, and every morning "
    "we go down to the beach before breakfast, and look for shells, and talk about what the day will bring to us. "
    "When the weather is bad we stay at home, and my brother makes a fire, and everybody tells a story about a ship."
)
_CHUNK_S, _TRANSIT_S = 8 / 24, 0.2


@final
@dataclass(slots=True)
class Turns:
    """Of every turn that the user took; seconds."""

    voiced: list[float] = field(default_factory=list[float])
    """From the decision that it ended to the first sound of the answer."""
    hangover: list[float] = field(default_factory=list[float])
    missed: int = 0
    """Turns whose end was not noticed, or that were not answered."""


async def take_turns(visitor: Visitor, utterances: Sequence[NDArray[np.float32]]) -> Turns:
    """Say each utterance, wait for the answer, and until it is over."""
    found = Turns()
    for utterance_A in utterances:
        await until_quiet(visitor)
        began_s = visitor.microphone.say(utterance_A)
        over_s = began_s + utterance_A.shape[0] / MICROPHONE_RATE_HZ
        turns = await visitor.wait_for(
            lambda after_s=over_s - 0.5: visitor.notes.messages("turn", after_s),
            over_s - time.monotonic() + GIVE_UP_S,
        )
        decided_s = None if turns is None else turns[0][0]
        heard_s = None
        if decided_s is not None:
            heard_s = await visitor.wait_for(lambda after_s=decided_s: visitor.notes.first_heard_s(after_s), GIVE_UP_S)
        if turns is None or decided_s is None or heard_s is None:
            found.missed += 1
            continue
        found.voiced.append(heard_s - decided_s)
        found.hangover.append(float(turns[0][1]["hangover_s"]))
        await visitor.send(type="interrupt")
    return found


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class BargeIn:
    """One time that the user spoke while the character did; moments are on this machine's clock."""

    spoke_s: float
    """The user's first sound."""
    epoch: int | None
    """What the server called the time from the interruption on; None where it did not notice one."""
    silent_s: float | None
    """When the character's last sound had come; None where it went on."""

    @property
    def interrupted(self) -> bool:
        """Whether the character was interrupted."""
        return self.epoch is not None

    @property
    def sound_s(self) -> float:
        """How long the character was heard; ``GIVE_UP_S`` where it went on."""
        return GIVE_UP_S if self.silent_s is None else self.silent_s - self.spoke_s


async def barge_in(
    visitor: Visitor, utterances: Sequence[NDArray[np.float32]], *, seconds: float = 3.0
) -> list[BargeIn]:
    """Say each utterance about two seconds into a long speech of the character."""
    found: list[BargeIn] = []
    rng = generator("bench", "barge-in", len(utterances))
    for utterance_A in utterances:
        await until_quiet(visitor)
        await visitor.send(type="say", text=_LONG)
        began_s = time.monotonic()
        if await visitor.wait_for(lambda after_s=began_s: visitor.notes.first_heard_s(after_s), GIVE_UP_S) is None:
            continue
        await asyncio.sleep(float(rng.uniform(1.2, 2.2)))
        spoke_s = visitor.microphone.say(utterance_A)
        await asyncio.sleep(max(seconds, utterance_A.shape[0] / MICROPHONE_RATE_HZ + 0.3))
        told = [message for _, message in visitor.notes.messages("interrupted", spoke_s) if message["by"] == "voice"]
        silent_s = visitor.notes.silent_from_s(spoke_s) if told else None
        found.append(BargeIn(spoke_s=spoke_s, epoch=told[0]["epoch"] if told else None, silent_s=silent_s))
        await visitor.send(type="interrupt")
    return found


async def interrupt_tones(visitor: Visitor, count: int) -> tuple[int, int]:
    """Interrupt so many tones with the button: packets of old tones heard too late, and tones that were heard at all.

    Too late is later than the running chunk and the way through both jitter buffers.
    """
    rng, stale, heard = generator("bench", "tones", count), 0, 0
    for number in range(count):
        await visitor.send(type="say", text=f"tone {number}")
        began_s = time.monotonic()
        found = await visitor.wait_for(lambda after_s=began_s: visitor.notes.first_heard_s(after_s), GIVE_UP_S)
        heard += found is not None
        await asyncio.sleep(float(rng.uniform(0.1, 1.2)))
        await visitor.send(type="interrupt")
        told = await visitor.wait_for(lambda after_s=began_s: visitor.notes.messages("interrupted", after_s), GIVE_UP_S)
        after_s = (told[-1][0] if told else time.monotonic()) + _CHUNK_S + _TRANSIT_S
        await visitor.send(type="say", text=f"tone {number + 1_000}")
        await asyncio.sleep(1.4)
        stale += sum(number_heard(piece_A, rate) == number % 48 for piece_A, rate in _pieces(visitor.notes, after_s))
        await visitor.send(type="interrupt")
        await until_quiet(visitor)
    return stale, heard


def _pieces(notes: Notes, after_s: float) -> list[tuple[NDArray[np.float32], int]]:
    late = [one.samples_A for one in notes.heard if one.at_s > after_s]
    return [
        (np.concatenate(late[first : first + 3]), 50 * late[first].shape[0]) for first in range(0, len(late) - 2, 3)
    ]


async def until_quiet(visitor: Visitor, quiet_s: float = 0.8) -> None:
    """Wait until the character has been silent for a while."""

    def quiet() -> bool | None:
        now_s = time.monotonic()
        loud = any(one.loudness > 0.01 for one in visitor.notes.heard if one.at_s > now_s - quiet_s)
        return None if loud else True

    await visitor.wait_for(quiet, 20.0)
    await asyncio.sleep(0.2)
