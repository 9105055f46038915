"""Face landmarks of pictures that come in on standard input; run as a script by an interpreter that has mediapipe.

It imports nothing of this package, because mediapipe 0.10.21 wants older numpy and protobuf than the package:

    python3.11 -m venv landmarks-env
    landmarks-env/bin/pip install mediapipe==0.10.21

(Python 3.9 to 3.12; the wheel carries its models, nothing is downloaded later.) ``bench.lips`` starts it as

    landmarks-env/bin/python landmark_process.py HEIGHT WIDTH < frames > points

Frames are rows of 8-bit RGB, one after the other; for each, 478 points of (x, y) in pixels come back as float32 once
the input has ended, NaN where no face was found.
"""

import sys
from typing import Any

import numpy as np

NUM_POINTS = 478


def main() -> None:
    """Read, find, write."""
    from mediapipe.python.solutions import face_mesh  # pyright: ignore[reportMissingImports]  # another environment's

    height, width = int(sys.argv[1]), int(sys.argv[2])
    size = height * width * 3
    rows: list[Any] = []
    # Refined landmarks read the inner edge of the lips from the picture; the plain mesh only guesses it.
    with face_mesh.FaceMesh(static_image_mode=False, max_num_faces=1, refine_landmarks=True) as mesh:
        while len(data := sys.stdin.buffer.read(size)) == size:
            picture_HWC = np.frombuffer(data, np.uint8).reshape(height, width, 3)
            faces = mesh.process(picture_HWC).multi_face_landmarks
            row_P2 = np.full((NUM_POINTS, 2), np.nan, np.float32)
            if faces:
                row_P2[:] = [(point.x * width, point.y * height) for point in faces[0].landmark]
            rows.append(row_P2)
    sys.stdout.buffer.write(np.stack(rows).tobytes() if rows else b"")


if __name__ == "__main__":
    main()
