"""What the stage ``pairing`` makes of a clip: a unit for each person, with the voices that this person says and hears.

A unit is a stretch of one person in one clip, all of it of known states. Stages behind this one see units only.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, final

from openlpm.data.packed import Packed


class UnitKind(StrEnum):
    """What a unit is footage of; the shares of the paper's figure are counted by it."""

    SPEAK = "speak"
    LISTEN = "listen"
    CONVERSATION = "conversation"
    """Both within one unit."""
    IDLE = "idle"


class Filming(StrEnum):
    """How the two parties of a conversation are shown."""

    ALONE = "alone"
    """Nobody else is heard or seen."""
    CUT = "cut"
    """Shot and reverse shot: the partner is in other shots of the same source, or never seen."""
    SIDE_BY_SIDE = "side_by_side"


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """A stretch of sound, 16 kHz samples from the first frame of the unit."""

    first_sample: int
    end_sample: int


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """One person for a while: the single-person clip that training sees."""

    NAME: ClassVar[str] = "unit"
    person: int
    """Index into ``people.part.People.persons`` of the clip."""
    first_frame: int
    """In frames of the clip (24 a second)."""
    num_frames: int
    kind: UnitKind
    filming: Filming
    states: Packed
    """int8 (F,), ``core.rig.State``; never ``rule.DISCARD``."""
    crops: Packed
    """Left, top and side (F, 3) in pixels of the source as it is shown."""
    own: tuple[Stretch, ...]
    """Where the person speaks: the speaker-only track is the sound of the source within these, faded at the edges, and
    silence elsewhere."""
    partner: tuple[Stretch, ...]
    """Where somebody else does: the listener-only track, likewise."""
    identity: str
    """Same word, same person: across the clips of a source, as far as looks tell. Made of content, never of a path."""
    listens_to: str
    """Identity of the partner; empty where nobody knows who it is or nobody speaks."""
