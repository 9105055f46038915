"""One stage over all of its inputs: what is there is not made again, what is missing is made, then the manifest."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, final

from openlpm.core.errors import ConfigError
from openlpm.data.crew import Crew, Finished, LocalCrew
from openlpm.data.dataset import Dataset
from openlpm.data.journal import Entry, Journal, write_whole
from openlpm.data.parcels import Parcels
from openlpm.data.records import Record
from openlpm.data.registry import load
from openlpm.data.stage import Stage, place_of
from openlpm.data.worker import Task


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """How stages are run; none of it changes what they make."""

    workers: int = 2
    memory_mib: int = 4096
    """Address space of a worker; 0 sets no limit. A record that needs more goes to quarantine."""
    longest_s: float = 3600.0
    """Seconds that one record may take before its worker is ended."""
    on: str = "local"
    """``local``, ``ray`` (a cluster of this machine) or ``ray://HOST:PORT``."""

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ConfigError(f"workers={self.workers}: at least one must do the work")
        if self.memory_mib and self.memory_mib < 1024:
            raise ConfigError(f"memory_mib={self.memory_mib}: a decoder needs 1024 and more; 0 sets no limit")
        if self.longest_s <= 0:
            raise ConfigError(f"longest_s={self.longest_s}: give seconds, such as 3600")
        if self.on not in {"local", "ray"} and not self.on.startswith("ray://"):
            raise ConfigError(f"on={self.on!r}: give local, ray or ray://HOST:PORT")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a stage has come."""

    stage: str
    done: int
    total: int
    media_s: float
    """Video that was looked at in this run."""
    wall_s: float
    cpu_s: float


Report = Callable[[Progress], None]


def silent(_progress: Progress) -> None:
    """A report to nobody."""


def run_stage(
    dataset: Dataset,
    place: str,
    config: Any,
    inputs: Callable[[], Iterable[Record]],
    running: Running,
    report: Report = silent,
) -> None:
    """Run a stage over ``inputs()`` and let its manifest be the one that counts; the caller holds ``dataset.alone``.

    ``inputs`` is called more than once and gives the same records each time, one at a time.

    Raises:
        ConfigError: the stage cannot work here (a package is missing).
        InputError: the folder cannot be written.
    """
    stage = load(place)
    folder = stage.folder_name(config)
    with Journal(dataset.journal(folder)) as journal:
        missing = sum(record.id not in journal for record in inputs())
        if missing:
            total = sum(1 for _ in inputs())
            begun = Progress(stage=stage.name, done=total - missing, total=total, media_s=0.0, wall_s=0.0, cpu_s=0.0)
            task = Task(place=place, config=config, raw=dataset.raw(), memory_mib=running.memory_mib)
            todo = (record for record in inputs() if record.id not in journal)
            _work_off(todo, _Books(journal, Parcels(dataset.parcels(folder))), task, running, begun, report)
        journal.sync()
        if stage.pack is not None:
            stage.pack(_in_order(stage, config, journal, inputs), config, dataset.manifest(folder).parent)
        records = _in_order(stage, config, journal, inputs)
        write_whole(dataset.manifest(folder), (record.line() for record in records))
    dataset.settle(stage, config)


@final
@dataclass(frozen=True, slots=True)
class _Books:
    """Where it is written down what an input has become."""

    journal: Journal
    parcels: Parcels

    def enter(self, finished: Finished) -> None:
        """What belongs to records first: whatever the journal names is there."""
        for record_id, content in finished.contents:
            self.parcels.put(record_id, content)
        self.journal.append(
            Entry(
                input_id=finished.input_id,
                records=finished.records,
                cpu_s=finished.cpu_s,
                media_s=finished.media_s,
            )
        )


def _work_off(
    records: Iterator[Record], books: _Books, task: Task, running: Running, begun: Progress, report: Report
) -> None:
    started = time.monotonic()
    media_s = cpu_s = 0.0
    report(begun)
    crew = _crew(task, running, begun.total - begun.done)
    try:
        for number, finished in enumerate(crew.work(_once(records)), start=1):
            books.enter(finished)
            media_s, cpu_s = media_s + finished.media_s, cpu_s + finished.cpu_s
            report(
                Progress(
                    stage=begun.stage,
                    done=begun.done + number,
                    total=begun.total,
                    media_s=media_s,
                    wall_s=time.monotonic() - started,
                    cpu_s=cpu_s,
                )
            )
    finally:
        crew.close()


def _crew(task: Task, running: Running, num_records: int) -> Crew:
    workers = min(running.workers, num_records)
    if running.on == "local":
        return LocalCrew(task, workers=workers, longest_s=running.longest_s)
    from openlpm.data.cluster import RayCrew

    return RayCrew(task, address=running.on, workers=workers, longest_s=running.longest_s)


def _once(records: Iterator[Record]) -> Iterator[Record]:
    """Each record once, should two inputs be the same."""
    seen: set[str] = set()
    for record in records:
        if record.id not in seen:
            seen.add(record.id)
            yield record


def _in_order(stage: Stage, config: Any, journal: Journal, inputs: Callable[[], Iterable[Record]]) -> Iterator[Record]:
    """What the inputs have become, in the order of the manifest, with one entry in memory at a time."""
    places: dict[str, tuple[tuple[str, int, str], str]] = {}
    for record in inputs():
        for made in journal.read(record.id).records:
            places[made.id] = (place_of(made), record.id)
    ordered = sorted((place, made_id, input_id) for made_id, (place, input_id) in places.items())
    records = _read_again(journal, ordered)
    return records if stage.settle is None else stage.settle(records, config)


def _read_again(journal: Journal, ordered: list[tuple[tuple[str, int, str], str, str]]) -> Iterator[Record]:
    held_id, held = "", dict[str, Record]()
    for _, made_id, input_id in ordered:
        if input_id != held_id:
            held_id, held = input_id, {record.id: record for record in journal.read(input_id).records}
        yield held[made_id]
