"""Speed of every stage on one core, and what is lost or doubled when a build is killed in it."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from openlpm.bench.result import Bar, Row
from openlpm.bench.statistics import Estimate, ratio_of_sums
from openlpm.core.errors import InputError
from openlpm.data.build import build
from openlpm.data.dataset import Dataset, read_manifest
from openlpm.data.journal import entries
from openlpm.data.recipe import configs_for
from openlpm.data.registry import names
from openlpm.data.runner import Running

_PROGRAM = """
import os, signal, sys
from pathlib import Path
from openlpm.data.build import build
from openlpm.data.dataset import Dataset
from openlpm.data.recipe import configs_for
from openlpm.data.registry import names
from openlpm.data.runner import Running

def report(progress):
    if progress.stage == sys.argv[3] and progress.done >= int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    raw, out = map(Path, sys.argv[1:3])
    build(Dataset(folder=out), [raw], configs_for(names()), Running(workers=2), report=report)
"""


def running_rows(raw: Path, folder: Path, report: Callable[[str, int, int], None]) -> list[Row]:
    """Rows about the videos in ``raw``: built whole with one worker, then killed in every stage and finished."""
    import numpy as np

    whole = Dataset(folder=folder / "whole")
    build(whole, [raw], configs_for(names()), Running(workers=1))
    rows: list[Row] = []
    for name in names():
        held = [entry for entry in entries(whole.journal(whole.stages()[name]["folder"])) if entry.cpu_s > 0]
        speed = ratio_of_sums(np.array([each.media_s for each in held]), np.array([each.cpu_s for each in held]))
        rows.append(Row.of(f"speed_x_realtime_per_core/{name}", speed, unit="x", bar=Bar(at_least=2.0)))
    lost, doubled, kills = _killed(raw, folder, whole, report)
    nothing = Bar(at_most=0.0)
    rows.append(Row.of("lost_records", Estimate.single(float(lost), n=kills), bar=nothing))
    rows.append(Row.of("doubled_records", Estimate.single(float(doubled), n=kills), bar=nothing))
    return rows


def _killed(raw: Path, folder: Path, whole: Dataset, report: Callable[[str, int, int], None]) -> tuple[int, int, int]:
    program = folder / "killed.py"
    program.write_text(_PROGRAM, encoding="utf-8")
    # A stage that had a record or two is killed after as many.
    inputs = {name: sum(1 for _ in entries(whole.journal(whole.stages()[name]["folder"]))) for name in names()}
    places = sorted({(names().index(name), min(done, inputs[name])) for name in names() for done in (1, 3)})
    places = [(names()[index], done) for index, done in places if done > 0]
    lost = doubled = 0
    for number, (name, done) in enumerate(places):
        out = folder / f"killed{number}"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        arguments = [sys.executable, str(program), str(raw), str(out), name, str(done)]
        ended = subprocess.run(arguments, env=environment, check=False)
        if ended.returncode != -signal.SIGKILL:
            raise InputError(f"a build that should have died in {name} ended with {ended.returncode}; give more videos")
        dataset = Dataset(folder=out)
        build(dataset, [raw], configs_for(names()), Running(workers=2))
        for stage in names():
            wanted = Counter(record.id for record in read_manifest(whole.current(stage)))
            there = Counter(record.id for record in read_manifest(dataset.current(stage)))
            lost += sum((wanted - there).values())
            doubled += sum((there - wanted).values())
        report("kills", number + 1, len(places))
    return lost, doubled, len(places)
