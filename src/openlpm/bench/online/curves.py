"""Measured streams as they are kept: rows are made from these, and from those of several runs together."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import numpy as np
from cattrs.errors import BaseValidationError
from cattrs.preconf.json import make_converter

from openlpm.bench.online.drift import ASPECTS, CATCHES, Series, level_rows, slope_rows
from openlpm.bench.online.faults import Fault
from openlpm.bench.online.survival import Life, kaplan_meier, survival_rows
from openlpm.bench.result import Bar, Row
from openlpm.bench.statistics import Estimate
from openlpm.core.errors import InputError

COST_BAR = Bar(at_least=0.95, at_most=1.05)
DEADLY = (Fault.NONE, Fault.MORPH, Fault.FADE, Fault.FREEZE)
"""The rendered streams of which it is said who survives: none but the first may."""
_DIGITS = 5


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """One stream."""

    seed: int
    """Of its character."""
    scores: dict[str, list[float]]
    """``drift.ASPECTS``, one number a bin."""
    life: Life

    @staticmethod
    def of(seed: int, scores: dict[str, Series], life: Life) -> "Curve":
        """Rounded, as a file keeps it."""
        kept = {name: [round(float(value), _DIGITS) for value in series_M] for name, series_M in scores.items()}
        return Curve(seed=seed, scores=kept, life=life)

    def first(self, bins: int) -> dict[str, Series]:
        """The scores of its first bins."""
        return {name: np.array(series[:bins]) for name, series in self.scores.items()}


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """Streams that were made side by side, in one column."""

    minutes: float
    streams: list[Curve]
    chunk_ms: list[float]
    """Median time of a chunk of all streams, one number a bin; empty for streams that were rendered."""

    def first(self, bins: int, *, bin_minutes: float) -> "Run":
        """The run as if it had been stopped then; who died later is alive."""
        minutes = bins * bin_minutes
        streams = [
            Curve(
                seed=each.seed,
                scores={name: series[:bins] for name, series in each.scores.items()},
                life=each.life if each.life.minutes <= minutes else Life(minutes=minutes, cause=None),
            )
            for each in self.streams
        ]
        return Run(minutes=minutes, streams=streams, chunk_ms=self.chunk_ms[:bins])


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Curves:
    """All that was measured of long streams."""

    bin_minutes: float
    round_bins: int
    slope_bins: int
    """Bins from the beginning over which slopes are told."""
    columns: dict[str, Run]
    """By the suffix of their rows."""
    controls: dict[str, Run]
    """By fault."""

    def as_json(self) -> dict[str, Any]:
        """As a table's file keeps it, with the curves of survival for whoever draws them."""
        told = make_converter().unstructure(self)
        return told | {"survival": {name: kaplan_meier(_lives(run)) for name, run in self.columns.items()}}


def rows_of(curves: Curves) -> list[Row]:
    """Slopes, scores and survival of all columns, and those that the truth and the broken streams have."""
    rows: list[Row] = []
    for suffix, run in curves.columns.items():
        rows += _slopes(curves, run, curves.slope_bins, suffix)
        bins = len(run.streams[0].scores[ASPECTS[0]])
        if bins > curves.slope_bins:
            rows += _slopes(curves, run, bins, f"{suffix}/whole")
        rows += level_rows([stream.first(bins) for stream in run.streams], suffix)
        rows += survival_rows(_lives(run), minutes=run.minutes, suffix=suffix)
        if len(run.chunk_ms) > 1:
            ratio = Estimate.single(run.chunk_ms[-1] / run.chunk_ms[0], n=len(run.chunk_ms))
            rows.append(Row.of(f"cost_ratio_streams{suffix}", ratio, bar=COST_BAR))
    for name, run in curves.controls.items():
        fault = Fault(name)
        wanted = [aspect for aspect in ASPECTS if fault is Fault.NONE or CATCHES[aspect] is fault]
        slopes = _slopes(curves, run, curves.slope_bins, f"/{fault}")
        kept = [row for row in slopes if row.name.split("_", 1)[0] in wanted]
        rows += [replace(row, bar=None, met=None) for row in kept]
        if fault in DEADLY:
            row = survival_rows(_lives(run), minutes=run.minutes, suffix=f"/{fault}")[0]
            rows.append(replace(row, bar=None, met=None))
    return rows


def joined_curves(parts: Sequence[Curves]) -> Curves:
    """Streams of several runs of one kind as if they had been one, as long as the shortest.

    Raises:
        InputError: the runs differ in what a bin is, or over which time slopes are told; or a stream is in two of them.
    """
    first, joined = parts[0], {}
    for part in parts[1:]:
        same = ("bin_minutes", "round_bins", "slope_bins")
        if (
            any(getattr(part, name) != getattr(first, name) for name in same)
            or part.columns.keys() != first.columns.keys()
        ):
            raise InputError("the curves are of streams of different kinds: measure all of them alike")
    for suffix in first.columns:
        whole = [part.columns[suffix] for part in parts]
        bins = min(len(each.streams[0].scores[ASPECTS[0]]) for each in whole)
        whole = [each.first(bins, bin_minutes=first.bin_minutes) for each in whole]
        streams = [stream for each in whole for stream in each.streams]
        seeds = [stream.seed for stream in streams]
        if len(set(seeds)) != len(seeds):
            raise InputError("the curves hold a stream twice: give runs with --first apart")
        joined[suffix] = replace(whole[0], streams=streams)
    controls = {name: run for part in parts for name, run in part.controls.items()}
    for name, run in controls.items():
        streams = [stream for part in parts if name in part.controls for stream in part.controls[name].streams]
        controls[name] = replace(run, streams=streams)
    return replace(first, columns=joined, controls=controls)


def load_curves(path: Path) -> Curves:
    """What an earlier table's file keeps of its streams.

    Raises:
        InputError: there is no such file, or it holds no streams.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))["curves"]
        told.pop("survival", None)
        return make_converter(forbid_extra_keys=True).structure(told, Curves)
    except (OSError, ValueError, KeyError, TypeError, BaseValidationError) as error:
        raise InputError(f"{path} holds no streams: give a --json file of `openlpm bench online`") from error


def _slopes(curves: Curves, run: Run, bins: int, suffix: str) -> list[Row]:
    return slope_rows(
        [stream.first(bins) for stream in run.streams],
        bin_minutes=curves.bin_minutes,
        round_bins=curves.round_bins,
        suffix=suffix,
    )


def _lives(run: Run) -> list[Life]:
    return [stream.life for stream in run.streams]
