"""A metric beside its truth and its control: s = (value - control) / (truth - control), with intervals over clips.

What the critic cannot read even in the truth says nothing about a performer: such a row is shown as not measurable.
"""

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from openlpm.bench import statistics
from openlpm.bench.result import Bar, Row
from openlpm.bench.statistics import Estimate, OfSums, Values
from openlpm.core.errors import ConfigError

READABLE = 0.9
"""What the truth has to reach (or one less what it may lose, where less is better)."""
NOT_MEASURABLE = "not measurable"
"""Stands in the column of units where a number is withheld."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """What N clips add to a metric, as performed, in truth, and in a control that must fail; each (N, X)."""

    generated_NX: Values
    truth_NX: Values
    control_NX: Values
    value: OfSums
    """The metric, from the sums over clips."""
    less_is_better: bool = False

    def __post_init__(self) -> None:
        shapes = {terms.shape for terms in (self.generated_NX, self.truth_NX, self.control_NX)}
        if len(shapes) != 1 or self.generated_NX.ndim != 2:
            raise ConfigError(f"shapes {sorted(shapes)}: give (N, X) terms of the same clips three times")

    @property
    def of_truth(self) -> Estimate:
        """The metric of the truth as the critic reads it: the upper bound."""
        return statistics.of_sums(self.truth_NX, self.value)

    @property
    def measurable(self) -> bool:
        """Whether the critic reads the truth well enough."""
        truth = self.of_truth.value
        return bool((1.0 - truth if self.less_is_better else truth) >= READABLE)

    def share(self) -> Estimate:
        """s: 1 as good as the truth, 0 as bad as the control."""
        width = self.generated_NX.shape[1]

        def of(sums_EY: Values) -> Values:
            made_E, truth_E, control_E = (self.value(sums_EY[:, k * width : (k + 1) * width]) for k in range(3))
            gap_E = truth_E - control_E
            return np.where(gap_E == 0, np.nan, made_E - control_E) / np.where(gap_E == 0, 1.0, gap_E)

        return statistics.of_sums(np.concatenate([self.generated_NX, self.truth_NX, self.control_NX], axis=1), of)


def mean_of(values_N: Values) -> Values:
    """The terms of a mean: each clip's value, and 1."""
    return np.stack([values_N, np.ones_like(values_N)], axis=1)


def ratio(sums_EX: Values) -> Values:
    """The first sum over the second; NaN over nothing."""
    empty_E = sums_EX[:, 1] == 0
    return np.where(empty_E, np.nan, sums_EX[:, 0]) / np.where(empty_E, 1.0, sums_EX[:, 1])


def scored_rows(
    name: str, scored: Scored, *, bar: Bar | None = None, s_bar: Bar | None = None, guard: bool = True
) -> list[Row]:
    """``name``, and beside it ``/truth``, ``/control`` and ``/s``; a value that means nothing is moved to ``/raw``.

    ``guard=False`` withholds ``met`` of ``name``: another number says that it does not count.
    """
    made = statistics.of_sums(scored.generated_NX, scored.value)
    value, share = Row.of(name, made, bar=bar, guard=guard), share_row(name, scored, bar=s_bar)
    rows = [
        value,
        Row.of(f"{name}/truth", scored.of_truth),
        Row.of(f"{name}/control", statistics.of_sums(scored.control_NX, scored.value)),
        share,
    ]
    if made.n == 0 or scored.measurable:
        return rows
    return [withheld(value), Row.of(f"{name}/raw", made), *rows[1:]]


def share_row(name: str, scored: Scored, *, bar: Bar | None = None) -> Row:
    """The row ``name/s``, withheld where the truth cannot be read."""
    row = Row.of(f"{name}/s", scored.share(), bar=bar)
    return row if scored.generated_NX.shape[0] == 0 or scored.measurable else withheld(row)


def withheld(row: Row) -> Row:
    """The row without its number."""
    return replace(row, value=None, low=None, high=None, unit=NOT_MEASURABLE, met=None if row.bar is None else False)


def unasked(name: str, *, bar: Bar | None = None, s_bar: Bar | None = None) -> list[Row]:
    """The rows of a metric for which no clip was made."""
    nothing = Estimate.single(float("nan"), n=0)
    return [Row.of(name, nothing, bar=bar), Row.of(f"{name}/s", nothing, bar=s_bar)]
