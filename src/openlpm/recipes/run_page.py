"""The report of a training: one page that holds everything it shows, readable without a network."""

import base64
import html
import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from openlpm.core.errors import InputError
from openlpm.data.charts import curve
from openlpm.data.journal import write_whole
from openlpm.recipes.running import RECIPE_FILE
from openlpm.recipes.watching import WORK_FILE

CURVES: Final = "curves.jsonl"
_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1320px; padding: 0 1em; color: #222; }
h2 { margin-top: 2em; border-bottom: 1px solid #ccc; } table { border-collapse: collapse; }
td, th { padding: .15em .8em; text-align: right; } td:first-child, th:first-child { text-align: left; }
tr:nth-child(even) { background: #f5f5f5; } figure { margin: 1em 0; } img { max-width: 100%; }
figcaption { color: #555; } svg text { font: 12px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { body { background: #181818; color: #ddd; }
tr:nth-child(even) { background: #222; } svg text { fill: #ddd; } }
"""
_KNOWN: Final = ("step", "seconds")


def write_run_page(folder: Path, target: Path) -> int:
    """Write the page about all runs in a training's folder; returns how many there are.

    Raises:
        InputError: there is none, or the page cannot be written.
    """
    runs = sorted((path.parent for path in folder.glob(f"**/{CURVES}")), key=lambda run: (run / CURVES).stat().st_mtime)
    if not runs:
        raise InputError(f"{folder} holds no run: give the --out of a training")
    parts = [_overview(runs, folder), *(_run(run, folder) for run in runs)]
    name = html.escape(folder.resolve().name)
    page = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{name}</h1>\n" + "\n".join(parts) + "\n</body></html>"
    )
    write_whole(target, page.splitlines())
    return len(runs)


def _entries(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / CURVES).read_text().splitlines()]


def _rates(entries: Sequence[dict[str, float]]) -> list[tuple[float, float]]:
    """Steps a second between entries, by the step of the later one."""
    return [
        (late["step"], (late["step"] - early["step"]) / (late["seconds"] - early["seconds"]))
        for early, late in pairwise(entries)
        if late["seconds"] > early["seconds"]
    ]


def _name(run: Path, folder: Path) -> str:
    return str(run.relative_to(folder)).replace("draft-", "").replace("run-", "")


def _overview(runs: Sequence[Path], folder: Path) -> str:
    lines: list[str] = []
    for run in runs:
        entries = _entries(run)
        if not entries:
            continue
        last, rates = entries[-1], [rate for _, rate in _rates(entries)]
        speed = f"{sorted(rates)[len(rates) // 2]:.3g}" if rates else ""
        mfu = _mfu(run, rates)
        lines.append(
            f"<tr><td>{html.escape(_name(run, folder))}</td><td>{last['step']}</td><td>{last['seconds']:.0f}</td>"
            f"<td>{speed}</td><td>{mfu}</td><td>{entries[0]['loss']:.4g}</td><td>{last['loss']:.4g}</td></tr>"
        )
    words = ("run", "steps", "seconds", "steps/s", "MFU", "first loss", "loss")
    heads = "".join(f"<th>{word}</th>" for word in words)
    return f"<h2>Runs</h2><table><tr>{heads}</tr>{''.join(lines)}</table>"


def _mfu(run: Path, rates: Sequence[float]) -> str:
    """Share of the data sheet's operations, where both are known."""
    path = run / WORK_FILE
    if not rates or not path.is_file():
        return ""
    known = json.loads(path.read_text())
    if known["peak"] is None:
        return ""
    return f"{sorted(rates)[len(rates) // 2] * known['operations_a_step'] / known['peak']:.3f}"


def _run(run: Path, folder: Path) -> str:
    entries = _entries(run)
    names = dict.fromkeys(name for entry in entries for name in entry if name not in _KNOWN)
    charts = [curve(name, [(e["step"], e[name]) for e in entries if name in e]) for name in names]
    rates = _rates(entries)
    charts += [curve("steps/s", rates)] if rates else []
    head = f"<h2>{html.escape(_name(run, folder))}</h2>"
    return head + "".join((*charts, *_pictures(run), _settings(run / RECIPE_FILE)))


def _pictures(run: Path) -> Iterator[str]:
    for path in sorted(run.glob("samples-*.png")):
        data = base64.b64encode(path.read_bytes()).decode()
        step = int(path.stem.removeprefix("samples-"))
        said = f"Step {step}: the truth of a window, and below it what the model makes of it"
        picture = f'<img src="data:image/png;base64,{data}" alt="samples at step {step}">'
        yield f"<figure>{picture}<figcaption>{said}</figcaption></figure>"


def _settings(path: Path) -> str:
    if not path.is_file():
        return ""
    recipe: dict[str, Any] = json.loads(path.read_text())
    rows = "".join(f"<tr><td>{html.escape(n)}</td><td>{html.escape(str(v))}</td></tr>" for n, v in recipe.items())
    return f"<details><summary>recipe</summary><table>{rows}</table></details>"
