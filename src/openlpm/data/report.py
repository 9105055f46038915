"""The funnel report: one page that holds everything it shows."""

import base64
import html
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from openlpm.core.errors import InputError
from openlpm.data.charts import bars, histogram, stacked
from openlpm.data.dataset import Dataset, read_manifest
from openlpm.data.funnel import Step, funnel
from openlpm.data.journal import write_whole
from openlpm.data.records import Decision, Record
from openlpm.data.shards.part import Sample
from openlpm.data.sheets import sheet, spread
from openlpm.data.stage import RawFiles, seconds_of

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1320px; padding: 0 1em; color: #222; }
h2 { margin-top: 2em; border-bottom: 1px solid #ccc; } table { border-collapse: collapse; }
td, th { padding: .15em .8em; text-align: right; } td:first-child, th:first-child { text-align: left; }
tr:nth-child(even) { background: #f5f5f5; } figure { margin: 1em 0; display: inline-block; } img { max-width: 100%; }
figcaption { color: #555; } svg text { font: 12px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { body { background: #181818; color: #ddd; }
tr:nth-child(even) { background: #222; } svg text { fill: #ddd; } }
"""
_PAPER: Final = {"speaking": 8.50, "conversation and listening": 2.02, "idle": 1.01}
"""Per cent of the raw footage (LPM 1.0, section 1)."""
_MOST_EMOTIONS: Final = 16
_MOST_RECORDS: Final = 20_000
"""Records of a stage that scores are plotted from; more show no more."""


def write_report(dataset: Dataset, target: Path, *, pictures: int = 24) -> None:
    """Write the page, whole or not at all; ``pictures`` is the most that a sheet shows.

    Raises:
        InputError: nothing was run yet, or the page cannot be written.
    """
    steps = funnel(dataset)
    if not steps:
        raise InputError(f"{dataset.folder} is no dataset yet: run openlpm data build first")
    parts = [_overview(steps)]
    for step in steps:
        config: Mapping[str, str] = dataset.stages()[step.stage]["config"]
        parts += _stage(dataset, step, config, pictures)
    body = "\n".join(parts)
    page = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(dataset.folder.name)}'
        f"</title><style>{_STYLE}</style></head>\n<body><h1>{html.escape(dataset.folder.name)}</h1>\n{body}\n</body></html>"
    )
    write_whole(target, page.splitlines())


def _overview(steps: list[Step]) -> str:
    """Hours that are left after each step, as a table and as bars."""
    found_s = sum(steps[0].seconds.values())
    rows = [("found", found_s, 0, 0.0)]
    units = next((step for step in reversed(steps) if step.kinds), None)
    lines = [f"<tr><td>found</td><td>{_hours(found_s)}</td><td>100.0 %</td><td></td><td></td></tr>"]
    for step in steps:
        share = step.kept_s / found_s if found_s else 0.0
        speed = "" if step.speed is None else f"{step.speed:.1f}"
        kept, total = step.records.get(Decision.KEEP, 0), sum(step.records.values())
        lines.append(
            f"<tr><td>{step.stage}</td><td>{_hours(step.kept_s)}</td><td>{100 * share:.1f} %</td>"
            f"<td>{kept} of {total}</td><td>{speed}</td></tr>"
        )
        rows.append((step.stage, step.kept_s, kept, share))
        if step.kinds and step is units:
            rows += [(f"… {name}", part_s, 0, 0.0) for name, part_s in step.groups.items()]
    heads = "<tr><th>after</th><th>hours</th><th>left</th><th>records kept</th><th>x real time a core</th></tr>"
    chart = bars([(name, seconds / found_s if found_s else 0.0) for name, seconds, _, _ in rows])
    split = "" if units is None else _split(units, found_s)
    return f"<h2>Share left after each step</h2>{chart}<table>{heads}{''.join(lines)}</table>{split}"


def _split(step: Step, found_s: float) -> str:
    """What the units are footage of, beside what LPM 1.0 prints of its own."""
    lines = [
        f"<tr><td>{name}</td><td>{_hours(seconds)}</td><td>{100 * seconds / found_s if found_s else 0.0:.2f} %</td>"
        f"<td>{_PAPER[name]:.2f} %</td></tr>"
        for name, seconds in step.groups.items()
    ]
    heads = "<tr><th>units of</th><th>hours</th><th>of all that was found</th><th>LPM 1.0</th></tr>"
    chart = stacked(list(step.groups.items()))
    return (
        f"<h3>Who speaks, listens or idles</h3>{chart}<table>{heads}{''.join(lines)}</table>"
        "<p>Where several people are in the picture, seconds of each count.</p>"
    )


def _stage(dataset: Dataset, step: Step, config: Mapping[str, str], pictures: int) -> list[str]:
    raw = dataset.raw()
    kept: list[Record] = []
    dropped: dict[str, list[Record]] = {}
    for number, record in enumerate(read_manifest(dataset.current(step.stage))):
        if number >= _MOST_RECORDS:
            break
        if record.decision is Decision.KEEP:
            kept.append(record)
        for reason in record.reasons:
            dropped.setdefault(reason, []).append(record)
    parts = [f"<h2>{step.stage}</h2>", _reasons(step)]
    if step.stage == "shards":
        parts += _samples(kept)
    parts += _plots(step.stage, [*kept, *(each for group in dropped.values() for each in group)], config)
    parts.append(_figure("kept", len(kept), spread(kept, pictures), raw))
    for reason, records in sorted(dropped.items()):
        parts.append(_figure(reason, len(records), spread(records, pictures), raw))
    settings = "".join(f"<tr><td>{html.escape(n)}</td><td>{html.escape(v)}</td></tr>" for n, v in config.items())
    parts.append(f"<details><summary>settings</summary><table>{settings}</table></details>")
    return parts


def _samples(kept: list[Record]) -> list[str]:
    """What training balances by."""
    emotions = defaultdict[str, float](float)
    for record in kept:
        emotions[record.part(Sample).emotion or "not looked at"] += seconds_of(record)
    felt = stacked(sorted(emotions.items(), key=lambda each: (-each[1], each[0]))[:_MOST_EMOTIONS])
    return [f"<h3>Strongest emotion, by time</h3>{felt}"] if kept else []


def _reasons(step: Step) -> str:
    if not step.reasons:
        return "<p>Everything was kept.</p>"
    lines = [
        f"<tr><td>{html.escape(reason)}</td><td>{number}</td><td>{_hours(seconds)}</td></tr>"
        for reason, (number, seconds) in sorted(step.reasons.items(), key=lambda each: (-each[1][1], each[0]))
    ]
    return f"<table><tr><th>reason</th><th>records</th><th>hours</th></tr>{''.join(lines)}</table>"


def _plots(stage: str, records: list[Record], config: Mapping[str, str]) -> list[str]:
    """A histogram of every number in the part that has the stage's name, with the recipe's bounds."""
    values: dict[str, list[float]] = {}
    for record in {each.id: each for each in records}.values():
        scores: Any = record.parts.get(stage, {})
        for name, value in scores.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                values.setdefault(name, []).append(float(value))
    return [
        histogram(name, numbers, (config.get(f"{name}.at_least"), config.get(f"{name}.at_most")))
        for name, numbers in values.items()
    ]


def _figure(name: str, total: int, shown: list[Record], raw: RawFiles) -> str:
    picture = sheet(shown, raw)
    if picture is None:
        return ""
    data = base64.b64encode(picture).decode()
    caption = f"{html.escape(name)}: {len(shown)} of {total}"
    return (
        f'<figure><img alt="{caption}" src="data:image/jpeg;base64,{data}"><figcaption>{caption}</figcaption></figure>'
    )


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.2f} h" if seconds >= 3600 else f"{seconds:.1f} s"
