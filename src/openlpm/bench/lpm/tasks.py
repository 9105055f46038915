"""Tasks from a benchmark on disk, each made when it is asked for."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.bench.audio_mouth import predict_mouth
from openlpm.bench.lpm.case import Case
from openlpm.bench.lpm.folder import Bench
from openlpm.bench.lpm.strata import Track
from openlpm.bench.lpm.task import Task
from openlpm.bench.lpm.view import LONGEST_WHOLE, View
from openlpm.bench.lpm.yardstick import Yardstick
from openlpm.bench.reading import Judges
from openlpm.bench.truth import reference_embedding
from openlpm.core.audio import ArraySource
from openlpm.core.errors import ConfigError
from openlpm.core.record import PerformanceRecord
from openlpm.core.units import AUDIO_RATE_HZ, FRAME_RATE_HZ

STRANGERS = 3
"""Other voices; with six shifts of the own one there are nine to win against."""
_PARTNERS = 8
_LOUD = 0.01
_LEAST_SPEECH_S = 1.0


@final
class Tasks:
    """What everybody is judged with: the same whatever part of the benchmark is scored."""

    def __init__(self, bench: Bench, judges: Judges, yardstick: Yardstick, truths: Path) -> None:
        """``truths`` holds the truth as it is seen, ``<case>.npz``, of the cases that were certified.

        Raises:
            ConfigError: there is no judge of voices.
        """
        if judges.mouth is None:
            raise ConfigError("critic-mouth is missing beside the critic: lip sync cannot be judged without it")
        self._bench, self._judges, self._yardstick, self._truths = bench, judges, yardstick, truths
        self._predictor = judges.mouth
        self._speakers = [case for case in bench.cases if case.speak is not None and case.num_frames <= LONGEST_WHOLE]
        self._listeners = [case for case in bench.cases if case.track == Track.LISTENING and case.has_truth]
        self._case = {case.id: case for case in bench.cases}
        # Cases hold texts and lists and have no hash; their names do.
        self._mouth_named = lru_cache(maxsize=None)(self._mouth_of)
        self._record_named = lru_cache(maxsize=64)(self._record_of)

    def task(self, case: Case) -> Task:
        """A case with everything about it."""
        seen = self._truths / f"{case.id}.npz"
        return Task(
            case=case,
            yardstick=self._yardstick,
            embedding_D=self.embedding(case),
            record=self._record(case) if case.has_truth else None,
            truth=View.load(seen) if seen.is_file() else None,
            mouth_FX=self._mouth(case),
            strangers=self._strangers(case),
            partners=self._partners(case),
        )

    def embedding(self, case: Case) -> NDArray[np.float32]:
        """Whom its references show."""
        return reference_embedding(self._judges, self._bench.reference_tensor(case))

    def _mouth(self, case: Case) -> NDArray[np.float32] | None:
        return self._mouth_named(case.id)

    def _record(self, case: Case) -> PerformanceRecord:
        return self._record_named(case.id)

    def _record_of(self, name: str) -> PerformanceRecord:
        return self._bench.record(self._case[name])

    def _mouth_of(self, name: str) -> NDArray[np.float32] | None:
        case = self._case[name]
        if case.speak is None or case.num_frames > LONGEST_WHOLE:
            return None
        voice_A = self._bench.sound(case, "speak")
        count = voice_A.size * FRAME_RATE_HZ // AUDIO_RATE_HZ
        loud = sum(float(np.abs(part).max(initial=0.0)) > _LOUD for part in np.array_split(voice_A, max(count, 1)))
        if loud < _LEAST_SPEECH_S * FRAME_RATE_HZ:
            return None
        return predict_mouth(self._predictor, ArraySource(voice_A), case.num_frames)

    def _strangers(self, case: Case) -> list[NDArray[np.float32]]:
        """Of the next cases in the list of another script that speak as long."""
        found: list[NDArray[np.float32]] = []
        for other in _after(self._speakers, case):
            if other.script == case.script or other.num_frames < case.num_frames or len(found) == STRANGERS:
                continue
            mouth_FX = self._mouth(other)
            if mouth_FX is not None:
                found.append(mouth_FX[: case.num_frames])
        return found

    def _partners(self, case: Case) -> list[PerformanceRecord]:
        if case.track != Track.LISTENING or not case.has_truth:
            return []
        others = [other for other in _after(self._listeners, case) if other.num_frames == case.num_frames]
        return [self._record(other) for other in others[:_PARTNERS]]


def _after(cases: Sequence[Case], case: Case) -> list[Case]:
    """The others, beginning after this one."""
    ids = [other.id for other in cases]
    place = ids.index(case.id) if case.id in ids else -1
    return [*cases[place + 1 :], *cases[: max(place, 0)]]
