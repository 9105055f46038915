"""Classic metrics of a submission: a value a case, and whether the controls prove that the metric sees anything."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np

from openlpm.bench.arena.case import Case
from openlpm.bench.arena.entry import Entry
from openlpm.bench.classic.metric import Better, ClassicMetric, Footage
from openlpm.bench.statistics import Estimate, mean
from openlpm.core.errors import InputError
from openlpm.media.picture import read_picture
from openlpm.media.video import read_video

LEAST_AUC: Final = 0.9
"""How surely a control has to be told from the truth."""
_MOST_FRAMES = 24 * 30


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """A metric of a submission."""

    metric: ClassicMetric
    values: Mapping[str, float]
    """By case."""
    num_cases: int
    """Of the submission; where there are fewer values the others could not be measured."""
    auc: Mapping[str, float]
    """Of truth against each control that was given: 1 always told apart, 0.5 never."""

    @property
    def estimate(self) -> Estimate:
        """The mean over cases with its interval."""
        return mean(np.array(list(self.values.values()), np.float64))

    @property
    def lacks(self) -> tuple[str, ...]:
        """Controls that it was not shown to react to; none of them left: it is admitted."""
        return tuple(name for name in self.metric.about.reacts_to if self.auc.get(name, 0.0) < LEAST_AUC)


@final
class Reel(Mapping[str, Footage]):
    """The clips of a submission by case, of each at most thirty seconds, read when they are asked for.

    Raises:
        InputError: a video or reference cannot be read.
    """

    def __init__(self, entry: Entry, cases: Mapping[str, Case]) -> None:
        self._entry, self._cases = entry, cases

    def __getitem__(self, case: str) -> Footage:
        clip, references = read_video(self._entry.videos[case], most_frames=_MOST_FRAMES), self._cases[case].references
        return Footage(
            case=case,
            frames_FHWC=clip.frames_FHWC,
            rate_hz=clip.rate_hz,
            samples_A=clip.samples_A,
            reference_HWC=read_picture(references[0]) if references else None,
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._entry.videos)

    def __len__(self) -> int:
        return len(self._entry.videos)

    def __contains__(self, case: object) -> bool:
        return case in self._entry.videos  # without reading it


def measure(
    metric: ClassicMetric,
    clips: Mapping[str, Footage],
    truths: Mapping[str, Footage],
    controls: Mapping[str, Mapping[str, Footage]],
) -> Measured:
    """A metric of clips, and of the truth against each control.

    Raises:
        InputError: it has no value for any case.
    """
    values = metric.values(clips, truths)
    if not values:
        raise InputError(f"{metric.about.name} has no value for any case: it {metric.about.weights}")
    best = metric.values(truths, truths) if controls else {}
    return Measured(
        metric=metric,
        values=values,
        num_cases=len(clips),
        auc={name: _auc(best, metric.values(shown, truths), metric.about.better) for name, shown in controls.items()},
    )


def write_per_case(measured: Sequence[Measured], path: Path) -> None:
    """Lines as the benchmark's own ``per_case.jsonl``.

    Raises:
        InputError: the file cannot be written.
    """
    lines = [
        {
            "case": case,
            "seed": 0,
            "metric": each.metric.about.name,
            "value": value,
            "lo": None,
            "hi": None,
            "status": "ok",
            "extractor_sha": each.metric.sha256,
            "admitted": not each.lacks,
        }
        for each in measured
        for case, value in each.values.items()
    ]
    try:
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error


def _auc(best: Mapping[str, float], worse: Mapping[str, float], better: Better) -> float:
    """How often a case of the truth beats one of the control; ties count half. 0 without values."""
    if not best or not worse:
        return 0.0
    gap = np.subtract.outer(list(best.values()), list(worse.values()))
    won = float((gap > 0).mean() + 0.5 * (gap == 0).mean())
    return won if better is Better.HIGHER else 1.0 - won
