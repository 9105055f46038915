"""Does the picture jump where a character begins or ends to speak, or to listen?"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.bench import statistics
from openlpm.bench.cases import Case
from openlpm.bench.changes import Changes, picture_changes
from openlpm.bench.result import Bar, Row
from openlpm.bench.setting import Setting
from openlpm.bench.truth import render_truth
from openlpm.core.record import PerformanceRecord

NAME, BAR = "transition_jump", Bar(at_most=1.5)
VITALITY_BAR = Bar(at_least=0.5)
"""A picture that hardly changes never jumps."""
REACH_FRAMES = 8
"""A change of state may show so many frames before or after: a chunk, since conditions change only between chunks."""
_WITHIN = 99.0
_FEWEST_WITHIN = 24
_CUT_FRAMES = 12
"""What the control leaves out at a change."""


def transition_rows(setting: Setting, made: Sequence[Changes], device: torch.device, suffix: str = "") -> list[Row]:
    """Largest change of the picture near a change of state, over the 99th percentile elsewhere in the clip.

    Mean and worst over clips; beside it the truth, and a truth that leaps over half a second there. ``n`` counts the
    clips in which the state changes and is the same for a second or more. ``met`` only if pictures change at all
    (``/vitality``: how much they do over how much those of the truth do).
    """
    name, records = f"{NAME}{suffix}", [case.record for case in setting.cases]
    truth = [reading.changes for reading in setting.truth]
    leaping = [_leaping(case, changes_F, device) for case, changes_F in zip(setting.cases, truth, strict=True)]
    of_made = jumps(records, made)
    alive = vitality(made, truth)
    worst = statistics.Estimate.single(float(of_made.max(initial=-np.inf)), n=of_made.size)
    return [
        Row.of(name, statistics.mean(of_made), bar=BAR, guard=VITALITY_BAR.met_by(alive.value)),
        Row.of(f"{name}/vitality", alive, bar=VITALITY_BAR),
        Row.of(f"{name}/worst_clip", worst),
        Row.of(f"{name}/truth", statistics.mean(jumps(records, truth))),
        Row.of(f"{name}/leap", statistics.mean(jumps(records, leaping))),
    ]


def vitality(made: Sequence[Changes], truth: Sequence[Changes]) -> statistics.Estimate:
    """How much the pictures of all clips change from frame to frame, over how much the true ones do."""
    of_made, of_truth = (np.array([float(changes_F.sum()) for changes_F in clips]) for clips in (made, truth))
    return statistics.ratio_of_sums(of_made, of_truth)


def jumps(records: Sequence[PerformanceRecord], clips: Sequence[Changes]) -> NDArray[np.float64]:
    """The ratio of every clip in which it can be told."""
    found = [_ratio(record, changes_F) for record, changes_F in zip(records, clips, strict=True)]
    return np.array([ratio for ratio in found if ratio is not None], dtype=np.float64)


def _ratio(record: PerformanceRecord, changes_F: Changes) -> float | None:
    near_F = np.zeros(changes_F.shape[0], np.bool_)
    for frame in switches(record):
        # Entry f is the change from frame f to frame f + 1, so the change into ``frame`` is entry ``frame - 1``.
        near_F[max(frame - 1 - REACH_FRAMES, 0) : frame + REACH_FRAMES] = True
    if not near_F.any() or int((~near_F).sum()) < _FEWEST_WITHIN:
        return None
    within = float(np.percentile(changes_F[~near_F], _WITHIN))
    # A picture that stands still and then leaps, or cannot be compared, is the worst there is and not a missing value.
    largest = float(np.nan_to_num(changes_F[near_F], nan=np.inf).max())
    return largest / max(within, 1e-6)


def switches(record: PerformanceRecord) -> list[int]:
    """Frames with which another state begins."""
    return [int(frame) + 1 for frame in np.flatnonzero(np.diff(record.state_F))]


def _leaping(case: Case, changes_F: Changes, device: torch.device) -> Changes:
    """The true clip if half a second were left out at each change of state."""
    leaping_F = changes_F.copy()
    for frame in switches(case.record):
        last = min(frame - 1 + _CUT_FRAMES, case.record.num_frames - 1)
        both_FCHW = render_truth(case, slice(frame - 1, last + 1, last - frame + 1), device)
        leaping_F[frame - 1] = float(picture_changes(both_FCHW))
    return leaping_F
