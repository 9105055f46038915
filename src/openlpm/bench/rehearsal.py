"""Rehearsals: performances of training people, seen as the critic would see them, from which detectors are set up.

Nothing is rendered: what the critic makes of each channel (how much of it, how constant and how noisy an error) is
measured on rendered truth once and laid over true rigs. A channel that the critic does not read is then as good as
absent from a rehearsal, and whatever depends on it cannot be detected there either.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.bench.cases import StyleOf
from openlpm.bench.crew import crew, num_workers
from openlpm.bench.eyes import gaze_in_room
from openlpm.bench.progress import OnProgress, phase, unheard
from openlpm.bench.signals import FloatTrack
from openlpm.bench.workers import Company, Task
from openlpm.core.errors import ConfigError
from openlpm.core.record import PerformanceRecord
from openlpm.core.rig import NUM_RIG, Rig
from openlpm.core.seeds import Split, generator, seeds_of
from openlpm.synth.sound.speech_bank import SpeechBank, build

_UTTERANCES = 240
_STILL = 1e-6  # variance of a channel that never moves
_CLIP_SEEDS = 500_000_000


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Eyesight:
    """How a critic reads a channel: ``middle + slope * (true - middle)``, off by a bias and by noise."""

    middle_R: NDArray[np.float64]
    slope_R: NDArray[np.float64]
    """Share of a movement that is seen: 0 for a channel that is not read at all."""
    bias_R: NDArray[np.float64]
    """Standard deviation of what is wrong throughout a clip."""
    noise_R: NDArray[np.float64]
    """Standard deviation of what is wrong from frame to frame."""

    @staticmethod
    def of(seen: Sequence[tuple[FloatTrack, FloatTrack]]) -> "Eyesight":
        """From clips as they were read and as they truly are, (read_FR, true_FR)."""
        if not seen:
            raise ConfigError("seen=(): give at least one clip that was rendered and read")
        read_SR = np.concatenate([read_FR for read_FR, _ in seen]).astype(np.float64)
        true_SR = np.concatenate([true_FR for _, true_FR in seen]).astype(np.float64)
        middle_R = true_SR.mean(axis=0)
        variance_R = true_SR.var(axis=0)
        shared_R = ((true_SR - middle_R) * (read_SR - read_SR.mean(axis=0))).mean(axis=0)
        slope_R = np.where(variance_R > _STILL, shared_R / np.maximum(variance_R, _STILL), 0.0).clip(0.0, 1.0)
        errors = [read_FR - (middle_R + slope_R * (true_FR - middle_R)) for read_FR, true_FR in seen]
        bias_KR = np.stack([error_FR.mean(axis=0) for error_FR in errors])
        noise_SR = np.concatenate([error_FR - error_FR.mean(axis=0) for error_FR in errors])
        return Eyesight(middle_R=middle_R, slope_R=slope_R, bias_R=bias_KR.std(axis=0), noise_R=noise_SR.std(axis=0))

    def look(self, true_FR: FloatTrack, rng: np.random.Generator) -> NDArray[np.float64]:
        """What would be read of a performance."""
        bias_R = self.bias_R * rng.standard_normal(NUM_RIG)
        noise_FR = self.noise_R * rng.standard_normal(true_FR.shape)
        return self.middle_R + self.slope_R * (true_FR - self.middle_R) + bias_R + noise_FR


@cache
def training_voices(utterances: int = _UTTERANCES) -> SpeechBank:
    """What is said in rehearsals: voices of the training split, synthesised once a process."""
    return build(Split.TRAIN, utterances, seed=0, pool=crew(num_workers()))


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Rehearsed:
    """One rehearsal: the performance, which is not heard, and its reading, with the gaze in the room (``in_room``)."""

    record: PerformanceRecord
    read_FR: NDArray[np.float64]


@final
@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Clips of one style that are to be rehearsed."""

    purpose: str
    """Each purpose has clips of its own."""
    count: int
    num_frames: int
    style_of: StyleOf


@final
class Stage:
    """Makes rehearsals with the voices of the training split."""

    def __init__(
        self, eyesight: Eyesight, bank: SpeechBank | None = None, *, on_progress: OnProgress = unheard
    ) -> None:
        self._eyesight, self._on_progress = eyesight, on_progress
        self._company = Company(bank if bank is not None else training_voices())
        self._people = seeds_of(Split.TRAIN)

    @property
    def eyesight(self) -> Eyesight:
        """How everything is seen here."""
        return self._eyesight

    @property
    def on_progress(self) -> OnProgress:
        """Who is told how far things have come here."""
        return self._on_progress

    def rehearse(self, purpose: str, count: int, num_frames: int, style_of: StyleOf) -> list[Rehearsed]:
        """``count`` clips of a style; each purpose has clips of its own."""
        return self.rehearse_all(purpose, [Rehearsal(purpose, count, num_frames, style_of)])[0]

    def rehearse_all(self, what: str, rehearsals: Sequence[Rehearsal]) -> list[list[Rehearsed]]:
        """Several rehearsals at once, each as it would be alone; ``what`` they are for."""
        tasks = [task for each in rehearsals for task in self._tasks(each)]
        with phase(self._on_progress, f"rehearsals: {what}", len(tasks)) as report:
            records = self._company.perform(tasks, report)
        seen = iter([self._seen(seed, record) for (_, seed, _, _), record in zip(tasks, records, strict=True)])
        return [list(islice(seen, each.count)) for each in rehearsals]

    def _tasks(self, asked: Rehearsal) -> list[Task]:
        first = _CLIP_SEEDS + int(generator("rehearsal", asked.purpose).integers(1_000_000)) * 1_000
        return [
            (self._people[seed % len(self._people)], seed, asked.num_frames, asked.style_of(index, seed))
            for index, seed in enumerate(range(first, first + asked.count))
        ]

    def _seen(self, seed: int, record: PerformanceRecord) -> Rehearsed:
        assert record.truth is not None
        read_FR = self._eyesight.look(record.truth.rig_FR, generator("rehearsal", seed, "eyes"))
        return Rehearsed(record=record, read_FR=in_room(read_FR))


def in_room(rig_FR: FloatTrack) -> NDArray[np.float64]:
    """The rig with its gaze relative to the camera instead of the head: what actions and moods ask for."""
    changed_FR = rig_FR.astype(np.float64)
    changed_FR[:, [Rig.GAZE_X, Rig.GAZE_Y]] = gaze_in_room(rig_FR)
    return changed_FR
