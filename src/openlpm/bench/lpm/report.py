"""``openlpm bench report``: entries, pairwise tests between them, and a leaderboard; the page is ``report_page``'s."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, final

from openlpm.bench.lpm.case import Case
from openlpm.bench.lpm.certificate import POOLED, STREAMED
from openlpm.bench.lpm.comparing import Difference, benjamini_hochberg, difference, holm, rank_intervals
from openlpm.bench.lpm.metrics import MEASURES, measure_of
from openlpm.bench.lpm.scoring import Result, by_case, read_results
from openlpm.bench.lpm.summing import Line, read_summary, units_of
from openlpm.core.errors import InputError

MARGIN_SHARE = 0.1
"""Of the gap between truth and worst control: by so much a system may be behind and still be called not worse."""
OVERALL = (POOLED, STREAMED)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """The results of one entry."""

    name: str
    run: str
    lines: Sequence[Line]
    results: Sequence[Result]
    about: Mapping[str, Any]
    submission: Path | None
    """Where its videos lie, if they are still there."""

    def line(self, metric: str, domain: str | None = None) -> Line | None:
        """A metric in a domain; over all if none is named."""
        wanted = OVERALL if domain is None else (domain,)
        return next((line for line in self.lines if line.metric == metric and line.domain in wanted), None)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two entries in one metric."""

    a: str
    b: str
    metric: str
    found: Difference
    p_adjusted: float
    """By Holm over the primaries, by Benjamini and Hochberg over the rest."""


def read_entry(folder: Path) -> Entry:
    """What ``openlpm bench score`` wrote.

    Raises:
        InputError: it is not whole.
    """
    content = read_summary(folder / "summary.json")
    place = Path(str(content.get("submission", "")))
    videos = next((one for one in (place, folder / place) if (one / "manifest.json").is_file()), None)
    return Entry(
        name=str(content["system"]),
        run=folder.name,
        lines=content["rows"],
        results=read_results(folder / "per_case.jsonl"),
        about=content,
        submission=videos,
    )


def one_origin(entries: Sequence[Entry]) -> dict[str, Any]:
    """Of which benchmark and judges all entries are.

    Raises:
        InputError: they are of different ones, or two have one name.
    """
    names = [entry.name for entry in entries]
    if len(set(names)) != len(names):
        raise InputError(f"two entries have one name ({', '.join(sorted(names))}): change it in a manifest.json")
    origins = [{key: entry.about.get(key) for key in ("bench", "version", "critics")} for entry in entries]
    for entry, origin in zip(entries, origins, strict=True):
        for key, value in origin.items():
            if value != origins[0][key]:
                raise InputError(f"{entry.name} and {entries[0].name} differ in their {key}: score them alike")
    return origins[0]


def compare(entries: Sequence[Entry], cases: Sequence[Case]) -> list[Pair]:
    """All pairs in all metrics that both show, paired by case."""
    units = units_of(cases)
    pairs: list[Pair] = []
    for a, b in combinations(entries, 2):
        found: list[tuple[str, Difference]] = []
        for measure in MEASURES:
            line = a.line(measure.name)
            if line is None or b.line(measure.name) is None:
                continue
            gap = abs(line.gt - line.lb) if line.gt is not None and line.lb is not None else 0.0
            mine, theirs = (by_case(entry.results, measure.name) for entry in (a, b))
            made = difference(mine, theirs, units, margin=MARGIN_SHARE * gap, higher_is_better=measure.higher_is_better)
            found.append((measure.name, made))
        for adjust, primary in ((holm, True), (benjamini_hochberg, False)):
            some = [(name, one) for name, one in found if measure_of(name).primary is primary]
            adjusted = adjust([one.p for _, one in some])
            pairs += [
                Pair(a=a.name, b=b.name, metric=name, found=one, p_adjusted=p)
                for (name, one), p in zip(some, adjusted, strict=True)
            ]
    return pairs


def ranks(entries: Sequence[Entry], pairs: Sequence[Pair], metric: str) -> dict[str, tuple[int, int]]:
    """First and last rank of everybody who shows a metric."""
    shown = [entry.name for entry in entries if entry.line(metric) is not None]
    up = measure_of(metric).higher_is_better
    won: set[tuple[str, str]] = set()
    for pair in pairs:
        if pair.metric == metric and pair.found.differs:
            first = (pair.found.diff > 0) is up
            won.add((pair.a, pair.b) if first else (pair.b, pair.a))
    return rank_intervals(shown, lambda a, b: (a, b) in won)


def write_pairs(path: Path, pairs: Sequence[Pair]) -> None:
    """``pairwise.json``."""
    rows = [
        {
            "a": pair.a,
            "b": pair.b,
            "metric": pair.metric,
            "diff": pair.found.diff,
            "ci": [pair.found.low, pair.found.high],
            "p": pair.found.p,
            "p_holm" if measure_of(pair.metric).primary else "p_bh": pair.p_adjusted,
            "p_not_worse": pair.found.p_not_worse,
            "p_equivalent": pair.found.p_equivalent,
            "n": pair.found.n,
        }
        for pair in pairs
    ]
    path.write_text(json.dumps(rows, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def write_leaderboard(path: Path, entries: Sequence[Entry], pairs: Sequence[Pair]) -> None:
    """``leaderboard.csv``: the primaries, ties visible as intervals of ranks."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow("system run track dim metric value lo hi rank_lo rank_hi coverage hw".split())
        for measure in (one for one in MEASURES if one.primary):
            places = ranks(entries, pairs, measure.name)
            for entry in entries:
                line = entry.line(measure.name)
                if line is not None:
                    hardware = entry.about.get("manifest", {}).get("hw") or ""
                    row = [entry.name, entry.run, "all", line.dim, line.metric, line.mean, line.lo, line.hi]
                    writer.writerow([*row, *places[entry.name], line.coverage, hardware])
