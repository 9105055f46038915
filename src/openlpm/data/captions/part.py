"""What the stage ``captions`` knows of a unit: tags with times, and what is said of the whole and of its parts."""

from dataclasses import dataclass
from typing import ClassVar, final

from openlpm.data.captions.tags import Group
from openlpm.data.packed import Packed


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Tag:
    """Something that is seen or heard for a while."""

    group: Group
    name: str
    start_s: float
    """From the first frame of the unit."""
    end_s: float
    certainty: float
    """0 to 1; of emotions: how strong they are."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """A stretch that is said something of; it begins and ends with a sentence of the person or between two."""

    first_frame: int
    """From the first frame of the unit; segments follow one another without gaps."""
    end_frame: int
    caption: str
    words: str = ""
    """What the person says, where somebody wrote it down."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Captions:
    """All that can be said of a unit."""

    NAME: ClassVar[str] = "captions"
    caption: str
    """What a model is told of the clip. Of units that only listen it is ``lasting``: what a listener does has to follow
    from what is heard."""
    dense: str
    """Everything in its order, as long as it takes, whatever the unit is."""
    lasting: str
    """Only what does not change with time: looks, character, relationship."""
    appearance: str
    """Such as "a man with a hat"."""
    segments: tuple[Segment, ...]
    tags: tuple[Tag, ...]
    """By beginning."""
    face: Packed
    """What was read of the face in every frame, (F, channels) in the order of ``tags.FACE_CHANNELS`` and their units;
    NaN where the face was not seen."""
    sharpness: Packed
    """How much of the finest detail a face has, (F,); NaN likewise."""
    described_by: str
    """``measured`` or the model that found the words."""
    heard_by: str
    """The model that wrote down what is said; empty: nobody did."""
