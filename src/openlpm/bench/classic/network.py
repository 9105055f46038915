"""A network from a TorchScript file of the user's, and pictures as such networks take them."""

import hashlib
import warnings
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from openlpm.core.errors import InputError
from openlpm.media.files import require_file

_BATCH = 32


@final
class Network:
    """One file; every failure names it.

    Raises:
        InputError: the file is missing or holds no TorchScript.
    """

    def __init__(self, path: Path, what: str) -> None:
        """``what``: what the file has to take and to give, for messages."""
        require_file(path)
        self._path, self._what = path, what
        self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch advises against TorchScript; the published weights come as it
                self._module: Any = torch.jit.load(str(path), map_location="cpu").eval()
        except (RuntimeError, ValueError) as error:
            raise InputError(
                f"{path} is no TorchScript file; export the network with torch.jit.save ({what})"
            ) from error

    def __call__(self, *inputs: torch.Tensor, method: str = "forward") -> NDArray[np.float64]:
        """What it gives for a batch, or for many; ``method`` names another than the usual way in.

        Raises:
            InputError: it does not take this, or gives something else than finite numbers for each.
        """
        run = getattr(self._module, method, None)
        if run is None:
            raise InputError(f"{self._path} has no method {method}; {self._what}")
        with torch.inference_mode():
            batches = zip(*(each.split(_BATCH) for each in inputs), strict=True)
            return np.concatenate([self._checked(run, batch) for batch in batches])

    def _checked(self, run: Any, parts: tuple[torch.Tensor, ...]) -> NDArray[np.float64]:
        count = parts[0].shape[0]
        try:
            answer: Any = run(*parts)
        except Exception as error:  # whatever a foreign network raises is told in one sentence
            last = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
            shapes = ", ".join(str(tuple(part.shape)) for part in parts)
            raise InputError(f"{self._path} does not take {shapes}: {last}; {self._what}") from error
        if not isinstance(answer, torch.Tensor) or answer.ndim == 0 or answer.shape[0] != count:
            shape = tuple(answer.shape) if isinstance(answer, torch.Tensor) else type(answer).__name__
            raise InputError(f"{self._path} gives {shape} for {count} inputs; {self._what}")
        if not torch.isfinite(answer).all():
            raise InputError(f"{self._path} gives numbers that are not finite; {self._what}")
        return answer.double().numpy()


def pictures(frames_FHWC: NDArray[np.uint8], side: int) -> torch.Tensor:
    """Frames as (F, 3, side, side) in [0, 1], resized with antialiasing."""
    frames_FCHW = torch.from_numpy(np.ascontiguousarray(frames_FHWC)).permute(0, 3, 1, 2).float() / 255
    if frames_FCHW.shape[-2:] == (side, side):
        return frames_FCHW
    return F.interpolate(frames_FCHW, (side, side), mode="bilinear", antialias=True, align_corners=False)


def spread_frames(count: int, wanted: int) -> NDArray[np.intp]:
    """Which of ``count`` frames stand for all: ``wanted`` of them, evenly spread, or all."""
    return np.unique(np.linspace(0, count - 1, min(wanted, count)).round().astype(np.intp))
