"""How well cuts are found: in films that were cut here, and in recordings that a person looked at."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openlpm.bench.dataset.seen import Seen
from openlpm.bench.result import Bar, Row
from openlpm.bench.statistics import of_sums
from openlpm.core.seeds import generator
from openlpm.data.defects.clean import resized, write_silent
from openlpm.data.ingest.probing import Limits, look_into
from openlpm.data.shots.cuts import CutConfig, find_cuts
from openlpm.data.shots.stage import small_pictures

_BAR = Bar(at_least=0.98)
_ANY = Limits(most_streams=16, most_pixels=10**8, longest_s=1e5, fastest_hz=1000, most_damaged=1.0)
_SHORTEST, _LONGEST = 12, 72
_SHOTS = 5


def cut_rows(clips: Sequence[NDArray[np.uint8]], seen: Sequence[Seen], folder: Path, num_films: int) -> list[Row]:
    """F1 over all cuts, interval over films; a cut is found if it is named to the frame or one beside it."""
    counted = [_counted(*_film(clips, folder, number)) for number in range(num_films)]
    rows = [_row("cut_f1/synthetic", counted)]
    if seen:
        rows.append(_row("cut_f1/real", [_counted(each.path, each.cuts) for each in seen]))
    return rows


def _row(name: str, counted: list[tuple[int, int, int]]) -> Row:
    terms_NX = np.array(counted, dtype=np.float64).reshape(-1, 3)
    estimate = of_sums(terms_NX, _f1)
    return Row.of(name, estimate, bar=_BAR)


def _f1(sums_EX: NDArray[np.float64]) -> NDArray[np.float64]:
    """F1 of sums (hits, named, wanted); NaN where there is nothing to find and nothing was named."""
    both_E = sums_EX[:, 1] + sums_EX[:, 2]
    return np.where(both_E > 0, 2 * sums_EX[:, 0] / np.maximum(both_E, 1), np.nan)


def _counted(path: Path, wanted: Sequence[int]) -> tuple[int, int, int]:
    """Cuts that were found, that were named, and that there are."""
    media = look_into(path, _ANY)
    named = sorted(set(find_cuts(small_pictures(path, media), CutConfig())))
    left = list(named)
    hits = 0
    for cut in wanted:
        match = next((each for each in left if abs(each - cut) <= 1), None)
        if match is not None:
            left.remove(match)
            hits += 1
    return hits, len(named), len(wanted)


def _film(clips: Sequence[NDArray[np.uint8]], folder: Path, number: int) -> tuple[Path, list[int]]:
    """Shots of chance from different clips, brought to one size, one after the other."""
    rng = generator("bench", "cuts", number)
    chosen = rng.choice(len(clips), min(_SHOTS, len(clips)), replace=False)
    rows, columns = clips[int(chosen[0])].shape[1:3]
    shots: list[NDArray[np.uint8]] = []
    for index in chosen.tolist():
        length = int(rng.integers(_SHORTEST, _LONGEST))
        shots.append(resized(clips[index][:length], rows, columns))
    cuts = np.cumsum([len(shot) for shot in shots[:-1]]).tolist()
    return write_silent(folder / f"cuts{number}.mp4", np.concatenate(shots)), cuts
