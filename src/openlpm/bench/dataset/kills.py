"""One build that dies again and again, in every stage and while it packs, beside one that was left alone."""

import hashlib
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from openlpm.core.errors import InputError
from openlpm.data.build import build
from openlpm.data.dataset import Dataset, read_manifest
from openlpm.data.journal import entries
from openlpm.data.recipe import configs_for
from openlpm.data.registry import names
from openlpm.data.runner import Running
from openlpm.data.shards.reading import STAGE as SHARDS
from openlpm.data.shards.reading import ShardSet

AFTER: Final = (1, 3)
"""After how many records of a stage a build dies; where a stage had fewer, after as many."""
PACKING: Final = "packing"
"""The moment at which all shards are written and none counts yet."""

_PROGRAM = """
import os, signal, sys
from pathlib import Path
from openlpm.data.build import build
from openlpm.data.dataset import Dataset
from openlpm.data.recipe import configs_for
from openlpm.data.registry import names
from openlpm.data.runner import Running
from openlpm.data.shards import packing

raw, out = map(Path, sys.argv[1:3])
stage, moment = sys.argv[3:5]

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def report(progress):
    if progress.stage == stage and moment.isdigit() and progress.done >= int(moment):
        die()

if __name__ == "__main__":
    if moment == "packing":
        packing.write_index = die
    build(Dataset(folder=out), [raw], configs_for(names()), Running(workers=2), report=report)
"""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Losses:
    """What became of the records and samples."""

    lost: int
    doubled: int
    kills: int


def moments(whole: Dataset) -> list[tuple[str, str]]:
    """Stage and moment of every death, in the order in which one build meets them."""
    found: list[tuple[str, str]] = []
    for name in names():
        inputs = sum(1 for _ in entries(whole.journal(whole.stages()[name]["folder"])))
        found += [(name, str(done)) for done in sorted({min(done, inputs) for done in AFTER}) if done]
    return [*found, (SHARDS, PACKING)]


def killed_everywhere(
    raw: Path, folder: Path, whole: Dataset, report: Callable[[str, int, int], None] = lambda what, done, total: None
) -> Losses:
    """Build ``raw`` in a new dataset in ``folder``, killed at every moment in turn; compare with ``whole``.

    Raises:
        InputError: a build ended before its moment came.
    """
    program, out = folder / "killed.py", folder / "killed"
    program.write_text(_PROGRAM, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    places = moments(whole)
    for number, (name, moment) in enumerate(places):
        arguments = [sys.executable, str(program), str(raw), str(out), name, moment]
        ended = subprocess.run(arguments, env=environment, check=False)
        if ended.returncode != -signal.SIGKILL:
            raise InputError(f"a build that should have died in {name} ended with {ended.returncode}; give more videos")
        report("kills", number + 1, len(places))
    dataset = Dataset(folder=out)
    build(dataset, [raw], configs_for(names()), Running(workers=2))
    wanted, there = _everything(whole), _everything(dataset)
    return Losses(lost=sum((wanted - there).values()), doubled=sum((there - wanted).values()), kills=len(places))


def _everything(dataset: Dataset) -> Counter[str]:
    """Records of all stages by their names, and samples in shards by their bytes."""
    found = Counter[str]()
    for stage in names():
        found.update(f"{stage} {record.id}" for record in read_manifest(dataset.current(stage)))
    for sample in ShardSet.opened(dataset.folder).samples():
        with sample.path.open("rb") as file:
            file.seek(sample.place.offset)
            content = file.read(sample.place.size_bytes)
        found[f"sample {sample.key} {hashlib.sha256(content).hexdigest()}"] += 1
    return found
