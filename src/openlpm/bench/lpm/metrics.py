"""All metrics together: their table, and the values of one clip."""

from openlpm.bench.lpm import (
    acting,
    endurance,
    expression,
    likeness,
    lips,
    listening,
    movement,
    pairing,
    quality,
    streaming,
    turns,
)
from openlpm.bench.lpm.measures import Dimension, Measure
from openlpm.bench.lpm.task import Task, Values
from openlpm.bench.lpm.view import View
from openlpm.core.errors import ConfigError

_OF_PICTURES = (lips, turns, listening, pairing, likeness, movement, quality, acting, expression, endurance)
_ORDER = list(Dimension)
MEASURES: tuple[Measure, ...] = tuple(
    sorted(
        (one for module in (*_OF_PICTURES, streaming) for one in module.MEASURES),
        key=lambda one: (_ORDER.index(one.dimension), not one.primary),
    )
)
"""Primaries first in each dimension."""


def measure_of(name: str) -> Measure:
    """The metric of a name.

    Raises:
        ConfigError: there is none.
    """
    for one in MEASURES:
        if one.name == name:
            return one
    raise ConfigError(f"{name!r} is no metric: choose one of {', '.join(one.name for one in MEASURES)}")


def values_of(task: Task, view: View) -> Values:
    """Every metric of pictures that applies to a case, bounded by its worst."""
    found: Values = {}
    for module in _OF_PICTURES:
        found |= module.score(task, view)
    return {name: measure_of(name).bounded(value) for name, value in found.items()}
