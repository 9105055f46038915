"""Rectangles of edges that stand still and end at their corners, before which nothing passes: pictures in the picture.

Shelves, doors and panels have such edges too, but theirs run on past a corner, or whoever moves before them is on both
sides of an edge at once. In a corner, where people put their small pictures, less is asked for.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, final

import cv2
import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.int64]
"""``boxes_X4``: upper, lower, left, right; each names the last row or column before its edge."""

_SHORT_SIDE: Final = 240
_FAINT, _PLAIN = 2.0, 8.0
"""Levels of a step of any colour from which an edge begins to count, and from which it counts in full."""
_LOOKED_AT: Final = 4.0
"""The same for rows and columns in which sides are looked for."""
_MISSING: Final = 10
"""One of so many frames need not show a still edge."""
_SHORTEST: Final = 0.12
"""Of the picture's shorter side."""
_LARGEST: Final = 0.5
"""Of the picture's area."""
_LIVES: Final = 4.0
"""Levels by which the livelier quarter of what is inside changes over time (standard deviation)."""
_HARDLY_LIVES: Final = 0.75
"""What an outline is worth if only a tenth does: somebody who sits still in a small picture."""
_LIVES_IN_CORNER: Final = 12.0
"""Levels from which that tenth is enough in a corner: somebody small before a wall."""
_IN_CORNER: Final = 0.12
"""Of the picture's shorter side: so far may a rectangle in a corner be from both ends of the picture."""
_MOVES: Final = 2.0
"""The same for a place beside the outline."""
_WHOLE: Final = 0.9
"""An edge along so much of the picture is where two pictures meet, not the outline of one in the other."""
_MOST_LINES: Final = 32
_BEYOND: Final = slice(2, 14)
"""Pixels past a corner in which an edge may run on."""
_TOLD: Final = 6
"""Pixels of which so much can be said."""
_RUNS_ON: Final = 0.7
_MOST_RUN_ON: Final = 1
"""Of eight ends of sides; one more edge behind another is chance."""
_BESIDE: Final = 3
"""Pixels from the outline at which both sides of it are compared."""
_ALIKE: Final = 0.7
"""Correlation over time of what moves within and without."""
_MOST_ALIKE, _MOST_MOVING = 0.02, 0.6
"""Shares of the outline where both sides of it move as one, and where both move at all."""
_LEAST, _MOST_TRIES = 0.5, 2000


def inset_of(pictures: Sequence[NDArray[np.uint8]]) -> float:
    """How much of its outline bears out the best rectangle that nothing crosses, 0 to 1; 0 if that is little.

    Less is said of a rectangle in which hardly anything moves.
    """
    if len(pictures) < 3:
        return 0.0
    height, width = pictures[0].shape[:2]
    scale = min(1.0, _SHORT_SIDE / min(height, width))
    shape = (max(8, round(width * scale)), max(8, round(height * scale)))
    stack_FHWC = np.stack([cv2.resize(each, shape, interpolation=cv2.INTER_AREA) for each in pictures])
    stack_FHWC = stack_FHWC.astype(np.float32)
    edges = _Edges(stack_FHWC)
    boxes_X4 = edges.boxes()
    borne_out_X = edges.borne_out(boxes_X4)
    moves_HW = stack_FHWC.std(axis=0).max(axis=-1)
    grey_FHW = stack_FHWC.mean(axis=-1)
    best = 0.0
    for index in np.argsort(-borne_out_X, kind="stable")[:_MOST_TRIES].tolist():
        box = _Box(*boxes_X4[index].tolist())
        if borne_out_X[index] < max(_LEAST, best):
            break
        in_corner = box.is_in_corner(*moves_HW.shape)
        score = float(borne_out_X[index]) * _life(moves_HW[box.rows, box.columns], in_corner=in_corner)
        if score > best and not _is_crossed(grey_FHW, box, edges.seen_around(box) if in_corner else None):
            best = score
    return best


@final
class _Box(NamedTuple):
    """One of the boxes."""

    upper: int
    lower: int
    left: int
    right: int

    @property
    def rows(self) -> slice:
        """Those within, but for the softness of the edge."""
        return slice(self.upper + 2, self.lower - 1)

    @property
    def columns(self) -> slice:
        """The same across."""
        return slice(self.left + 2, self.right - 1)

    def is_in_corner(self, height: int, width: int) -> bool:
        """Whether it is near two ends of the picture."""
        near = _IN_CORNER * min(height, width)
        return (
            min(self.upper + 1, height - 1 - self.lower) <= near and min(self.left + 1, width - 1 - self.right) <= near
        )


def _life(moves_HW: NDArray[np.float32], *, in_corner: bool) -> float:
    """1 for what lives, less for what hardly does, 0 for what does not."""
    tenth, quarter = np.percentile(moves_HW, (90, 75))
    if quarter >= _LIVES or (in_corner and tenth >= _LIVES_IN_CORNER):
        return 1.0
    return _HARDLY_LIVES if tenth >= _LIVES else 0.0


@final
class _Edges:
    """How plainly edges stand still, along rows and along columns: levels of the step."""

    def __init__(self, stack_FHWC: NDArray[np.float32]) -> None:
        self._height, self._width = stack_FHWC.shape[1:3]
        self._rows_HW = _still(np.abs(np.diff(stack_FHWC, axis=1)))
        self._columns_WH = np.ascontiguousarray(_still(np.abs(np.diff(stack_FHWC, axis=2))).T)

    def boxes(self) -> Boxes:
        """All rectangles of the longest edges that are neither too small nor too large."""
        shortest = _SHORTEST * min(self._height, self._width)
        rows, columns = (_longest(each, shortest) for each in (self._rows_HW, self._columns_WH))
        boxes_X4 = np.stack([each.ravel() for each in np.meshgrid(rows, rows, columns, columns, indexing="ij")], axis=1)
        tall, wide = boxes_X4[:, 1] - boxes_X4[:, 0], boxes_X4[:, 3] - boxes_X4[:, 2]
        fits = (tall >= shortest) & (wide >= shortest) & (tall * wide <= _LARGEST * self._height * self._width)
        return boxes_X4[fits]

    def borne_out(self, boxes_X4: Boxes) -> NDArray[np.float64]:
        """How plain an edge each outline is, mean of four sides, 0 to 1; 0 where sides run on past their corners."""
        upper, lower, left, right = boxes_X4.T
        along, across = _Stretches(self._rows_HW), _Stretches(self._columns_WH)
        seen, run_on = np.zeros(len(boxes_X4)), np.zeros(len(boxes_X4))
        for edges, sides, first, end in ((along, (upper, lower), left, right), (across, (left, right), upper, lower)):
            for at in sides:
                seen += edges.share(at, first + 1, end) / 4
                run_on += edges.share(at, first - _BEYOND.stop, first - _BEYOND.start) > _RUNS_ON
                run_on += edges.share(at, end + 1 + _BEYOND.start, end + 1 + _BEYOND.stop) > _RUNS_ON
        return np.where(run_on <= _MOST_RUN_ON, seen, 0.0)

    def seen_around(self, box: _Box) -> NDArray[np.bool_]:
        """Where along its upper, lower, left and right side an edge is plain, be it a pixel off."""
        lines = [self._rows_HW[max(0, at - 1) : at + 2, box.columns] for at in (box.upper, box.lower)]
        lines += [self._columns_WH[max(0, at - 1) : at + 2, box.rows] for at in (box.left, box.right)]
        return np.concatenate([each.max(axis=0) for each in lines]) >= _PLAIN


def _still(steps_FHWC: NDArray[np.float32]) -> NDArray[np.float32]:
    """The step that is there in nine of ten frames."""
    steps_FHW = steps_FHWC.max(axis=-1)
    return np.partition(steps_FHW, len(steps_FHW) // _MISSING, axis=0)[len(steps_FHW) // _MISSING]


def _longest(steps_HW: NDArray[np.float32], shortest: float) -> NDArray[np.int64]:
    """The rows with the longest runs of edges, those of the picture's own end left out; small gaps are bridged.

    Of rows side by side that show the same soft edge only the one where it is plainest counts.
    """
    closed = cv2.morphologyEx((steps_HW > _LOOKED_AT).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((1, 5), np.uint8))
    plain_HW = np.minimum(steps_HW, 1.5 * _PLAIN)
    lengths: list[tuple[int, int]] = []
    for row in range(3, closed.shape[0] - 2):
        changes = np.flatnonzero(np.diff(np.concatenate(([0], closed[row], [0])).astype(np.int8)))
        if changes.size == 0:
            continue
        run = int((changes[1::2] - changes[::2]).argmax())
        first, end = int(changes[2 * run]), int(changes[2 * run + 1])
        before, here, behind = plain_HW[row - 1 : row + 2, first:end].sum(axis=1)
        if shortest <= end - first < _WHOLE * closed.shape[1] and here >= before and here > behind:
            lengths.append((first - end, row))
    return np.array(sorted(row for _, row in sorted(lengths)[:_MOST_LINES]), np.int64)


@final
class _Stretches:
    """How plain an edge is along a stretch of a row."""

    def __init__(self, steps_HW: NDArray[np.float32]) -> None:
        self._length = steps_HW.shape[1]
        plain_HW = np.clip((steps_HW - _FAINT) / (_PLAIN - _FAINT), 0.0, 1.0)
        self._sums_HW = np.pad(np.cumsum(plain_HW, axis=1, dtype=np.float64), ((0, 0), (1, 0)))

    def share(
        self, row_X: NDArray[np.int64], first_X: NDArray[np.int64], end_X: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """0 to 1; 0 where too little of the stretch is in the picture."""
        first_X, end_X = np.clip(first_X, 0, self._length), np.clip(end_X, 0, self._length)
        found_X = self._sums_HW[row_X, end_X] - self._sums_HW[row_X, first_X]
        return np.where(end_X - first_X >= _TOLD, found_X / np.maximum(end_X - first_X, 1), 0.0)


def _is_crossed(grey_FHW: NDArray[np.float32], box: _Box, seen_X: NDArray[np.bool_] | None) -> bool:
    """Whether the same things move on both sides of an outline.

    What passes before an edge hides it: where it was ``seen_X`` all the time two things move alike by chance.
    """

    def beside(at: int, axis: int) -> NDArray[np.float32]:
        lines_FLX = np.moveaxis(grey_FHW, axis, 1)
        return lines_FLX[:, min(max(at, 0), lines_FLX.shape[1] - 1), box.columns if axis == 1 else box.rows]

    pairs = [(beside(box.upper + _BESIDE, 1), beside(box.upper + 1 - _BESIDE, 1)),
             (beside(box.lower + 1 - _BESIDE, 1), beside(box.lower + _BESIDE, 1)),
             (beside(box.left + _BESIDE, 2), beside(box.left + 1 - _BESIDE, 2)),
             (beside(box.right + 1 - _BESIDE, 2), beside(box.right + _BESIDE, 2))]  # fmt: skip
    within_FX, without_FX = (np.concatenate(each, axis=1) for each in zip(*pairs, strict=True))
    within_FX, without_FX = within_FX - within_FX.mean(axis=0), without_FX - without_FX.mean(axis=0)
    spread_X, other_X = within_FX.std(axis=0), without_FX.std(axis=0)
    moving_X = np.minimum(spread_X, other_X) > _MOVES
    alike_X = moving_X & ((within_FX * without_FX).mean(axis=0) > _ALIKE * spread_X * other_X)
    if seen_X is not None:
        alike_X &= ~seen_X
    return bool(np.mean(alike_X) > _MOST_ALIKE or np.mean(moving_X) > _MOST_MOVING)
