"""Whoever performs cases frame by frame: the truth and baselines here, models in ``modelled``, streams in ``wired``."""

from collections.abc import Iterator, Sequence
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from openlpm.bench.lpm.case import RECORDED, Case
from openlpm.bench.lpm.drawing import Drawing
from openlpm.bench.lpm.folder import Bench
from openlpm.bench.lpm.submission import Manifest
from openlpm.bench.lpm.voicing import Cast, cast_voices
from openlpm.core.errors import ConfigError
from openlpm.core.rig import NUM_RIG, Rig
from openlpm.core.seeds import generator
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.synth.act.dialogue import ClipKind
from openlpm.synth.act.perform import perform
from openlpm.synth.act.planner import frame_loudness
from openlpm.synth.act.style import ClipStyle
from openlpm.synth.look.identity import Identity

DRAWN = ("truth", "freeze", "loop", "lip-flap")
"""The upper bound and three that any system must beat."""
_LOOP_SECONDS = 5
_LOUDEST = 0.12
_SYLLABLE_FRAMES = 3
_OVERLAP = "not trained; draws the cast of the benchmark itself"


class System(Protocol):
    """Performs cases."""

    @property
    def manifest(self) -> Manifest:
        """Who it is."""
        ...

    def perform(self, bench: Bench, case: Case, seed: int) -> Iterator[Tensor]:
        """Blocks of successive frames, (F, 3, 256, 256) in [0, 1]; ``case.num_frames`` in all."""
        ...


@final
class Drawn:
    """A performance on the rig of the cast, drawn."""

    def __init__(self, name: str, drawing: Drawing) -> None:
        if name not in DRAWN:
            raise ConfigError(f"{name!r} is no baseline: choose one of {', '.join(DRAWN)}")
        self._name, self._drawing = name, drawing

    @property
    def manifest(self) -> Manifest:
        return Manifest(
            name=self._name,
            version="1",
            hw=str(self._drawing.device),
            causal=self._name != "truth",
            uses_text=self._name == "truth",
            uses_refs=False,
            training_overlap_statement=_OVERLAP,
        )

    def perform(self, bench: Bench, case: Case, seed: int) -> Iterator[Tensor]:
        """Raises ConfigError for a case that is not of the cast, or has no truth where that is asked for."""
        yield from self._drawn(bench, case, np.arange(case.num_frames))

    def perform_all(
        self, bench: Bench, cases: Sequence[Case], seed: int, frame_F: NDArray[np.int64]
    ) -> Iterator[Tensor]:
        """One case after another in its own call: (1, F, 3, 256, 256); nothing else is drawn."""
        (case,) = cases
        for frames_FCHW in self._drawn(bench, case, frame_F):
            yield frames_FCHW[None]

    def _drawn(self, bench: Bench, case: Case, frame_F: NDArray[np.int64]) -> Iterator[Tensor]:
        if not can_draw(self._name, case):
            raise ConfigError(f"{case.id}: {self._name} cannot draw it; give another system, or another tier")
        person = Identity.from_seed(int(case.char[1:]))
        yield from self._drawing.frames(self._drawing.parameters(person), self._rig(bench, case)[frame_F])

    def _rig(self, bench: Bench, case: Case) -> NDArray[np.float32]:
        if self._name == "lip-flap":
            return lip_flap(bench.sound(case, "speak"), case.num_frames)
        if self._name == "loop":
            return looped(bench.loop(case) if bench.has_loop(case) else idle_seconds(case), case.num_frames)
        truth = bench.truth(case)
        count = case.num_frames
        return truth.rig_FR if self._name == "truth" else truth.rig_FR[np.zeros(count, np.int64)]


def can_draw(name: str, case: Case) -> bool:
    """Whether a baseline can perform a case: of the cast, and with a truth if it needs one."""
    return case.char.startswith("c") and case.layer != RECORDED and (case.has_truth or name in ("loop", "lip-flap"))


def lip_flap(voice_A: NDArray[np.float32], num_frames: int) -> NDArray[np.float32]:
    """A face at rest whose jaw follows the loudness of its voice, and nothing else."""
    rig_FR = np.zeros((num_frames, NUM_RIG), np.float32)
    loud_F = frame_loudness(voice_A)[:num_frames]
    smooth_F = np.convolve(loud_F, np.ones(_SYLLABLE_FRAMES) / _SYLLABLE_FRAMES, mode="same")
    rig_FR[: loud_F.size, Rig.JAW] = np.clip(smooth_F / _LOUDEST, 0.0, 1.0)
    rig_FR[:, Rig.TIME] = np.arange(num_frames) / FRAME_RATE_HZ
    return rig_FR


def looped(rig_FR: NDArray[np.float32], num_frames: int) -> NDArray[np.float32]:
    """Again and again."""
    return rig_FR[np.arange(num_frames) % rig_FR.shape[0]]


def idle_seconds(case: Case) -> NDArray[np.float32]:
    """Five seconds of somebody who waits."""
    seed = int(generator("lpm", "loop", case.char).integers(2**30))
    quiet = Cast(language="en-us", own="neutral", partner="neutral", sounds=(), utterances=2)
    length = _LOOP_SECONDS * FRAME_RATE_HZ
    person = int(case.char[1:])
    style = ClipStyle(kind=ClipKind.IDLE)
    truth = perform(person, seed, cast_voices(quiet, seed=seed), num_frames=length, style=style).truth
    assert truth is not None
    return truth.rig_FR
