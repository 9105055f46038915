"""``openlpm bench report``: one HTML file about some entries, pairwise tests between them, and a leaderboard."""

import base64
import csv
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, final

from openlpm.bench.lpm.case import Case
from openlpm.bench.lpm.certificate import POOLED, STREAMED
from openlpm.bench.lpm.comparing import Difference, benjamini_hochberg, difference, holm, rank_intervals
from openlpm.bench.lpm.measures import NAMES, Dimension
from openlpm.bench.lpm.metrics import MEASURES, measure_of
from openlpm.bench.lpm.plotting import intervals, radar
from openlpm.bench.lpm.scoring import Result, by_case, read_results
from openlpm.bench.lpm.summing import Line, read_summary, units_of

MARGIN_SHARE = 0.1
"""Of the gap between truth and worst control: by so much a system may be behind and still be called not worse."""
_OVERALL = (POOLED, STREAMED)


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
        wanted = _OVERALL if domain is None else (domain,)
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


def write_report(
    path: Path, entries: Sequence[Entry], pairs: Sequence[Pair], cases: Sequence[Case], *, videos: int
) -> None:
    """The page: nothing in it is loaded from elsewhere."""
    parts = [_HEAD, "<h1>LPM-Bench</h1>", _vectors(entries), _figure(radar(_shares(entries)))]
    parts += [_dimension(dimension, entries, pairs) for dimension in Dimension]
    parts += [_failed(entries), _withheld(entries), _side_by_side(entries, cases, videos), "</main></body></html>"]
    path.write_text("\n".join(parts), encoding="utf-8")


def _shares(entries: Sequence[Entry]) -> dict[str, dict[str, float]]:
    """By entry and dimension: 1 as the truth, 0 as the worst control."""
    found: dict[str, dict[str, float]] = {}
    for entry in entries:
        lines = [line for line in entry.lines if line.primary and line.domain in _OVERALL and line.s is not None]
        found[entry.name] = {line.dim: line.s for line in lines if line.s is not None}
    return found


def _vectors(entries: Sequence[Entry]) -> str:
    """One row an entry, one column a dimension; there is no column for all of them."""
    head = "".join(f"<th title='{NAMES[dim]}'>{dim}<br><small>{NAMES[dim]}</small></th>" for dim in Dimension)
    rows: list[str] = []
    for entry in entries:
        cells: list[str] = []
        for dimension in Dimension:
            measure = next(one for one in MEASURES if one.dimension is dimension and one.primary)
            line = entry.line(measure.name)
            cells.append("<td>–</td>" if line is None else f"<td>{_interval(line)}</td>")
        rows.append(f"<tr><th>{html.escape(entry.name)}</th>{''.join(cells)}</tr>")
    return f"<table><tr><th></th>{head}</tr>{''.join(rows)}</table>"


def _interval(line: Line) -> str:
    bounds = "" if line.lo is None or line.hi is None else f"<br><small>{line.lo:.3g} to {line.hi:.3g}</small>"
    covered = "" if line.coverage == 1 else f"<br><small>coverage {100 * line.coverage:.0f} %</small>"
    return f"{line.mean:.3g}{line.unit and ' ' + line.unit}{bounds}{covered}"


def _dimension(dimension: Dimension, entries: Sequence[Entry], pairs: Sequence[Pair]) -> str:
    parts = [f"<h2>{dimension} {NAMES[dimension]}</h2>"]
    for measure in (one for one in MEASURES if one.dimension is dimension):
        lines = [(entry.name, line) for entry in entries if (line := entry.line(measure.name)) is not None]
        if not lines:
            parts.append(f"<p>{measure.name}: withheld, or not asked for.</p>")
            continue
        kind = "primary" if measure.primary else "guard"
        way = "higher is better" if measure.higher_is_better else "lower is better"
        places = ranks(entries, pairs, measure.name)
        rows = [
            (f"{name} (rank {places[name][0]}–{places[name][1]})", line.mean, line.lo, line.hi) for name, line in lines
        ]
        reference = lines[0][1]
        marks = {"truth": reference.gt, "worst control": reference.lb}
        parts.append(f"<h3>{measure.name} <small>{kind}, {way}, {reference.n} cases</small></h3>")
        parts.append(_figure(intervals(rows, {name: at for name, at in marks.items() if at is not None})))
    return "\n".join(parts)


def _failed(entries: Sequence[Entry]) -> str:
    items = [
        f"<li>{html.escape(entry.name)} {result.case}.s{result.seed}: {html.escape(result.why)}</li>"
        for entry in entries
        for result in {(r.case, r.seed): r for r in entry.results if r.why}.values()
    ]
    return f"<h2>Scored worst</h2><ul>{''.join(items)}</ul>" if items else ""


def _withheld(entries: Sequence[Entry]) -> str:
    said = dict.fromkeys(one for entry in entries for one in entry.about.get("withheld", ()))
    items = "".join(f"<li>{html.escape(str(one))}</li>" for one in said)
    return f"<h2>Withheld</h2><p>What has not shown that it can fail is not shown.</p><ul>{items}</ul>" if items else ""


def _side_by_side(entries: Sequence[Entry], cases: Sequence[Case], count: int) -> str:
    """The first cases of different tracks that all entries have a video of."""
    from openlpm.bench.lpm.submission import Submission

    seen = [(entry, Submission(entry.submission)) for entry in entries if entry.submission is not None]
    chosen: list[Case] = []
    for case in cases:
        there = seen and all(submission.video(case).is_file() for _, submission in seen)
        if there and case.dur <= 30 and case.track not in {one.track for one in chosen} and len(chosen) < count:
            chosen.append(case)
    parts: list[str] = []
    for case in chosen:
        text = html.escape(str(case.prompt.get("text", "")))
        parts.append(f"<h3>{case.id}</h3><p>{text}</p><div class='row'>")
        for entry, submission in seen:
            coded = base64.b64encode(submission.video(case).read_bytes()).decode()
            source = f"data:video/mp4;base64,{coded}"
            shown = f"<video controls src='{source}'></video>"
            parts.append(f"<figure>{shown}<figcaption>{html.escape(entry.name)}</figcaption></figure>")
        parts.append("</div>")
    return f"<h2>Side by side</h2>{''.join(parts)}" if parts else ""


def _figure(drawn: str) -> str:
    return f"<div class='figure'>{drawn}</div>"


_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:0;color:#1b1f24;background:#fff}
main{max-width:70rem;margin:auto;padding:1rem}
table{border-collapse:collapse;font-size:13px;display:block;overflow-x:auto}
td,th{border:1px solid #d0d7de;padding:.3rem .5rem;text-align:left}
small{color:#57606a;font-weight:normal}
.row{display:flex;flex-wrap:wrap;gap:1rem}
video{width:256px;height:256px}
figure{margin:0}
.figure svg{max-width:100%}
@media(prefers-color-scheme:dark){
body{background:#0d1117;color:#e6edf3}
td,th{border-color:#30363d}
small{color:#9198a1}
}
"""
_HEAD = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>LPM-Bench</title>'
    f"<style>{_STYLE}</style></head><body><main>"
)
