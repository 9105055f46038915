"""Faces and their landmarks in pictures that come in on standard input; run by an interpreter that has mediapipe.

It imports nothing of this package, because mediapipe 0.10.21 wants older numpy and protobuf than the package:

    python3.11 -m venv landmarks-env
    landmarks-env/bin/pip install mediapipe==0.10.21

(Python 3.9 to 3.12; the wheel carries its models, nothing is downloaded later.) ``people.landmark_link`` starts it and
speaks to it: a picture is a mode (0: one face, followed from picture to picture; 1: every face, each picture by
itself), its height and width as little-endian int32, and rows of 8-bit RGB. The answer is the number of faces as int32
and for each, surest first, a score and 478 points of (x, y) in pixels as float32.
"""

import struct
import sys
from typing import Any

import numpy as np

NUM_POINTS = 478
HEADER = struct.Struct("<iii")
COUNT = struct.Struct("<i")
ONE_FACE, EVERY_FACE = 0, 1
_LEAST_SCORE = 0.5
_SAME = 0.3
_MARGIN = 1.7
_SMALLEST = 192
"""Sides of cut-outs are enlarged to at least this: the mesh looks at 192 pixels."""
_TILE = 0.6
"""Of rows and columns: in tiles of this size faces are looked for again, since the finder shrinks what it is given."""


class Watcher:
    """The networks of mediapipe, each made when it is first needed."""

    def __init__(self) -> None:
        from mediapipe.python.solutions import (  # pyright: ignore[reportMissingImports]  # another environment's
            face_detection,
            face_mesh,
        )

        self._face_detection, self._face_mesh = face_detection, face_mesh
        self._made: dict[str, Any] = {}

    def one(self, picture_HWC: Any) -> list[tuple[float, Any]]:
        """The one face that is followed."""
        # Refined landmarks read the inner edge of the lips from the picture; the plain mesh only guesses it.
        mesh = self._mesh("following", static_image_mode=False)
        return [(1.0, points_P2) for points_P2 in _points(mesh, picture_HWC)]

    def every(self, picture_HWC: Any) -> list[tuple[float, Any]]:
        """All faces, near ones and far ones."""
        boxes = self._boxes(0, picture_HWC) + self._boxes(1, picture_HWC)
        rows, columns = picture_HWC.shape[:2]
        height, width = int(rows * _TILE), int(columns * _TILE)
        for top in (0, rows - height):
            for left in (0, columns - width):
                tile_HWC = np.ascontiguousarray(picture_HWC[top : top + height, left : left + width])
                # A face cut by the edge of a tile is seen whole in another, or in the picture.
                boxes += [
                    (score, square + np.array([left, top, 0.0]))
                    for score, square in self._boxes(1, tile_HWC)
                    if square[2] < 0.4 * min(height, width)
                ]
        faces: list[tuple[float, Any]] = []
        kept: list[Any] = []
        for score, square in sorted(boxes, key=lambda each: -each[0]):
            if any(np.abs(square[:2] - other[:2]).max() < _SAME * (square[2] + other[2]) for other in kept):
                continue
            kept.append(square)
            cut_HWC, corner, scale = _cut_out(picture_HWC, square)
            mesh = self._mesh("still", static_image_mode=True)
            faces += [(score, points_P2 / scale + corner) for points_P2 in _points(mesh, cut_HWC)]
        return faces

    def _boxes(self, kind: int, picture_HWC: Any) -> list[tuple[float, Any]]:
        """Faces by the near (0) or the far (1) finder: scores, and middle and size in pixels."""
        rows, columns = picture_HWC.shape[:2]
        if f"finder {kind}" not in self._made:
            self._made[f"finder {kind}"] = self._face_detection.FaceDetection(
                model_selection=kind, min_detection_confidence=_LEAST_SCORE
            )
        found: list[tuple[float, Any]] = []
        for face in self._made[f"finder {kind}"].process(picture_HWC).detections or ():
            box = face.location_data.relative_bounding_box
            middle = ((box.xmin + box.width / 2) * columns, (box.ymin + box.height / 2) * rows)
            found.append((float(face.score[0]), np.array([*middle, max(box.width * columns, box.height * rows)])))
        return found

    def _mesh(self, name: str, **options: Any) -> Any:
        if name not in self._made:
            self._made[name] = self._face_mesh.FaceMesh(max_num_faces=1, refine_landmarks=True, **options)
        return self._made[name]


def _points(mesh: Any, picture_HWC: Any) -> list[Any]:
    rows, columns = picture_HWC.shape[:2]
    found = mesh.process(picture_HWC).multi_face_landmarks or ()
    return [np.array([(p.x * columns, p.y * rows) for p in face.landmark], np.float32) for face in found]


def _cut_out(picture_HWC: Any, square: Any) -> tuple[Any, Any, int]:
    """The neighbourhood of a face with its border going on, where its corner is, and how much it was enlarged."""
    half = int(np.ceil(square[2] * _MARGIN / 2))
    corner = np.round(square[:2]).astype(int) - half
    rows = np.clip(np.arange(corner[1], corner[1] + 2 * half), 0, picture_HWC.shape[0] - 1)
    columns = np.clip(np.arange(corner[0], corner[0] + 2 * half), 0, picture_HWC.shape[1] - 1)
    scale = max(-(-_SMALLEST // (2 * half)), 1)
    cut_HWC = picture_HWC[np.repeat(rows, scale)[:, None], np.repeat(columns, scale)[None]]
    return np.ascontiguousarray(cut_HWC), corner.astype(np.float32), scale


def main() -> None:
    """Read, find, answer, until the input ends."""
    watcher = Watcher()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while len(header := source.read(HEADER.size)) == HEADER.size:
        mode, height, width = HEADER.unpack(header)
        picture_HWC = np.frombuffer(source.read(height * width * 3), np.uint8).reshape(height, width, 3)
        faces = watcher.every(picture_HWC) if mode == EVERY_FACE else watcher.one(picture_HWC)
        sink.write(COUNT.pack(len(faces)))
        for score, points_P2 in faces:
            sink.write(np.float32(score).tobytes() + points_P2.astype(np.float32).tobytes())
        sink.flush()


if __name__ == "__main__":
    main()
