"""Which detector looks at a clip. Each is made once a process, when it is first needed, and kept."""

from enum import StrEnum
from functools import cache
from pathlib import Path

from openlpm.core.errors import ConfigError, InputError
from openlpm.data.people.faces import Detector
from openlpm.data.people.landmark_link import landmarks_python


class DetectorName(StrEnum):
    """Who looks for faces."""

    AUTO = "auto"
    """``mediapipe`` where the recipe names an interpreter that has it, else ``cast``. Pictures do not decide: each of
    the two is sure of the other's faces too, and reads them worse. The environment does not either: a stage makes the
    same of the same recipe everywhere."""
    CAST = "cast"
    """The small detector for drawn characters, which comes with the package."""
    MEDIAPIPE = "mediapipe"
    """For filmed people, in an environment of its own (``people.landmark_process``)."""


def detector_for(name: DetectorName, python: str) -> tuple[DetectorName, Detector]:
    """The detector of a recipe and what it is called; never ``AUTO``.

    ``python`` names the interpreter that has mediapipe; if it is empty and ``MEDIAPIPE`` is asked for by name,
    ``OPENLPM_LANDMARKS_PYTHON`` does.

    Raises:
        ConfigError: mediapipe is wanted and no interpreter is named.
    """
    if name is DetectorName.AUTO:
        name = DetectorName.MEDIAPIPE if python else DetectorName.CAST
    return name, _cast() if name is DetectorName.CAST else _mediapipe(python)


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
