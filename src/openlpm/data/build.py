"""The pipeline from files to the last stage, or one stage of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from openlpm.core.errors import InputError
from openlpm.data.card import write_card
from openlpm.data.dataset import Dataset, kept
from openlpm.data.records import Record
from openlpm.data.registry import load, names, place
from openlpm.data.runner import Report, Running, run_stage, silent
from openlpm.data.scan import roots_of, scan
from openlpm.data.shards.reading import STAGE as SHARDS


def build(
    dataset: Dataset,
    sources: Sequence[Path],
    configs: Mapping[str, Any],
    running: Running,
    *,
    limit: int | None = None,
    report: Report = silent,
) -> None:
    """Run the stages of ``configs`` one after the other; ``limit`` takes only so many files.

    Raises:
        InputError: no such source, nothing in it, or a dataset that another process works on.
        ConfigError: a stage cannot work here.
    """
    raw = roots_of(sources)
    if next(scan(raw), None) is None:
        raise InputError(f"{', '.join(map(str, sources))}: there is no file that could be a video")
    for name in configs:
        load(place(name))
    with dataset.alone():
        dataset.set_raw(raw)
        for name, config in configs.items():
            run_stage(dataset, place(name), config, _inputs(dataset, name, limit), running, report)
        if SHARDS in configs:
            write_card(dataset)


def run_alone(
    dataset: Dataset, name: str, config: Any, running: Running, *, anew: bool = False, report: Report = silent
) -> None:
    """One stage over what the stage before it has left; ``anew`` makes again what is there.

    Raises:
        InputError: the stage before was not run, or another process works on the dataset.
    """
    stage = load(place(name))
    with dataset.alone():
        if not dataset.raw().roots:
            raise InputError(f"{dataset.folder} knows no sources: run openlpm data build first")
        inputs = _inputs(dataset, name, None)
        inputs()
        if anew:
            dataset.journal(stage.folder_name(config)).unlink(missing_ok=True)
        run_stage(dataset, place(name), config, inputs, running, report)
        if name == SHARDS:
            write_card(dataset)


def _inputs(dataset: Dataset, name: str, limit: int | None) -> Callable[[], Iterable[Record]]:
    before = names().index(name)
    if before == 0:
        raw = dataset.raw()
        return lambda: islice(scan(raw), limit)
    earlier = names()[before - 1]
    return lambda: kept(dataset.current(earlier))
