"""The table that every ``openlpm bench`` command prints and writes as JSON."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from rich.box import SIMPLE_HEAD
from rich.table import Table as RichTable

from openlpm.bench.statistics import Estimate
from openlpm.core.errors import ConfigError


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """The goal of a row: a smallest value, a largest value, or both."""

    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        if self.at_least is None and self.at_most is None:
            raise ConfigError("at_least=None, at_most=None: a bar needs at least one of the two")

    def met_by(self, value: float) -> bool:
        """Whether the measured value itself (not its interval) reaches the bar; NaN never does."""
        above = self.at_least is None or value >= self.at_least
        below = self.at_most is None or value <= self.at_most
        return above and below and math.isfinite(value)

    def __str__(self) -> str:
        if self.at_least is None:
            return f"<= {self.at_most:g}"
        if self.at_most is None:
            return f">= {self.at_least:g}"
        if self.at_least == -self.at_most:
            return f"+-{self.at_most:g}"
        return f"{self.at_least:g} to {self.at_most:g}"


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One measured number with its 95 % interval; ``value`` is None where nothing could be measured."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int
    """Clips (or windows, or frames: as the metric says) behind the number."""
    unit: str = ""
    bar: str | None = None
    met: bool | None = None

    @staticmethod
    def of(
        name: str,
        estimate: Estimate,
        *,
        unit: str = "",
        bar: Bar | None = None,
        guard: bool = True,
        whole: bool = False,
    ) -> "Row":
        """A row from an estimate; ``guard=False`` withholds ``met`` whatever the value (a guard metric failed).

        With ``whole`` the bar must hold the whole interval and not only the value; without an interval it is missed.
        """
        value = _finite(estimate.value)
        low, high = _finite(estimate.low), _finite(estimate.high)
        held = [value, low, high] if whole else [value]
        met = None if bar is None else (guard and all(each is not None and bar.met_by(each) for each in held))
        text = None if bar is None else f"all {bar}" if whole else str(bar)
        return Row(name=name, value=value, low=low, high=high, n=estimate.n, unit=unit, bar=text, met=met)

    def as_dict(self) -> dict[str, str | float | int | bool | None]:
        """The row as the published JSON holds it."""
        return {
            "name": self.name,
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "n": self.n,
            "unit": self.unit,
            "bar": self.bar,
            "met": self.met,
        }


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """The rows of one command with what is needed to believe them."""

    title: str
    machine: str
    command: str
    commit: str
    critics: Mapping[str, str]
    """Name of each network that judged, and the sha256 of its weights."""
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = field(default=())
    """Sentences for the reader of the printed table (what was skipped, and why)."""
    curves: Mapping[str, object] = field(default_factory=dict[str, object])
    """What rows were made from and plots are made of, as JSON; only in the file, and only where there is any."""

    def __post_init__(self) -> None:
        names = [row.name for row in self.rows]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(f"rows={twice}: every row of a table needs a name of its own")

    def row(self, name: str) -> Row:
        """The row of that name; ``KeyError`` if the table has none."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(name)

    def as_dict(self) -> dict[str, object]:
        """The published JSON: machine, command, commit, critics, notes, rows; curves where there are any."""
        published: dict[str, object] = {
            "machine": self.machine,
            "command": self.command,
            "commit": self.commit,
            "critics": dict(self.critics),
            "notes": list(self.notes),
            "rows": [row.as_dict() for row in self.rows],
        }
        return published | {"curves": dict(self.curves)} if self.curves else published

    def write_json(self, path: Path) -> None:
        """Write the published JSON to a file (UTF-8, no NaN)."""
        path.write_text(json.dumps(self.as_dict(), indent=2, allow_nan=False) + "\n", encoding="utf-8")

    def as_rich(self) -> RichTable:
        """The table for a terminal."""
        caption = "\n".join((self._origin(), *self.notes))
        table = RichTable(
            title=self.title, caption=caption, caption_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
        )
        table.add_column("row", overflow="fold")
        for heading in ("value", "95 % interval", "n"):
            table.add_column(heading, justify="right", no_wrap=True)
        for heading in ("unit", "bar", "met"):
            table.add_column(heading, no_wrap=True)
        for row in self.rows:
            met = "" if row.met is None else ("[green]yes[/]" if row.met else "[red]no[/]")
            interval = "" if row.low is None or row.high is None else f"{_show(row.low)} .. {_show(row.high)}"
            table.add_row(row.name, _show(row.value), interval, str(row.n), row.unit, row.bar or "", met)
        return table

    def _origin(self) -> str:
        critics = ", ".join(f"{name} {digest[:12]}" for name, digest in self.critics.items())
        return f"{self.machine}\n{self.command} @ {self.commit}" + (f"\ncritics: {critics}" if critics else "")


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _show(value: float | None) -> str:
    if value is None:
        return "-"
    if 0 < abs(value) < 0.01:  # a slope, of which three places would show nothing
        return f"{value:.5f}"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.3f}"
