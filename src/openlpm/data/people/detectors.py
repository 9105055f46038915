"""Which detector looks at a clip. Each is made once a process, when it is first needed, and kept."""

import os
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError, InputError
from openlpm.data.people.faces import Detector
from openlpm.data.people.landmark_link import INTERPRETER_VARIABLE, landmarks_python


class DetectorName(StrEnum):
    """Who looks for faces."""

    AUTO = "auto"
    """``cast`` for what is drawn; ``mediapipe`` for anything else, where an interpreter is named that has it."""
    CAST = "cast"
    """The small detector for drawn characters, which comes with the package."""
    MEDIAPIPE = "mediapipe"
    """For filmed people, in an environment of its own (``people.landmark_process``)."""


_DRAWN = 0.5
"""Share of the pictures that show a drawn face (surely) from which on a clip is drawn."""
_SURELY = 0.7


def detector_for(
    name: DetectorName, python: str, samples: Callable[[], Sequence[NDArray[np.uint8]]]
) -> tuple[DetectorName, Detector]:
    """The detector of a clip of which some pictures (8-bit RGB) can be had, and what it is called; never ``AUTO``.

    ``python`` names the interpreter that has mediapipe; if it is empty, ``OPENLPM_LANDMARKS_PYTHON`` does.

    Raises:
        ConfigError: mediapipe is wanted and no interpreter has it.
    """
    if name is DetectorName.AUTO:
        named = bool(python or os.environ.get(INTERPRETER_VARIABLE))
        name = DetectorName.MEDIAPIPE if named and not _is_drawn(samples()) else DetectorName.CAST
    return name, _cast() if name is DetectorName.CAST else _mediapipe(python)


def _is_drawn(samples: Sequence[NDArray[np.uint8]]) -> bool:
    shown = [any(face.score >= _SURELY for face in _cast().find(picture_HWC[None])[0]) for picture_HWC in samples]
    return bool(shown) and float(np.mean(shown)) >= _DRAWN


@cache
def _cast() -> Detector:
    from openlpm.data.people.cast_detector import CastDetector

    return CastDetector()


@cache
def _mediapipe(python: str) -> Detector:
    from openlpm.data.people.mediapipe_detector import MediapipeDetector

    try:
        # Its process reads until its input is closed, so it ends with this one.
        return MediapipeDetector(landmarks_python(Path(python) if python else None))
    except InputError as error:  # no fault of a record: nothing can be found here
        raise ConfigError(str(error)) from error
