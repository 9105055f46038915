"""The page of ``openlpm bench report``: one HTML file that loads nothing."""

import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from openlpm.bench.lpm.case import Case
from openlpm.bench.lpm.certificate import Certificate, Shown, Standing
from openlpm.bench.lpm.measures import NAMES, Dimension, Measure
from openlpm.bench.lpm.metrics import MEASURES
from openlpm.bench.lpm.plotting import intervals, radar
from openlpm.bench.lpm.report import OVERALL, Entry, Pair, ranks
from openlpm.bench.lpm.submission import Submission
from openlpm.bench.lpm.summing import Line

_LONGEST_SHOWN_S = 30
_LONG = 40
"""Letters of a cell that is given room."""
_TOLD = ("version", "hw", "precision", "params", "causal", "lookahead_ms", "chunk_ms", "settings", "judged")
"""Of a manifest, what the table of entries shows."""


def write_report(
    path: Path,
    entries: Sequence[Entry],
    pairs: Sequence[Pair],
    cases: Sequence[Case],
    *,
    videos: int,
    certificates: Mapping[str, Certificate] | None = None,
) -> None:
    """Everything about some entries; without ``certificates`` their table is left out."""
    parts = [_HEAD, "<h1>LPM-Bench</h1>", _origin(entries), _vectors(entries), _figure(radar(_shares(entries)))]
    parts += [_entries(entries), "<h2>Every metric</h2>", _HOW_TO_READ]
    parts += [_dimension(dimension, entries, pairs) for dimension in Dimension]
    parts += [_differences(pairs), _certificates(certificates or {}), _failed(entries), _withheld(entries)]
    parts += [_side_by_side(entries, cases, videos), _SCRIPT, "</main></body></html>"]
    path.write_text("\n".join(parts), encoding="utf-8")


def _origin(entries: Sequence[Entry]) -> str:
    about = entries[0].about
    critics = ", ".join(f"{name} {str(sha)[:12]}" for name, sha in dict(about.get("critics") or {}).items())
    words = [
        f"Version {about.get('version', '?')}, cases {str(about.get('bench', '?'))[:12]}, judges: {critics or '?'}."
    ]
    words.append("Each cell is the mean over cases of a dimension's primary metric and its 95 % interval.")
    words.append("There is no total: dimensions do not add up. An arrow says which way is better.")
    return f"<p>{html.escape(' '.join(words))}</p>"


def _shares(entries: Sequence[Entry]) -> dict[str, dict[str, float]]:
    """By entry and dimension: 1 as the truth, 0 as the worst control."""
    found: dict[str, dict[str, float]] = {}
    for entry in entries:
        lines = [line for line in entry.lines if line.primary and line.domain in OVERALL and line.s is not None]
        found[entry.name] = {line.dim: line.s for line in lines if line.s is not None}
    return found


def _arrow(measure: Measure) -> str:
    return "↑" if measure.higher_is_better else "↓"


def _vectors(entries: Sequence[Entry]) -> str:
    """One row an entry, one column a dimension; there is no column for all of them."""
    primaries = [next(one for one in MEASURES if one.dimension is dim and one.primary) for dim in Dimension]
    head = "".join(
        f"<th>{one.dimension} {NAMES[one.dimension]}<br><small>{one.name} {_arrow(one)}</small></th>"
        for one in primaries
    )
    most = {one.name: max((line.n for e in entries if (line := e.line(one.name))), default=0) for one in primaries}
    rows: list[str] = []
    for entry in entries:
        lines = [entry.line(measure.name) for measure in primaries]
        cells = ["<td>–</td>" if line is None else f"<td>{_interval(line, most[line.metric])}</td>" for line in lines]
        rows.append(f"<tr><th>{html.escape(entry.name)}</th>{''.join(cells)}</tr>")
    return f"<table><tr><th></th>{head}</tr>{''.join(rows)}</table>"


def _interval(line: Line, most: int) -> str:
    bounds = "" if line.lo is None or line.hi is None else f"<br><small>{line.lo:.3g} to {line.hi:.3g}</small>"
    covered = "" if line.coverage == 1 else f"<br><small class='bad'>coverage {100 * line.coverage:.0f} %</small>"
    fewer = "" if line.n == most else f"<br><small class='bad'>{line.n} of {most} cases</small>"
    return f"{line.mean:.3g}{line.unit and ' ' + line.unit}{bounds}{covered}{fewer}"


def _entries(entries: Sequence[Entry]) -> str:
    """What they say about themselves, and where they were scored."""
    rows: list[str] = []
    for entry in entries:
        manifest = dict(entry.about.get("manifest") or {})
        said = [_said(manifest.get(key)) for key in _TOLD]
        cells = [*said, _said(entry.about.get("machine")), _said(entry.about.get("commit"))]
        shown = "".join(f"<td{' class=wide' if len(cell) > _LONG else ''}>{cell}</td>" for cell in cells)
        rows.append(f"<tr><th>{html.escape(entry.name)}</th>{shown}</tr>")
    head = "".join(f"<th>{key.replace('_', ' ')}</th>" for key in (*_TOLD, "scored on", "scored by"))
    return f"<h2>Entries</h2><table><tr><th></th>{head}</tr>{''.join(rows)}</table>"


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"
    return "–" if value is None or value == "" else html.escape(str(value))


def _dimension(dimension: Dimension, entries: Sequence[Entry], pairs: Sequence[Pair]) -> str:
    parts = [f"<h3>{dimension} {NAMES[dimension]}</h3>"]
    silent: list[str] = []
    for measure in (one for one in MEASURES if one.dimension is dimension):
        lines = [(entry.name, line) for entry in entries if (line := entry.line(measure.name)) is not None]
        if not lines:
            silent.append(f"{measure.name} ({_why_not(measure, entries)})")
            continue
        kind = "primary" if measure.primary else "guard"
        way = "higher is better" if measure.higher_is_better else "lower is better"
        places = ranks(entries, pairs, measure.name)
        rows = [(f"{name} ({_rank(*places[name])})", line.mean, line.lo, line.hi) for name, line in lines]
        reference = lines[0][1]
        marks = {"truth": reference.gt, "worst control": reference.lb}
        unit = f", {reference.unit}" if reference.unit else ""
        parts.append(f"<h4>{measure.name} <small>{kind}, {way}, {_counted(lines)}{unit}</small></h4>")
        parts.append(_figure(intervals(rows, {name: at for name, at in marks.items() if at is not None})))
    return "\n".join(parts) + (f"<p>Not shown: {html.escape('; '.join(silent))}.</p>" if silent else "")


def _why_not(measure: Measure, entries: Sequence[Entry]) -> str:
    said = [str(one) for entry in entries for one in entry.about.get("withheld", ())]
    if any(one.startswith(f"{measure.dimension} {measure.name}:") for one in said):
        return "withheld"
    return "no stream" if measure.dimension is Dimension.SYSTEM else "no case asks for it"


def _counted(lines: Sequence[tuple[str, Line]]) -> str:
    counts = sorted({line.n for _, line in lines})
    return f"{counts[0]} cases" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} cases"


def _rank(low: int, high: int) -> str:
    return f"rank {low}" if low == high else f"rank {low}–{high}"


def _differences(pairs: Sequence[Pair]) -> str:
    """Of the primaries, who differs from whom."""
    names = {one.name for one in MEASURES if one.primary}
    shown = [pair for pair in pairs if pair.metric in names]
    rows = [
        f"<tr><td>{pair.metric}</td><td>{html.escape(pair.a)} – {html.escape(pair.b)}</td>"
        f"<td>{pair.found.diff:.3g}</td><td>{_bounds(pair.found.low, pair.found.high)}</td>"
        f"<td>{pair.p_adjusted:.2g}</td><td>{pair.found.n}</td></tr>"
        for pair in shown
    ]
    head = "<tr><th>primary</th><th>a – b</th><th>difference</th><th>95 %</th><th>p (Holm)</th><th>cases</th></tr>"
    table = f"<table>{head}{''.join(rows)}</table>"
    return f"<h2>Differences</h2><details><summary>{len(rows)} pairs</summary>{table}</details>" if rows else ""


def _bounds(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{low:.3g} to {high:.3g}"


def _certificates(known: Mapping[str, Certificate]) -> str:
    """What every metric was shown before it may be shown."""
    rows: list[str] = []
    for measure in (one for one in MEASURES if one.name in known):
        certificate = known[measure.name]
        domain, standing = next(iter(certificate.standings.items()))
        shown = [one for one in certificate.shown if one.domain == domain]
        cells = [
            f"{measure.dimension} {measure.name}"
            if measure.primary
            else f"<small>{measure.dimension}</small> {measure.name}",
            "yes" if standing.admitted else f"no: {html.escape(standing.why)}",
            _number(standing.gt),
            f"{_number(standing.lb)} {html.escape(standing.lb_control)}",
            _weakest(shown),
            _most_moved(shown, standing),
            str(standing.n),
        ]
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = "metric|admitted|truth|worst control|smallest AUC|most moved, share of the gap|cases".split("|")
    table = f"<table><tr>{''.join(f'<th>{one}</th>' for one in head)}</tr>{''.join(rows)}</table>"
    told = (
        "Broken entries were made from the truth: a metric has to tell them apart, and not to move where nothing broke."
    )
    return f"<h2>Certificate</h2><p>{told}</p>{table}" if rows else ""


def _weakest(shown: Sequence[Shown]) -> str:
    one = min((each for each in shown if each.auc is not None), key=lambda each: each.auc or 0.0, default=None)
    return "–" if one is None else f"{_number(one.auc)} {html.escape(one.control)}"


def _most_moved(shown: Sequence[Shown], standing: Standing) -> str:
    one = max((each for each in shown if each.delta is not None), key=lambda each: each.delta or 0.0, default=None)
    said = "–" if one is None else f"{_number(one.delta)} {html.escape(one.control)}"
    unseen = (
        f"<br><small>not made: {html.escape(', '.join(standing.unseen))}</small>"
        if standing.unseen and standing.n
        else ""
    )
    return said + unseen


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


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
    """The first cases of different tracks that all entries with videos have one of."""
    known = [(entry, Submission(entry.submission)) for entry in entries if entry.submission is not None]
    seen = [(entry, one) for entry, one in known if any((one.folder / "video").glob("*.mp4"))]
    blind = [entry.name for entry in entries if entry.name not in {one.name for one, _ in seen}]
    chosen: list[Case] = []
    for case in cases:
        there = seen and all(submission.video(case).is_file() for _, submission in seen)
        new = case.track not in {one.track for one in chosen}
        if there and case.dur <= _LONGEST_SHOWN_S and new and len(chosen) < count:
            chosen.append(case)
    if not count:
        return ""
    parts: list[str] = []
    for case in chosen:
        text = html.escape(str(case.prompt.get("text", "")))
        parts.append(
            f"<section><h3>{case.id}</h3><p>{text}</p><button type='button'>Play all</button><div class='row'>"
        )
        for entry, submission in seen:
            coded = base64.b64encode(submission.video(case).read_bytes()).decode()
            source = f"data:video/mp4;base64,{coded}"
            shown = f"<video controls loop muted playsinline preload='auto' src='{source}'></video>"
            parts.append(f"<figure>{shown}<figcaption>{html.escape(entry.name)}</figcaption></figure>")
        parts.append("</div></section>")
    if blind:
        parts.append(f"<p>Without videos (judged before encoding, or moved away): {html.escape(', '.join(blind))}.</p>")
    return f"<h2>Side by side</h2>{_SOUND if chosen else ''}{''.join(parts)}"


def _figure(drawn: str) -> str:
    return f"<div class='figure'>{drawn}</div>" if drawn else ""


_HOW_TO_READ = (
    "<p>A dot is a mean over cases, a line its 95 % interval; dashed lines are the truth as judges see it and the "
    "worst control. Entries that cannot be told apart share a range of ranks. Guards stand beside a primary: a good "
    "primary with a bad guard is no good result.</p>"
)
_SOUND = "<p>All begin together and without sound; the sound of one is switched on in its own player.</p>"
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:0;color:#1b1f24;background:#fff}
main{max-width:78rem;margin:auto;padding:1rem}
table{border-collapse:collapse;font-size:13px;display:block;overflow-x:auto}
td,th{border:1px solid #d0d7de;padding:.3rem .5rem;text-align:left;vertical-align:top}
tr th:first-child{white-space:nowrap}
small{color:#57606a;font-weight:normal}
.bad{color:#cf222e}
.wide{min-width:16rem}
.row{display:flex;flex-wrap:wrap;gap:1rem;margin-top:.5rem}
video{width:256px;height:256px;background:#000}
figure{margin:0}
button{font:inherit;padding:.25rem .75rem}
.figure svg{max-width:100%;height:auto}
@media(prefers-color-scheme:dark){
body{background:#0d1117;color:#e6edf3}
td,th{border-color:#30363d}
small{color:#9198a1}
.bad{color:#ff7b72}
}
"""
_SCRIPT = """<script>
for (const section of document.querySelectorAll("section")) {
  const videos = [...section.querySelectorAll("video")], button = section.querySelector("button");
  let playing = false;
  button.addEventListener("click", () => {
    playing = !playing;
    button.textContent = playing ? "Pause all" : "Play all";
    for (const video of videos) {
      if (playing) { video.currentTime = videos[0].currentTime; video.play().catch(() => {}); } else video.pause();
    }
  });
}
</script>"""
_HEAD = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>LPM-Bench</title>'
    '<meta name="viewport" content="width=device-width,initial-scale=1">'
    f"<style>{_STYLE}</style></head><body><main>"
)
