"""Where windows meet: does the picture jolt, and does the mouth keep following the voice?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch

from openlpm.bench import metrics, statistics
from openlpm.bench.base import read_performances
from openlpm.bench.cases import Case
from openlpm.bench.changes import ChangeMeter, Changes, picture_changes
from openlpm.bench.performer import Performer, part_of
from openlpm.bench.progress import OnProgress, phase, renamed, unheard
from openlpm.bench.reading import ClipReading, Judges
from openlpm.bench.result import Row
from openlpm.bench.statistics import Estimate
from openlpm.bench.truth import BLOCK_FRAMES, Codec, pictures_of, render_truth
from openlpm.core.rig import Rig
from openlpm.core.units import FRAME_RATE_HZ

REACH_FRAMES = 12
"""Changes on either side that a join is compared with: half a second."""
CUT_FRAMES = 12
"""What the control leaves out at a join."""
ELSEWHERE_FRAMES = FRAME_RATE_HZ
"""How long before a join its control lies: the same place in a latent frame, and far from the join."""

NAMES = ("seam_ratio", "seam_ratio/elsewhere", "seam_ratio/truth", "seam_ratio/codec", "seam_ratio/cut",
         "jaw_correlation/before_join", "jaw_correlation/after_join")  # fmt: skip


def measure_joins(
    performer: Performer,
    judges: Judges,
    cases: Sequence[Case],
    *,
    batch: int,
    on_progress: OnProgress = unheard,
) -> list[Row]:
    """The rows of ``NAMES``; without a value where no clip is long enough for a join."""
    num_frames = cases[0].record.num_frames if cases else 0
    joins = performer.joins(num_frames)
    if not joins:
        return [Row(name=name, value=None, n=0) for name in NAMES]
    meters = [ChangeMeter() for _ in cases]
    pictures = pictures_of([case.identity for case in cases], judges.device)
    readings = read_performances(
        performer,
        judges,
        [
            part_of(case, pictures_JCHW, seed=index)
            for index, (case, pictures_JCHW) in enumerate(zip(cases, pictures, strict=True))
        ],
        batch,
        renamed(on_progress, "long clips"),
        lambda index, frames_FCHW: meters[index].add(frames_FCHW),
    )
    made = [meter.changes() for meter in meters]
    near: list[_NearJoins] = []
    with phase(on_progress, "joins", len(cases)) as report:
        for case in cases:
            near.append(_NearJoins.of(case, joins, performer.codec, judges.device))
            report(len(near))
    elsewhere = [join - ELSEWHERE_FRAMES for join in joins if join > ELSEWHERE_FRAMES]
    estimates = (
        seam_ratio(made, joins, joins),
        seam_ratio(made, elsewhere, joins),
        seam_ratio([each.truth_F for each in near], joins, joins),
        seam_ratio([each.codec_F for each in near], joins, joins),
        seam_ratio([each.cut_F for each in near], joins, joins),
        _jaw(readings, cases, slice(None, joins[0])),
        _jaw(readings, cases, slice(joins[0], None)),
    )
    return [Row.of(name, estimate) for name, estimate in zip(NAMES, estimates, strict=True)]


def seam_ratio(clips: Sequence[Changes], places: Sequence[int], joins: Sequence[int]) -> Estimate:
    """Change into the frames ``places`` over the mean change within ``REACH_FRAMES`` of them, joins left out.

    Summed over places and clips before it is divided, so that a clip that hardly moves does not rule.
    """
    across = np.array([sum(changes_F[place - 1] for place in places) for changes_F in clips], float)
    around = np.array([sum(_around(changes_F, place, joins) for place in places) for changes_F in clips], float)
    return statistics.ratio_of_sums(across, around)


def _around(changes_F: Changes, place: int, joins: Sequence[int]) -> float:
    aside = {place - 1, *(join - 1 for join in joins)}
    first, end = max(place - 1 - REACH_FRAMES, 0), min(place + REACH_FRAMES, changes_F.shape[0])
    known = [changes_F[index] for index in range(first, end) if index not in aside and np.isfinite(changes_F[index])]
    return float(np.mean(known)) if known else math.nan


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class _NearJoins:
    """Changes of a true clip near its joins."""

    truth_F: Changes
    codec_F: Changes
    """After encoding and decoding; all NaN without a codec."""
    cut_F: Changes
    """Half a second left out at each join."""

    @staticmethod
    def of(case: Case, joins: Sequence[int], codec: Codec | None, device: torch.device) -> "_NearJoins":
        count = case.record.num_frames
        truth_F, codec_F = np.full(count - 1, np.nan), np.full(count - 1, np.nan)
        cut: list[float] = []
        for join in joins:
            # Whole blocks, because a codec takes whole latent frames.
            first, end = max(join - BLOCK_FRAMES, 0), min(join + BLOCK_FRAMES, count)
            frames_FCHW = render_truth(case, slice(first, end), device)
            truth_F[first : end - 1] = picture_changes(frames_FCHW).double().cpu().numpy()
            if codec is not None:
                codec.reset()
                codec_F[first : end - 1] = picture_changes(codec(frames_FCHW).float()).double().cpu().numpy()
            before = join - 1 - first
            after = min(before + CUT_FRAMES, end - first - 1)
            cut.append(float(picture_changes(frames_FCHW[[before, after]])))
        cut_F = truth_F.copy()
        cut_F[[join - 1 for join in joins]] = cut
        return _NearJoins(truth_F=truth_F, codec_F=codec_F, cut_F=cut_F)


def _jaw(readings: Sequence[ClipReading], cases: Sequence[Case], part: slice) -> Estimate:
    """Mean correlation of the read jaw with the true one over clips that speak in that part for a second or more."""
    scores = [
        metrics.jaw_correlation(
            reading.rig_FR[part, Rig.JAW], case.true_rig[part, Rig.JAW], metrics.speaking(case.record.state_F[part])
        )
        for reading, case in zip(readings, cases, strict=True)
    ]
    return statistics.mean(np.array([score for score in scores if score is not None], float))
