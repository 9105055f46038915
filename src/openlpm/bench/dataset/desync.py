"""Whether a clip is dropped whose sound was moved against its mouths, and none whose sound was not."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np

from openlpm.bench.dataset.acted import write_shots
from openlpm.bench.result import Bar, Row
from openlpm.bench.statistics import Estimate, share
from openlpm.core.processors import usable_cores
from openlpm.core.record import PerformanceRecord
from openlpm.core.rig import State
from openlpm.core.seeds import generator, seeds_of
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.build import build
from openlpm.data.dataset import Dataset, read_manifest
from openlpm.data.filters.stage import open_filters
from openlpm.data.parts import Source
from openlpm.data.recipe import configs_for
from openlpm.data.registry import names
from openlpm.data.runner import Running
from openlpm.data.states.network import MOST_OFFSET
from openlpm.synth.act.perform import perform
from openlpm.synth.sound.speech_bank import SpeechBank

_BAR: Final = Bar(at_least=0.95)
_LAST, _REASON = "states", "states.out_of_sync"
_SECONDS, _LEAST_SPOKEN_S = 6, 2.5
_LEAST_FRAMES: Final = 4
"""167 ms: about what viewers notice (ITU-R BT.1359: 90 ms early to 185 ms late is accepted)."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class _Clip:
    name: str
    record: PerformanceRecord
    late_frames: int
    """By how much the sound is moved when it is planted; never 0."""


def desync_rows(
    folder: Path,
    bank: SpeechBank,
    count: int,
    report: Callable[[str, int, int], None],
    *,
    device: str = "cpu",
) -> list[Row]:
    """``filter_recall/desync`` and ``filter_precision/desync``, of ``count`` performers who speak.

    Each is drawn once and written twice: in step, and with the sound 4 to 15 frames early or late (as far as the stage
    looks). Both go through the pipeline to its stage ``states``; a clip that was lost before counts as not dropped.
    """
    kinds = {"in-step": folder / "in-step", "moved": folder / "moved"}
    for kind in kinds.values():
        kind.mkdir(parents=True)
    clips: list[_Clip] = []
    for clip in _speaking(bank, count):
        files = {kind: raw / f"{clip.name}.mp4" for kind, raw in kinds.items()}
        late_frames = {files["in-step"]: 0, files["moved"]: clip.late_frames}
        write_shots(late_frames, [clip.record], device=device)
        clips.append(clip)
        report("clips that speak", len(clips), count)
    dropped = {kind: _dropped(folder / f"{kind}-built", raw) for kind, raw in kinds.items()}
    hits, false = (len(dropped[kind]) for kind in ("moved", "in-step"))
    precision = share(hits, hits + false) if hits + false else Estimate.single(float("nan"), n=0)
    return [
        Row.of("filter_recall/desync", share(hits, len(clips)), bar=_BAR),
        Row.of("filter_precision/desync", precision, bar=_BAR),
    ]


def _speaking(bank: SpeechBank, count: int) -> Iterator[_Clip]:
    """Performers of the bank's split in clips in which they speak for at least 2.5 of 6 seconds."""
    found = 0
    for seed in seeds_of(bank.split):
        record = perform(seed, seed, bank, num_frames=_SECONDS * FRAME_RATE_HZ)
        if np.isin(record.state_F, (State.SPEAK, State.BOTH)).sum() >= _LEAST_SPOKEN_S * FRAME_RATE_HZ:
            rng = generator("bench", "desync", seed)
            late = int(rng.integers(_LEAST_FRAMES, MOST_OFFSET + 1)) * (1 if rng.random() < 0.5 else -1)
            yield _Clip(name=f"clip{found:03d}", record=record, late_frames=late)
            found += 1
        if found == count:
            return


def _dropped(folder: Path, raw: Path) -> set[str]:
    """The files that the pipeline drops because sound and mouths are apart."""
    dataset, stages = Dataset(folder=folder), names()[: names().index(_LAST) + 1]
    build(
        dataset,
        [raw],
        {**configs_for(stages), "filters": open_filters()},
        Running(workers=usable_cores(), memory_mib=0),
    )
    records = read_manifest(dataset.current(_LAST))
    return {record.part(Source).name for record in records if _REASON in record.reasons}
