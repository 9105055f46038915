"""The detector for drawn characters: the cast of ``synth``, which detectors of human faces do not see."""

from pathlib import Path
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openlpm.data.people.cast_networks import CELL, FINDER_SIDE, MESH_MARGIN, MESH_SIDE, Finder, Mesh, Meshed
from openlpm.data.people.cut_out import Square, cut_out, letterbox
from openlpm.data.people.faces import Face, box_of, overlap
from openlpm.weights.store import load_into

WEIGHTS = Path(__file__).parent / "weights"
"""The folder of the package that holds the weights of finder and mesh."""
_SURE, _IS_FACE = 0.4, 0.4
_LEAST_SCORE = 0.5
"""Of both together: on validation pictures nine in ten faces that are none stay below it, and no true one."""
_SAME = 0.4
"""Boxes that overlap more are one face."""
_PART = 0.5
"""So much of a box within a surer face makes it a part of that one: an eye or a cheek at the end of a square."""
_WHOLE = 0.85
"""What holds so much of a surer face is all that is around that one: hair, ears, a frame."""
_MOST_FACES = 12
_WIDE = 1.25
"""A picture so much longer than it is broad is looked at in squares too: two people side by side are small in it."""
_MOST_SQUARES = 8
"""What is much longer yet costs no more; what lies between its squares is seen in the whole picture alone."""
_BATCH = 24


@final
class CastDetector:
    """Finds drawn faces, among them those of animals and robots; each picture by itself.

    The smallest faces that it finds are about a twelfth of the picture's shorter side wide, some only from a sixth on.
    ``threads`` of torch are the caller's matter.

    Raises:
        WeightsError: the weights are missing or damaged.
    """

    def __init__(self, weights: Path = WEIGHTS) -> None:
        self._finder, self._mesh = Finder().eval(), Mesh().eval()
        load_into(self._finder, weights / "finder")
        load_into(self._mesh, weights / "mesh")

    @torch.no_grad()
    def find(self, frames_FHWC: NDArray[np.uint8]) -> list[list[Face]]:
        """The faces of each picture, surest first."""
        found: list[list[Face]] = []
        for first in range(0, len(frames_FHWC), _BATCH):
            found += self._find(frames_FHWC[first : first + _BATCH])
        return found

    def _find(self, frames_FHWC: NDArray[np.uint8]) -> list[list[Face]]:
        candidates = [
            (frame, square, score)
            for frame, squares in enumerate(self._squares(frames_FHWC))
            for square, score in squares
        ]
        found: list[list[Face]] = [[] for _ in frames_FHWC]
        for first in range(0, len(candidates), _BATCH):
            group = candidates[first : first + _BATCH]
            pictures = [frames_FHWC[frame] for frame, _, _ in group]
            faces = self._faces(pictures, [square for _, square, _ in group], [score for _, _, score in group])
            for (frame, _, _), face in zip(group, faces, strict=True):
                if face is not None:
                    found[frame].append(face)
        return [_apart(faces) for faces in found]

    def _squares(self, frames_FHWC: NDArray[np.uint8]) -> list[list[tuple[Square, float]]]:
        """Where the finder believes in faces: squares to cut out, with how sure it is."""
        views = [(frame, view) for frame, picture_HWC in enumerate(frames_FHWC) for view in _views(picture_HWC)]
        boxes: list[list[NDArray[np.float32]]] = [[] for _ in frames_FHWC]
        scores: list[list[NDArray[np.float32]]] = [[] for _ in frames_FHWC]
        for first in range(0, len(views), _BATCH):
            group = views[first : first + _BATCH]
            boxed = [letterbox(frames_FHWC[frame][rows, columns], FINDER_SIDE) for frame, (rows, columns) in group]
            seen = self._finder(_tensor([square_HWC for square_HWC, _ in boxed]))
            score_NHW, box_N4HW = torch.sigmoid(seen.logit_NHW).numpy(), seen.box_N4HW.numpy()
            for index, ((frame, (rows, columns)), (_, scale)) in enumerate(zip(group, boxed, strict=True)):
                rows_K, columns_K = np.nonzero(score_NHW[index] > _SURE)
                box_K4 = box_N4HW[index][:, rows_K, columns_K].T
                middle_K2 = (np.stack([columns_K, rows_K], axis=1) + 0.5 + box_K4[:, :2]) * CELL * scale
                middle_K2 += (columns.start, rows.start)
                size_K2 = np.exp(np.minimum(box_K4[:, 2:], 4.0)) * CELL * scale
                boxes[frame].append(np.concatenate([middle_K2 - size_K2 / 2, middle_K2 + size_K2 / 2], axis=1))
                scores[frame].append(score_NHW[index][rows_K, columns_K])
        found: list[list[tuple[Square, float]]] = []
        for of_views, sure in zip(boxes, scores, strict=True):
            boxes_K4, scores_K = np.concatenate(of_views).astype(np.float32), np.concatenate(sure)
            kept = _suppressed(boxes_K4, scores_K)[:_MOST_FACES]
            found.append([(_square(boxes_K4[k]), float(scores_K[k])) for k in kept])
        return found

    def _faces(
        self, pictures: list[NDArray[np.uint8]], squares: list[Square], scores: list[float]
    ) -> list[Face | None]:
        """Landmarks in each square, None where the mesh sees no face; read twice, the second time about the first.

        What is a face is found there again by a third look. Half of one, or all that is around it, is not: each look
        moves on towards the face. So a face is as sure as it stays.
        """
        points, _ = self._read(pictures, squares)
        points, seen = self._read(pictures, [_square(box_of(points_P2)) for points_P2 in points])
        again, _ = self._read(pictures, [_square(box_of(points_P2)) for points_P2 in points])
        sure_N, turn_N3 = torch.sigmoid(seen.logit_N).numpy(), seen.turn_N3.numpy()
        found: list[Face | None] = []
        for points_P2, later_P2, score, sure, turn_3 in zip(points, again, scores, sure_N, turn_N3, strict=True):
            box_4, sure_of_both = box_of(points_P2), score * float(sure)
            stays = float(overlap(box_4[None], box_of(later_P2)[None])[0, 0])
            is_face = sure > _IS_FACE and sure_of_both >= _LEAST_SCORE
            face = Face(box_4=box_4, score=sure_of_both * stays, points_P2=points_P2, turn_3=turn_3)
            found.append(face if is_face else None)
        return found

    def _read(
        self, pictures: list[NDArray[np.uint8]], squares: list[Square]
    ) -> tuple[list[NDArray[np.float32]], Meshed]:
        """Landmarks in pixels of each picture, and all that the mesh says."""
        cut = [cut_out(picture, square, MESH_SIDE) for picture, square in zip(pictures, squares, strict=True)]
        seen = self._mesh(_tensor(cut))
        points = [
            (across_P2 * (square[2] / 2) + np.array(square[:2])).astype(np.float32)
            for across_P2, square in zip(seen.points_NP2.numpy(), squares, strict=True)
        ]
        return points, seen


def _views(picture_HWC: NDArray[np.uint8]) -> list[tuple[slice, slice]]:
    """Rows and columns to look for faces in: all of a picture, and squares along its longer side if it is much longer.

    Two neighbours share half of their side or more (but for ``_MOST_SQUARES``), so a face that is less than that is
    whole in one of them.
    """
    height, width = picture_HWC.shape[:2]
    side, length = sorted((height, width))
    views = [(slice(0, height), slice(0, width))]
    if length >= _WIDE * side:
        count = min(1 + -(-2 * (length - side) // side), _MOST_SQUARES)
        for start in np.linspace(0, length - side, count).round().astype(int).tolist():
            along, across = slice(start, start + side), slice(0, side)
            views.append((across, along) if width > height else (along, across))
    return views


def _square(box_4: NDArray[np.float32]) -> Square:
    low_2, high_2 = box_4[:2], box_4[2:]
    middle_2 = (low_2 + high_2) / 2
    return float(middle_2[0]), float(middle_2[1]), max(float((high_2 - low_2).max()), 4.0) * MESH_MARGIN


def _tensor(pictures: list[NDArray[np.uint8]]) -> Tensor:
    pictures_NHWC = torch.from_numpy(np.stack(pictures)).float() / 255.0
    return pictures_NHWC.permute(0, 3, 1, 2)  # channels last in memory already


def _suppressed(boxes_K4: NDArray[np.float32], scores_K: NDArray[np.floating]) -> list[int]:
    """Indices of the boxes that are left when the surer of two that overlap is kept, surest first."""
    kept: list[int] = []
    for index in np.argsort(-scores_K, kind="stable").tolist():
        if not kept or overlap(boxes_K4[index : index + 1], boxes_K4[kept]).max() <= _SAME:
            kept.append(index)
    return kept


def _apart(faces: list[Face]) -> list[Face]:
    """Faces that are still different ones after their landmarks were read, and no parts of one another."""
    if not faces:
        return []
    boxes_K4 = np.stack([face.box_4 for face in faces])
    kept: list[int] = []
    for index in _suppressed(boxes_K4, np.array([face.score for face in faces])):
        if not any(_holds(boxes_K4[index], boxes_K4[surer]) for surer in kept):
            kept.append(index)
    return [faces[index] for index in kept]


def _holds(box_4: NDArray[np.float32], surer_4: NDArray[np.float32]) -> bool:
    """Whether one of two boxes is a part of the other."""
    return _share_within(box_4, surer_4) > _PART or _share_within(surer_4, box_4) > _WHOLE


def _share_within(box_4: NDArray[np.float32], other_4: NDArray[np.float32]) -> float:
    """Of a box's area, what lies within another one."""
    low_2, high_2 = np.maximum(box_4[:2], other_4[:2]), np.minimum(box_4[2:], other_4[2:])
    return float(np.prod(np.clip(high_2 - low_2, 0, None)) / max(float(np.prod(box_4[2:] - box_4[:2])), 1e-9))
