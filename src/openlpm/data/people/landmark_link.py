"""The landmark process, seen from here: started, fed with pictures, ended."""

import contextlib
import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import InputError
from openlpm.data.people import landmark_process
from openlpm.data.people.landmark_process import COUNT, HEADER, NUM_POINTS

INTERPRETER_VARIABLE = "OPENLPM_LANDMARKS_PYTHON"
_END_S = 5.0


def landmarks_python(given: Path | None) -> Path:
    """The interpreter that has mediapipe: the one given, else that of ``OPENLPM_LANDMARKS_PYTHON``.

    Raises:
        InputError: there is none; the message says how to make one.
    """
    named = given or (Path(value) if (value := os.environ.get(INTERPRETER_VARIABLE)) else None)
    if named is None or not named.exists():
        where = "no interpreter is named" if named is None else f"{named} is no interpreter"
        raise InputError(
            f"{where} that can find faces: make one with `python3 -m venv landmarks-env && landmarks-env/bin/pip "
            f"install mediapipe==0.10.21` and give --landmarks landmarks-env/bin/python (or set {INTERPRETER_VARIABLE})"
        )
    return named


class SeenFace(NamedTuple):
    """A face as the process reports it."""

    score: float
    points_P2: NDArray[np.float32]
    """478 points in pixels, as mediapipe numbers them."""


@final
class LandmarkProcess:
    """A running landmark process; whoever makes one closes it (a context manager)."""

    def __init__(self, python: Path) -> None:
        self._python = python
        # Of the environment only what a program needs to start: our own PYTHONPATH would hide the other numpy.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self._process = subprocess.Popen(
            [str(python), landmark_process.__file__],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def look(self, picture_HWC: NDArray[np.uint8], mode: int) -> list[SeenFace]:
        """The faces of a picture, surest first; ``mode`` is one of ``landmark_process``.

        Raises:
            InputError: the process has died.
        """
        sink, source = self._process.stdin, self._process.stdout
        assert sink is not None
        assert source is not None
        try:
            sink.write(HEADER.pack(mode, picture_HWC.shape[0], picture_HWC.shape[1]))
            sink.write(np.ascontiguousarray(picture_HWC).data)
            sink.flush()
        except BrokenPipeError:
            raise self._died() from None
        answer = source.read(COUNT.size)
        if len(answer) < COUNT.size:
            raise self._died()
        number = COUNT.unpack(answer)[0]
        size = 4 * (1 + 2 * NUM_POINTS)
        data = source.read(number * size)
        if len(data) < number * size:
            raise self._died()
        rows_KX = np.frombuffer(data, np.float32).reshape(number, 1 + 2 * NUM_POINTS)
        return [SeenFace(float(row_X[0]), row_X[1:].reshape(NUM_POINTS, 2)) for row_X in rows_KX]

    def close(self) -> None:
        """End the process; a second time does nothing."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # what was not sent is of no use any more
                    pipe.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _died(self) -> InputError:
        return InputError(
            f"{self._python} could not find faces (exit code {self._process.wait()}): "
            f"check that `{self._python} -c 'import mediapipe'` works"
        )
