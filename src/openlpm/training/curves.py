"""Training curves: a line of JSON every log entry, and a plot."""

import json
from pathlib import Path
from typing import final


@final
class CurveFile:
    """Appends log entries; the file outlives a killed run and is trimmed when an older checkpoint is resumed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, step: int, seconds: float, scalars: dict[str, float]) -> None:
        """Append one entry."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write(json.dumps({"step": step, "seconds": round(seconds, 2), **scalars}) + "\n")

    def forget_after(self, step: int) -> None:
        """Drop entries of steps that will be made again."""
        if self._path.is_file():
            kept = [line for line in self._path.read_text().splitlines() if json.loads(line)["step"] <= step]
            self._path.write_text("".join(line + "\n" for line in kept))


def plot_curves(path: Path, picture: Path) -> None:
    """Draw every scalar of a curve file over its steps (needs the extra ``[train]``)."""
    from matplotlib.figure import Figure

    entries = [json.loads(line) for line in path.read_text().splitlines()]
    names = [name for name in entries[-1] if name not in ("step", "seconds")]
    figure = Figure(figsize=(4 * min(3, len(names)), 3 * -(-len(names) // 3)), layout="constrained")
    for i, name in enumerate(names):
        axes = figure.add_subplot(-(-len(names) // 3), min(3, len(names)), i + 1)
        axes.plot([e["step"] for e in entries if name in e], [e[name] for e in entries if name in e])
        axes.set_title(name)
        axes.set_xlabel("step")
        axes.grid(visible=True, alpha=0.3)
    figure.savefig(picture, dpi=110)
