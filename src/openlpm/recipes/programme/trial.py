"""Trials of a training on this machine: clips of chance, a lesson at next to no size, processes, and kills."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import torch
from torch import Tensor

from openlpm.core.errors import OpenLPMError
from openlpm.dit.condition import ReferenceKind, ReferenceSlot
from openlpm.recipes.speed import tiny
from openlpm.training.latent_store import ClipTensors, LatentWriter
from openlpm.training.traits import SITUATIONS
from openlpm.weights.store import load

LESSON: Final = "continue"
_SLOTS: Final = (
    ReferenceSlot(kind=ReferenceKind.GLOBAL),
    ReferenceSlot(kind=ReferenceKind.VIEW, subtype=1),
    ReferenceSlot(kind=ReferenceKind.EXPRESSION, subtype=2),
)


def write_clips_of_chance(folder: Path, *, clips: int = 8, frames: int = 6, cells: int = 8) -> Path:
    """A store for the lessons of a large size at ``--tiny``."""
    config, draw = tiny(), torch.Generator().manual_seed(4)
    assert config.speak is not None
    assert config.listen is not None

    def chance(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw)

    writer = LatentWriter(folder)
    for number in range(clips):
        slots = _SLOTS if number % 2 else _SLOTS[:1]
        tensors = ClipTensors(
            latents_TCHW=chance(frames, config.latent_channels, cells, cells),
            text_PLD=chance(1, config.text_tokens, config.text_width),
            spans_P2=torch.tensor([[0, frames]]),
            speak_LD=chance(config.speak.num_tokens(frames), config.speak.width),
            listen_LD=chance(config.listen.num_tokens(frames), config.listen.width),
            references_JCHW=chance(len(slots), config.latent_channels, cells, cells),
        )
        situation = SITUATIONS[number % len(SITUATIONS)]
        writer.add(tensors, situation=situation, emotion="joy", energy=1.0 + number, slots=slots)
    writer.close()
    return folder


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """``openlpm train`` in processes of its own."""

    words: tuple[str, ...]
    """Stages and options, but for ``--out``."""
    processes: int = 1

    def command(self, out: Path) -> list[str]:
        """What is started."""
        start = [sys.executable]
        if self.processes > 1:
            start += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(self.processes)]
        return [*start, "-m", "openlpm.cli.main", "train", *self.words, "--out", str(out)]

    def run(self, out: Path) -> None:
        """To the end.

        Raises:
            OpenLPMError: it failed; the text ends as its output did.
        """
        done = subprocess.run(self.command(out), env=_around(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise OpenLPMError(f"{' '.join(self.words)} failed: {(done.stderr or done.stdout)[-600:]}")

    def killed_at(self, path: Path, out: Path) -> bool:
        """Start, and kill all of it as soon as ``path`` is there; False if it ended before."""
        process = subprocess.Popen(
            self.command(out),
            env=_around(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        while not path.exists():
            if process.poll() is not None:
                return False
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True


def _around() -> dict[str, str]:
    quiet = {"OMP_NUM_THREADS": "1", "NCCL_NVLS_ENABLE": "0"} | os.environ
    # Only what torch promises to repeat.
    return quiet | {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}


def wide_trial(latents: Path, *, processes: int = 1, settings: Sequence[str] = ()) -> Trial:
    """A lesson of a large size at ``--tiny``."""
    words = [LESSON, "--recipe", "lpm-17b", "--tiny", "--latents", str(latents)]
    for setting in settings:
        words += ["--set", setting]
    return Trial(words=tuple(words), processes=processes)


def losses_of(run: Path) -> list[float]:
    """By step."""
    return [json.loads(line)["loss"] for line in (run / "curves.jsonl").read_text().splitlines()]


def furthest(one: Sequence[float], other: Sequence[float]) -> float:
    """The largest difference; infinite where one is longer."""
    if len(one) != len(other):
        return float("inf")
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def equal_weights(one: Path, other: Path) -> bool:
    """Bit by bit."""
    left, right = load(one), load(other)
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def checkpoint_of_chance(run: Path, steps: int, seed: int) -> Path:
    """The file whose appearance is a moment of chance in a run that keeps a checkpoint of every step."""
    return run / f"step-{random.Random(seed).randint(1, steps - 1):08d}" / "progress.json"
