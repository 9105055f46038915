"""A stage: a pure function from a record to records, with a version and a configuration.

What a stage makes of a record depends on that record, the bytes it names, the stage's version and its configuration,
and on nothing else: no clock, no chance, no other record. So (stage, version, configuration, input) names an output,
and what has been made need not be made again. A new stage is a module with a ``Stage`` in it and a line in
``registry.ORDER``.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from openlpm.core.errors import ConfigError, InputError
from openlpm.core.fields import as_json
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.pairing.part import Unit
from openlpm.data.parts import Media, Source, Span
from openlpm.data.records import Record, digest_of


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class RawFiles:
    """Where sources lie on this machine: folder (or single file) by the first word of their names."""

    roots: tuple[tuple[str, Path], ...]

    def path_of(self, name: str) -> Path:
        """The file of a source's name.

        Raises:
            InputError: it belongs to no folder that was given.
        """
        first, _, rest = name.partition("/")
        for label, root in self.roots:
            if label == first:
                return root / rest if rest else root
        raise InputError(f"{name} is in none of the folders of this dataset; give its folder again")

    def source(self, record: Record) -> Path:
        """The file that a record is a piece of."""
        return self.path_of(record.part(Source).name)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    """A record with bytes that are no part of it, for ``Stage.pack`` to put away."""

    record: Record
    content: bytes


Work = Callable[[Record, Any, RawFiles], Sequence[Record | Parcel]]
Settle = Callable[[Iterable[Record], Any], Iterator[Record]]
Pack = Callable[[Iterable[Record], Any, Path], None]
"""All records of the manifest, the configuration, and the stage's folder."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """One step of the pipeline."""

    name: str
    version: int
    """Raised whenever the same input would now give another output."""
    purpose: str
    """One line for those who look."""
    config: Any
    """The configuration's defaults: a frozen dataclass of plain values."""
    work: Work
    """The function itself, at module level: worker processes find it by its module."""
    settle: Settle | None = None
    """Looks over all outputs in the order of the manifest and may change its mind (duplicates, pairs). It runs when
    everything is there, in one process, and must be cheap."""
    pack: Pack | None = None
    """Puts what parcels hold where it belongs in the stage's folder, whole or not at all. It runs after every run of
    the stage, in one process, and finds there what it has put away earlier."""

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ConfigError(f"name={self.name!r}: a stage's name is one word, for it names folders and options")
        if self.version < 1:
            raise ConfigError(f"version={self.version}: versions count from 1")

    def folder_name(self, config: object) -> str:
        """The folder of what this version makes with a configuration."""
        return f"{self.name}-{digest_of([self.name, self.version, as_json(config)])[:12]}"


def seconds_of(record: Record) -> float:
    """How much video a record stands for; 0 while nobody knows. A unit stands for that of its person."""
    if record.has(Unit):
        return record.parts[Unit.NAME]["num_frames"] / FRAME_RATE_HZ
    if record.has(Span):
        return float(record.part(Span).duration_s)
    return float(record.part(Media).duration_s) if record.has(Media) else 0.0


def place_of(record: Record) -> tuple[str, int, str]:
    """Where a record belongs in a manifest: by source, then time, then content."""
    found = record.parts.get("source") or record.parts.get("found") or {}
    span = record.parts.get("span") or {}
    return found.get("name", ""), span.get("first_pts", 0), record.id
