"""The stages in their order. A stage's module is imported only when the stage is run."""

import importlib
from typing import Final

from openlpm.core.errors import InputError
from openlpm.data.stage import Stage

ORDER: Final[tuple[tuple[str, str], ...]] = (
    ("ingest", "openlpm.data.ingest.stage:INGEST"),
    ("shots", "openlpm.data.shots.stage:SHOTS"),
    ("filters", "openlpm.data.filters.stage:FILTERS"),
    ("people", "openlpm.data.people.stage:PEOPLE"),
    ("states", "openlpm.data.states.stage:STATES"),
    ("pairing", "openlpm.data.pairing.stage:PAIRING"),
    ("captions", "openlpm.data.captions.stage:CAPTIONS"),
    ("references", "openlpm.data.references.stage:REFERENCES"),
    ("shards", "openlpm.data.shards.stage:SHARDS"),
)
"""Name and place (``module:attribute``) of each stage; what one keeps is what the next one sees."""


def names() -> tuple[str, ...]:
    """All stages, first to last."""
    return tuple(name for name, _ in ORDER)


def place(name: str) -> str:
    """Where a stage is found.

    Raises:
        InputError: there is none of that name.
    """
    for known, where in ORDER:
        if known == name:
            return where
    raise InputError(f"there is no stage {name!r}; there are {', '.join(names())}")


def load(where: str) -> Stage:
    """The stage at ``module:attribute``."""
    module, _, attribute = where.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    assert isinstance(found, Stage)
    return found
