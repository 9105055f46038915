"""Speed of every stage on one core, and what is lost or doubled when a build is killed in it."""

from collections.abc import Callable
from pathlib import Path

from openlpm.bench.dataset.kills import killed_everywhere
from openlpm.bench.result import Bar, Row
from openlpm.bench.statistics import Estimate, ratio_of_sums
from openlpm.data.build import build
from openlpm.data.dataset import Dataset
from openlpm.data.journal import entries
from openlpm.data.recipe import configs_for
from openlpm.data.registry import names
from openlpm.data.runner import Running


def running_rows(raw: Path, folder: Path, report: Callable[[str, int, int], None]) -> list[Row]:
    """Rows about the videos in ``raw``: built whole with one worker, then killed in every stage and finished."""
    import numpy as np

    whole = Dataset(folder=folder / "whole")
    build(whole, [raw], configs_for(names()), Running(workers=1))
    rows: list[Row] = []
    for name in names():
        held = [entry for entry in entries(whole.journal(whole.stages()[name]["folder"])) if entry.cpu_s > 0]
        if not held:
            continue
        speed = ratio_of_sums(np.array([each.media_s for each in held]), np.array([each.cpu_s for each in held]))
        rows.append(Row.of(f"speed_x_realtime_per_core/{name}", speed, unit="x", bar=Bar(at_least=2.0)))
    losses, nothing = killed_everywhere(raw, folder, whole, report), Bar(at_most=0.0)
    rows.append(Row.of("lost_records", Estimate.single(float(losses.lost), n=losses.kills), bar=nothing))
    rows.append(Row.of("doubled_records", Estimate.single(float(losses.doubled), n=losses.kills), bar=nothing))
    return rows
