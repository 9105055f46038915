"""Pictures of a table's curves (needs the extra ``[train]``): scores over minutes, and who is still alive."""

import json
from pathlib import Path
from typing import Any

from openlpm.bench.online.drift import ASPECTS
from openlpm.core.errors import InputError


def draw(table: Path, folder: Path) -> list[Path]:
    """Draw what a ``--json`` file holds and return the pictures: ``scores.png``, ``survival.png``, ``capacity.png``.

    Raises:
        InputError: there is no such table, or nothing in it to draw; or matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise InputError("plots need matplotlib: pip install 'openlpm[train]', or draw them elsewhere") from error
    try:
        told: dict[str, Any] = json.loads(table.read_text(encoding="utf-8"))
        rows: list[dict[str, Any]] = told["rows"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{table} is no table: give a --json file of `openlpm bench online`") from error
    folder.mkdir(parents=True, exist_ok=True)
    drawn: list[Path] = []
    curves: dict[str, Any] = told.get("curves", {})
    if curves:
        figure = Figure(figsize=(15, 3.2), layout="constrained")
        _scores(figure, curves)
        figure.savefig(folder / "scores.png", dpi=110)
        figure = Figure(figsize=(6, 3.5), layout="constrained")
        _survival(figure, curves)
        figure.savefig(folder / "survival.png", dpi=110)
        drawn += [folder / "scores.png", folder / "survival.png"]
    speeds = {int(row["name"].rsplit("_", 1)[1]): row["value"] for row in rows if "/fps_of_each_of_" in row["name"]}
    if speeds:
        figure = Figure(figsize=(6, 3.5), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(list(speeds), list(speeds.values()), marker="o")
        axes.axhline(24, color="grey", linestyle=":")
        axes.set(xscale="log", yscale="log", xlabel="streams at once", ylabel="frames a second of each")
        figure.savefig(folder / "capacity.png", dpi=110)
        drawn.append(folder / "capacity.png")
    if not drawn:
        raise InputError(f"{table} holds no curves: measure streams or capacity first")
    return drawn


def _scores(figure: Any, curves: dict[str, Any]) -> None:
    """A panel an aspect: every stream thin, their mean thick, the broken stream that must be seen dashed."""
    from openlpm.bench.online.drift import CATCHES

    for number, aspect in enumerate(ASPECTS, start=1):
        axes = figure.add_subplot(1, len(ASPECTS), number)
        for colour, (name, run) in zip(("tab:blue", "tab:orange"), curves["columns"].items(), strict=False):
            streams = [stream["scores"][aspect] for stream in run["streams"]]
            minutes = [(place + 0.5) * curves["bin_minutes"] for place in range(len(streams[0]))]
            for series in streams:
                axes.plot(minutes, series, color=colour, alpha=0.25, linewidth=0.6)
            means = [sum(values) / len(values) for values in zip(*streams, strict=True)]
            axes.plot(minutes, means, color=colour, label=name.strip("/") or "free")
        broken = curves["controls"].get(CATCHES[aspect].value)
        if broken:
            series = broken["streams"][0]["scores"][aspect]
            minutes = [(place + 0.5) * curves["bin_minutes"] for place in range(len(series))]
            axes.plot(minutes, series, color="tab:red", linestyle="--", label=CATCHES[aspect].value)
        axes.set(title=f"{aspect} (truth = 1)", xlabel="minute")
        axes.grid(visible=True, alpha=0.3)
        axes.legend(fontsize=7)


def _survival(figure: Any, curves: dict[str, Any]) -> None:
    axes = figure.add_subplot()
    for name, steps in curves["survival"].items():
        run = curves["columns"][name]
        minutes, alive = zip(*steps, (run["minutes"], steps[-1][1]), strict=True)
        axes.step(minutes, alive, where="post", label=f"{name.strip('/') or 'free'}, {len(run['streams'])} streams")
    axes.set(xlabel="minute", ylabel="alive (Kaplan-Meier)", ylim=(-0.02, 1.05))
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
