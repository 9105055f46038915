"""Which tracks of a source are one person, by their looks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Seen:
    """A track as it looks, and when it is seen (seconds of the source)."""

    looks_X: NDArray[np.float32]
    first_s: float
    end_s: float

    def together(self, other: "Seen") -> bool:
        """Whether both are seen at one time: then they are two people, however alike."""
        return min(self.end_s, other.end_s) - max(self.first_s, other.first_s) > 0


@dataclass(kw_only=True, slots=True, eq=False)
class _Known:
    total_X: NDArray[np.float64]
    weight: float
    tracks: list[Seen]

    def differs(self, track: Seen) -> float:
        return float(np.abs(self.total_X / self.weight - track.looks_X).mean())


def people_of(clips: Iterable[Sequence[Seen]], most_different: float) -> list[tuple[int, ...]]:
    """A number for every track of every clip, the same for tracks of one person, by when they first come.

    Within a clip the pair of track and person that are most alike is settled first.
    """
    known: list[_Known] = []
    found: list[tuple[int, ...]] = []
    for clip in clips:
        numbers: dict[int, int] = {}
        while len(numbers) < len(clip):
            left = [index for index in range(len(clip)) if index not in numbers]
            pairs = [
                (person.differs(clip[index]), index, number)
                for index in left
                for number, person in enumerate(known)
                if not any(clip[index].together(track) for track in person.tracks)
            ]
            difference, index, number = min(pairs, default=(1.0, left[0], 0))
            if difference > most_different:
                index, number = left[0], len(known)
                known.append(_Known(total_X=np.zeros(clip[index].looks_X.shape[0]), weight=0.0, tracks=[]))
            numbers[index] = number
            person, track = known[number], clip[index]
            length = max(track.end_s - track.first_s, 1e-3)
            person.total_X, person.weight = person.total_X + length * track.looks_X, person.weight + length
            person.tracks.append(track)
        found.append(tuple(numbers[index] for index in range(len(clip))))
    return found
