"""What is seen of a run while it goes on: how fast it is, what share of a GPU it uses, curves and pictures."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from openlpm.core.errors import ConfigError
from openlpm.recipes.programme.machine import H200
from openlpm.training.trainer import LogEntry, Pace

BOARD, WORK_FILE = "board", "work.json"
Draw = Callable[[], NDArray[np.uint8]]
"""What the model makes of some windows at present, as one picture (H, W, 3)."""
_PICTURES_APART_S: Final = 300.0


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """What is known of a run before it begins."""

    operations: float | None = None
    """Of a step of one process, by counted products (``dit.work``); None: its MFU is not known."""
    draw: Draw | None = None


def peak_of(device: torch.device) -> float | None:
    """Operations a second that the data sheet of a device promises; None: not known here."""
    if device.type != "cuda":
        return None
    return H200.peak.value if H200.name in torch.cuda.get_device_name(device) else None


@final
class Watcher:
    """Takes the entries of a run, adds how fast it is, and passes them on to a listener and to TensorBoard."""

    def __init__(
        self,
        folder: Path,
        watch: Watch,
        device: torch.device,
        listener: Callable[[LogEntry], None],
        *,
        board: bool = False,
    ) -> None:
        """``board``: write a TensorBoard log into ``folder/board``.

        Raises:
            ConfigError: a board is wanted and tensorboard is not installed.
        """
        self._folder, self._watch, self._listener = folder, watch, listener
        self._peak = peak_of(device)
        self._board = _board(folder / BOARD) if board else None
        self._last: LogEntry | None = None
        self._drawn = time.monotonic()
        if watch.operations is not None:
            folder.mkdir(parents=True, exist_ok=True)
            told = {"operations_a_step": watch.operations, "peak": self._peak}
            (folder / WORK_FILE).write_text(json.dumps(told) + "\n")

    def __call__(self, entry: LogEntry) -> None:
        """An entry has come."""
        told = replace(entry, pace=self._pace(entry))
        self._last = entry
        self._listener(told)
        if self._board is not None:
            for name, value in (*entry.scalars.items(), *_named(told.pace)):
                self._board.add_scalar(name, value, entry.step)
        last = entry.step == entry.total_steps
        if self._watch.draw is not None and (last or time.monotonic() - self._drawn >= _PICTURES_APART_S):
            self._show(self._watch.draw(), entry.step)
            self._drawn = time.monotonic()

    def close(self) -> None:
        """Nothing more will come."""
        if self._board is not None:
            self._board.close()

    def _pace(self, entry: LogEntry) -> Pace | None:
        if self._last is None or entry.seconds <= self._last.seconds:
            return None
        rate = (entry.step - self._last.step) / (entry.seconds - self._last.seconds)
        work = self._watch.operations
        return Pace(steps_per_s=rate, mfu=None if work is None or self._peak is None else rate * work / self._peak)

    def _show(self, picture_HWC: NDArray[np.uint8], step: int) -> None:
        Image.fromarray(picture_HWC).save(self._folder / f"samples-{step:08d}.png")
        if self._board is not None:
            self._board.add_image("samples", picture_HWC, step, dataformats="HWC")


def _named(pace: Pace | None) -> list[tuple[str, float]]:
    if pace is None:
        return []
    return [("steps_per_s", pace.steps_per_s), *([] if pace.mfu is None else [("mfu", pace.mfu)])]


def _board(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ConfigError(
            "--board: pip install tensorboard (it is in the extra [train]), or train without it"
        ) from None
    return SummaryWriter(folder)
