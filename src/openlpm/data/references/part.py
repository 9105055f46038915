"""What the stage ``references`` knows of a unit: frames that could be references, and those that were chosen."""

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Final, final

from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.parts import Span
from openlpm.dit.condition import ReferenceKind
from openlpm.synth.look.references import SUBTYPES


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """One frame of a source that shows a person in a way that has a name."""

    kind: ReferenceKind
    """``GLOBAL``, ``VIEW`` or ``EXPRESSION``."""
    subtype: str
    """One of ``synth.look.references.SUBTYPES`` of that kind."""
    span: Span
    """The clip that it is a frame of; the source is that of the record."""
    frame: int
    """24 a second, from the beginning of that clip."""
    square: tuple[float, float, float]
    """Left, top and side of what is shown, in pixels of the source as it is shown."""
    fit: float
    """How much it is what its name says, 0 to 1."""
    sharpness: float
    face_pixels: float
    """Longer side of the face in the source."""
    score: float
    """All of these together: of two frames of the same name the higher one is taken."""

    @property
    def at_s(self) -> Fraction:
        """When it is shown, on the clock of the file."""
        return self.span.start_s + Fraction(self.frame, FRAME_RATE_HZ)

    @property
    def subtype_index(self) -> int:
        """Its place among the names of its kind, as ``dit.condition.ReferenceSlot`` counts."""
        return names_of(self.kind).index(self.subtype)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Candidates:
    """Frames of one unit that other units of the same person may take, at most a few of each name."""

    NAME: ClassVar[str] = "candidates"
    references: tuple[Reference, ...]


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class References:
    """What was chosen for a unit: at most one of each name, none of them from the unit itself."""

    NAME: ClassVar[str] = "references"
    references: tuple[Reference, ...]
    """Global first, then views, then expressions."""


ORDER: Final = tuple((ReferenceKind(kind), name) for kind, names in SUBTYPES.items() for name in names)
"""Every reference that there may be: global, views, expressions."""


def names_of(kind: ReferenceKind) -> tuple[str, ...]:
    """The subtypes of a kind, in the order in which they are counted."""
    return next(names for known, names in SUBTYPES.items() if known == kind.value)
