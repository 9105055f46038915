"""What the stage ``states`` knows of a clip: who speaks, listens or idles in every frame."""

from dataclasses import dataclass
from typing import ClassVar, final

from openlpm.data.packed import Packed


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class States:
    """Of each person of ``people.part.People``, in the same order, the states of the person's own frames."""

    NAME: ClassVar[str] = "states"
    states: tuple[Packed, ...]
    """int8 (F,) each: ``core.rig.State`` or ``rule.DISCARD``."""
    speech: Packed
    """How likely anybody is heard (F of the clip,), steps of 1/100."""
    offset_frames: int
    """How late the sound is; 0 where it cannot be told."""
    offset_margin: float
    """How much better the mouths fit there than elsewhere."""
