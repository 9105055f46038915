"""A conversation on a clock: who says what when, checked, and read as one track per person."""

import json
import math
import os.path
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any, cast, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.audio import AudioSource
from openlpm.core.errors import InputError
from openlpm.core.units import AUDIO_RATE_HZ, FRAME_RATE_HZ, frames_in_samples

PAUSE_S = 0.3
"""Between a question's end and its reply, where no timeline says otherwise."""
REST_S = 0.5
"""After the last word."""

KEPT_SAMPLES = 30 * AUDIO_RATE_HZ
"""What an ``AudioSource`` keeps readable behind the furthest read."""

_MAX_START_S = 24 * 3600
_MAX_NUMBER = 1e9
_KEYS = frozenset({"who", "file", "at", "gain"})


class Voice(StrEnum):
    """Whose voice a turn is."""

    SPEAK = "speak"
    """The character's."""
    LISTEN = "listen"
    """The partner's."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """One sound file at its place in the conversation."""

    who: Voice
    path: Path
    start_s: float = 0.0
    gain: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.start_s <= _MAX_START_S:
            raise InputError(
                f"{self.path.name} starts at {self.start_s} s: a turn starts between 0 and {_MAX_START_S} s"
            )
        if not 0 <= self.gain <= 10:
            raise InputError(f"{self.path.name} has gain {self.gain}: give one between 0 and 10 (1 leaves it as it is)")

    @property
    def start_sample(self) -> int:
        return round(self.start_s * AUDIO_RATE_HZ)


@final
class Timeline:
    """Turns with their opened sounds; a source of its own for each turn.

    Both people may speak at once; one person may not. It lasts ``rest_s`` longer than the last turn, or exactly
    ``seconds``, in which all turns must fit; with them it needs no turns: the character idles.

    Raises:
        InputError: neither turns nor seconds, seconds that are out of range or end before the last turn does, or the
            same person's turns overlap (both are named).
    """

    def __init__(
        self,
        turns: Sequence[Turn],
        sources: Sequence[AudioSource],
        *,
        rest_s: float = REST_S,
        seconds: float | None = None,
    ) -> None:
        if not turns and seconds is None:
            raise InputError("the timeline has no turns: give a sound to speak or to listen to, or a length in seconds")
        self._parts = sorted(zip(turns, sources, strict=True), key=lambda part: part[0].start_sample)
        self._check_overlap()
        last = max((turn.start_sample + source.num_samples for turn, source in self._parts), default=0)
        self._num_samples = last + round(rest_s * AUDIO_RATE_HZ) if seconds is None else _length(seconds, last)

    @property
    def turns(self) -> tuple[Turn, ...]:
        """In order of their start."""
        return tuple(turn for turn, _ in self._parts)

    @property
    def num_samples(self) -> int:
        """From 0 to the end of the rest."""
        return self._num_samples

    @property
    def num_frames(self) -> int:
        return frames_in_samples(self.num_samples)

    def source(self, who: Voice) -> AudioSource:
        """One person's track, as long as the conversation; nothing is read before it is asked for."""
        return _Track([part for part in self._parts if part[0].who is who], self.num_samples)

    def _check_overlap(self) -> None:
        for who in Voice:
            own = [part for part in self._parts if part[0].who is who]
            for (first, sound), (second, _) in pairwise(own):
                end_s = (first.start_sample + sound.num_samples) / AUDIO_RATE_HZ
                if second.start_sample < first.start_sample + sound.num_samples:
                    raise InputError(
                        f"the timeline overlaps itself: {who} {first.path.name} ({first.start_s:g} s to {end_s:.2f} s) "
                        f"is not over when {who} {second.path.name} starts at {second.start_s:g} s; start it at "
                        f"{math.ceil(end_s * 100) / 100:.2f} s or later"
                    )


def _length(seconds: float, last: int) -> int:
    """Samples of a conversation that is to last ``seconds`` and whose last turn ends at sample ``last``."""
    if not 1 / FRAME_RATE_HZ <= seconds <= _MAX_START_S:
        raise InputError(f"seconds is {seconds:g}: a performance lasts from one frame (0.042 s) to {_MAX_START_S} s")
    wanted = round(seconds * AUDIO_RATE_HZ)
    if wanted < last:
        least_s = math.ceil(last / AUDIO_RATE_HZ * 100) / 100
        raise InputError(f"seconds is {seconds:g}, but the last turn ends at {least_s:.2f} s; ask for that or more")
    return wanted


@final
class _Track:
    """The turns of one person as one ``AudioSource``."""

    def __init__(self, parts: Sequence[tuple[Turn, AudioSource]], num_samples: int) -> None:
        self._parts = tuple(parts)
        self._num_samples = num_samples
        self._left: set[int] = set()

    @property
    def num_samples(self) -> int:
        return self._num_samples

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        mixed_A = np.zeros(count, dtype=np.float32)
        for index, (turn, source) in enumerate(self._parts):
            behind = start - turn.start_sample - source.num_samples
            if behind > KEPT_SAMPLES and index not in self._left:
                # A read far past its end lets a file close and forget: an hour of short turns must fit in memory too.
                source.read(start - turn.start_sample, 0)
                self._left.add(index)
            first = max(start, turn.start_sample)
            end = min(start + count, turn.start_sample + source.num_samples)
            if end > first:
                samples_A = source.read(first - turn.start_sample, end - first)
                mixed_A[first - start : end - start] += np.float32(turn.gain) * samples_A
        return mixed_A


def question_then_reply(
    *, listen: Path | None, speak: Path | None, listen_s: float, aligned: bool = False
) -> tuple[Turn, ...]:
    """The turns of a conversation without a timeline file.

    The question first and the reply 0.3 s after its end (``listen_s`` is the question's length); with ``aligned`` both
    from 0, as the two sides of one recording are.
    """
    turns: list[Turn] = []
    if listen is not None:
        turns.append(Turn(who=Voice.LISTEN, path=listen))
    if speak is not None:
        start_s = 0.0 if aligned or listen is None else listen_s + PAUSE_S
        turns.append(Turn(who=Voice.SPEAK, path=speak, start_s=start_s))
    return tuple(turns)


def read_turns(path: Path) -> tuple[Turn, ...]:
    """Turns from a JSON file: ``{"turns": [{"who": "listen", "file": "question.wav", "at": 0.0}, ...]}``.

    ``at`` is in seconds, ``gain`` may be given too; names of files are relative to the JSON file.

    Raises:
        InputError: no such file, no JSON, an unknown or missing key, a wrong value, a sound file that is missing.
    """
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"there is no timeline {path}") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{path} is not valid JSON: line {error.lineno}, column {error.colno}: {error.msg}") from error
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as a timeline: {error}") from error
    if not isinstance(content, dict) or set(cast("dict[str, Any]", content)) != {"turns"}:
        raise InputError(f'{path} must be one object with the single key "turns"')
    entries: Any = cast("dict[str, Any]", content)["turns"]
    if not isinstance(entries, list) or not entries:
        raise InputError(f'{path}: "turns" must be a list with at least one turn')
    return tuple(_turn(path, number, entry) for number, entry in enumerate(cast("list[Any]", entries), 1))


def _turn(path: Path, number: int, entry: Any) -> Turn:
    where = f"{path}, turn {number}"
    if not isinstance(entry, dict):
        raise InputError(f'{where} must be an object like {{"who": "speak", "file": "reply.wav", "at": 0.0}}')
    fields = cast("dict[str, Any]", entry)
    if unknown := sorted(set(fields) - _KEYS):
        raise InputError(f"{where} has the unknown key {unknown[0]!r}; a turn has who, file, at and perhaps gain")
    if missing := sorted({"who", "file", "at"} - set(fields)):
        raise InputError(f"{where} lacks the key {missing[0]!r}; a turn has who, file, at and perhaps gain")
    who, file = fields["who"], fields["file"]
    if who not in tuple(Voice):
        raise InputError(f'{where}: who is {who!r}; it must be "speak" (the character) or "listen" (the partner)')
    if not isinstance(file, str) or not file or "\0" in file:
        raise InputError(f"{where}: file must be the name of a sound file")
    sound = path.parent / file
    if not os.path.isfile(sound):  # noqa: PTH113  # answers False where Path.is_file raises (names that are too long)
        raise InputError(f"{where}: there is no file {sound}")
    start_s, gain = _number(where, "at", fields["at"]), _number(where, "gain", fields.get("gain", 1.0))
    if start_s < 0:
        raise InputError(f"{where}: at is {start_s:g}; a turn cannot start before 0 s")
    return Turn(who=Voice(who), path=sound, start_s=start_s, gain=gain)


def _number(where: str, name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _MAX_NUMBER:
        raise InputError(f"{where}: {name} is {str(value)[:40]}; it must be a number of sensible size")
    return float(value)
