"""Real clips under a detector: the faces that somebody saw in them by looking."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openlpm.bench import statistics
from openlpm.bench.result import Bar, Row
from openlpm.core.errors import InputError
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.people.faces import Detector, Face
from openlpm.media.probe import open_container

LABELS = Path(__file__).parent / "real_clips.json"
FACES, FACES_BAR = "real_face_recall", Bar(at_least=1.0)
_MOST_ROWS = 960
_BESIDE = 1 / 3
_VIEWS = ("front", "far", "profile")


def labels() -> dict[str, Any]:
    """The checked-in labels of the real clips: ``faces``, ``speech_s`` and ``quiet``."""
    return json.loads(LABELS.read_text(encoding="utf-8"))


def face_rows(detector: Detector, folder: Path) -> list[Row]:
    """How many of the faces that somebody saw in the clips of ``folder`` are found, and how many found ones are none.

    Raises:
        InputError: a clip is missing.
    """
    hits: dict[str, list[float]] = {view: [] for view in _VIEWS}
    wrong, number = [], []
    for name, moments in labels()["faces"].items():
        pictures = _pictures_at(folder / name, [moment["at_s"] for moment in moments])
        for moment, picture_HWC in zip(moments, pictures, strict=True):
            found = detector.find(picture_HWC[None])[0]
            size = np.array([picture_HWC.shape[1], picture_HWC.shape[0]])
            met: set[int] = set()
            for face in moment["faces"]:
                index = _holding(found, np.array([face["x"], face["y"]]) * size)
                hits[face["view"]].append(float(index is not None))
                met |= set() if index is None else {index}
            wrong.append(float(len(found) - len(met)))
            number.append(float(len(found)))
    every = [hit for view in _VIEWS for hit in hits[view]]
    return [
        Row.of(FACES, statistics.mean(np.array(every)), bar=FACES_BAR),
        *(Row.of(f"{FACES}/{view}", statistics.mean(np.array(hits[view]))) for view in _VIEWS),
        Row.of(f"{FACES}/false", statistics.ratio_of_sums(np.array(wrong), np.array(number))),
    ]


def _holding(faces: Sequence[Face], point_2: NDArray[np.float64]) -> int | None:
    """The face nearest to a point that is in it, or but a third of its size beside it: labels are written by eye."""
    if not faces:
        return None
    boxes_N4 = np.stack([face.box_4 for face in faces])
    half_N2 = (boxes_N4[:, 2:] - boxes_N4[:, :2]) / 2
    away_N = (np.abs((boxes_N4[:, :2] + boxes_N4[:, 2:]) / 2 - point_2) / np.maximum(half_N2, 1e-3)).max(axis=1)
    nearest = int(away_N.argmin())
    return nearest if away_N[nearest] <= 1 + 2 * _BESIDE else None


def _pictures_at(path: Path, times_s: Sequence[float]) -> list[NDArray[np.uint8]]:
    """The pictures of a file that are shown at some times, large ones scaled down."""
    found: dict[int, NDArray[np.uint8]] = {}
    with open_container(path) as container:
        if not container.streams.video:
            raise InputError(f"{path} has no picture in it; give a video file")
        stream = container.streams.video[0]
        rate = float(stream.average_rate or FRAME_RATE_HZ)
        wanted = [int(at_s * rate + 0.5) for at_s in times_s]
        last = 0
        for index, frame in enumerate(container.decode(stream)):
            if index in wanted or index == 0:
                scale = min(1.0, _MOST_ROWS / frame.height)
                size = (round(frame.width * scale), round(frame.height * scale))
                found[index] = np.asarray(frame.reformat(*size, format="rgb24").to_ndarray(), np.uint8)
                last = index
            if index > max(wanted):
                break
    return [found.get(index, found[last]) for index in wanted]
