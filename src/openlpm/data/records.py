"""Records: what is known of a piece of video after a stage, as a line of a manifest with a name made of its content."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction
from typing import Any, ClassVar, Protocol, TypeVar, final

from cattrs import ClassValidationError, Converter
from cattrs.v import transform_error

from openlpm.core.errors import InputError

Json = Any
"""What JSON can hold; numbers are finite."""

_PLACES = 6
"""Decimal places of numbers that are not exact: more than any score means, few enough to be read."""


class Decision(StrEnum):
    """What a stage decided about a record."""

    KEEP = "keep"
    DROP = "drop"
    """Whole, but not wanted."""
    QUARANTINE = "quarantine"
    """Broken or suspicious: a person may want to look."""


class Part(Protocol):
    """What one stage knows: a frozen dataclass with a name for its place in the record."""

    NAME: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]


P = TypeVar("P", bound=Part)
T = TypeVar("T")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A piece of video and what stages have found out about it.

    ``parts`` are plain JSON by name, so that a manifest goes unharmed through code that does not know all of them;
    ``part`` and ``with_part`` give them types. Two records with the same content are the same record.
    """

    stage: str
    """The stage that made it."""
    parent: str | None
    """The record that it was made from; None for what was found on disk."""
    parts: Mapping[str, Json]
    decision: Decision = Decision.KEEP
    reasons: tuple[str, ...] = ()
    """Why it was not kept, as ``stage.what`` words; sorted."""
    id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", digest_of(self._content()))

    def _content(self) -> dict[str, Json]:
        return {
            "stage": self.stage,
            "parent": self.parent,
            "decision": self.decision.value,
            "reasons": list(self.reasons),
            "parts": dict(self.parts),
        }

    def has(self, kind: type[Part]) -> bool:
        """Whether a stage has left this part."""
        return kind.NAME in self.parts

    def part(self, kind: type[P]) -> P:
        """One part.

        Raises:
            InputError: the record has none, or not one of this version.
        """
        if kind.NAME not in self.parts:
            raise InputError(f"record {self.id} has no part {kind.NAME!r}: run the stage that makes it first")
        return structured(self.parts[kind.NAME], kind, f"part {kind.NAME!r} of record {self.id}")

    def with_part(self, part: Part) -> "Record":
        """The same with a part more, or another one of that name."""
        return replace(self, parts={**self.parts, part.NAME: plain(part)})

    def child(
        self, stage: str, *parts: Part, because: tuple[str, ...] = (), without: tuple[type[Part], ...] = ()
    ) -> "Record":
        """What a stage makes of this record; ``because`` drops it, ``without`` are parts that it need not carry on."""
        held = {name: part for name, part in self.parts.items() if name not in {each.NAME for each in without}}
        made = {**held, **{part.NAME: plain(part) for part in parts}}
        decision = Decision.DROP if because else Decision.KEEP
        return Record(stage=stage, parent=self.id, parts=made, decision=decision, reasons=tuple(sorted(set(because))))

    def set_aside(self, stage: str, *reasons: str) -> "Record":
        """This record in the quarantine of a stage."""
        return Record(
            stage=stage,
            parent=self.id,
            parts=self.parts,
            decision=Decision.QUARANTINE,
            reasons=tuple(sorted(set(reasons))),
        )

    def line(self) -> str:
        """The record as a line of a manifest, without its end."""
        return canonical({"id": self.id, **self._content()})


def read_line(line: str) -> Record:
    """The record of a line.

    Raises:
        InputError: no record, or one whose content is not what its name says.
    """
    try:
        held = json.loads(line)
        record = Record(
            stage=held["stage"],
            parent=held["parent"],
            parts=held["parts"],
            decision=Decision(held["decision"]),
            reasons=tuple(held["reasons"]),
        )
        named = held["id"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"a line of a manifest is no record ({error}); make that manifest again") from error
    if record.id != named:
        raise InputError(f"record {named} was changed by hand: its content is that of {record.id}; run its stage again")
    return record


def canonical(value: Json) -> str:
    """JSON that is the same for the same value, whoever writes it."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def digest_of(value: Json) -> str:
    """A name for a value: 24 hexadecimal digits."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:24]


def plain(part: object) -> Json:
    """A dataclass as JSON: fractions as text, numbers to six places."""
    return _CONVERTER.unstructure(part)


def structured(value: Json, kind: type[T], what: str) -> T:
    """The dataclass of a JSON value; unknown fields are errors.

    Raises:
        InputError: it does not fit; the text begins with ``what``.
    """
    try:
        return _CONVERTER.structure(value, kind)
    except (ClassValidationError, ValueError, TypeError, KeyError) as error:
        said = "; ".join(transform_error(error)) if isinstance(error, ClassValidationError) else str(error)
        raise InputError(f"{what} cannot be read: {said}") from error


def _converter() -> Converter:
    made = Converter(forbid_extra_keys=True)
    made.register_unstructure_hook(Fraction, str)
    made.register_structure_hook(Fraction, lambda value, _kind: Fraction(value))
    made.register_unstructure_hook(float, _rounded)
    return made


def _rounded(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{value} in a record: scores must be finite numbers")
    return round(float(value), _PLACES)


_CONVERTER = _converter()
