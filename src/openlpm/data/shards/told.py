"""What captions and references of a unit give to its sample, and what a sample is told stretch by stretch."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.emotion import EMOTIONS
from openlpm.core.rig import State
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.captions.part import Captions, Tag
from openlpm.data.captions.tags import Group
from openlpm.data.captions.wording import Person, Stretch, content_of, said_of
from openlpm.data.pairing.part import UnitKind
from openlpm.data.records import Record, structured
from openlpm.data.references.part import References, names_of
from openlpm.data.shards.facts import ReferenceFact, SampleFacts
from openlpm.data.stage import RawFiles
from openlpm.synth.act.telling import Told

_LEAST_FELT: Final = 0.15
"""Mean intensity over a unit below which nothing in particular is felt."""
_TRACKS: Final = ("face", "sharpness")
"""What captions hold frame by frame: it lies among the tracks of a sample."""


def emotion_of(record: Record) -> str:
    """The strongest emotion of a unit's captions, ``neutral`` where there is hardly one; empty without captions."""
    if not record.has(Captions):
        return ""
    felt: dict[str, float] = {}
    for tag in record.part(Captions).tags:
        if tag.group is Group.EMOTION:
            felt[tag.name] = felt.get(tag.name, 0.0) + tag.certainty * (tag.end_s - tag.start_s)
    strongest = max(sorted(felt), key=lambda name: felt[name], default=EMOTIONS[0])
    length_s = record.parts["unit"]["num_frames"] / FRAME_RATE_HZ
    return strongest if felt.get(strongest, 0.0) >= _LEAST_FELT * length_s else EMOTIONS[0]


def captions_of(record: Record) -> Mapping[str, Any] | None:
    """The captions as JSON, without what they hold frame by frame."""
    if not record.has(Captions):
        return None
    return {name: value for name, value in record.parts[Captions.NAME].items() if name not in _TRACKS}


def face_track_of(record: Record) -> Mapping[str, NDArray[np.float32]]:
    """``face_FR``: what was read of the face in every frame, in the order of ``captions.tags.FACE_CHANNELS``."""
    return {"face_FR": record.part(Captions).face.unpack()} if record.has(Captions) else {}


def references_of(record: Record, raw: RawFiles, size: int) -> Iterator[tuple[ReferenceFact, NDArray[np.uint8]]]:
    """The reference pictures of a unit with what they show; a unit without the part has none."""
    if not record.has(References):
        return
    # Whoever trains imports this and may have no PyAV.
    from openlpm.data.references.pictures import reference_pictures

    for shown in reference_pictures(record, raw, size):
        kind, subtype = shown.kind.value, shown.subtype
        fact = ReferenceFact(
            member=f"ref_{kind}_{subtype}.webp", kind=kind, subtype=subtype, name=names_of(shown.kind)[subtype]
        )
        yield fact, shown.picture_HWC


@final
@dataclass(frozen=True, slots=True)
class Telling:
    """A sample as captions tell it."""

    key: str
    kind: UnitKind
    state_F: NDArray[np.int8]
    tags: tuple[Tag, ...]
    person: Person
    lasting: str

    @classmethod
    def of(cls, facts: SampleFacts, state_F: NDArray[np.int8]) -> "Telling | None":
        """That of a sample; None if nobody has said anything of it.

        Raises:
            InputError: its captions are of another kind.
        """
        held = facts.captions
        if held is None:
            return None
        where = f"captions of sample {facts.key}"
        tags = structured(held.get("tags"), tuple[Tag, ...], where)
        person = Person(appearance=str(held.get("appearance", "")))
        return cls(facts.key, facts.kind, state_F, tags, person, str(held.get("lasting", "")))

    def stretch(self, first_frame: int, num_frames: int) -> Told:
        """The caption of some frames by themselves, always in the same words; times count from the first of them.

        Of frames in which the person only listens, only what lasts is told: the rest has to follow from what is heard.
        """
        stretch = Stretch(first_frame=first_frame, end_frame=first_frame + num_frames)
        if (self.state_F[stretch.first_frame : stretch.end_frame] == State.LISTEN).all():
            return Told(caption=self.lasting, acts=False)
        digest = hashlib.sha256(f"{self.key} {first_frame} {num_frames}".encode()).digest()
        said = said_of(self.tags, self.state_F, self.person, stretch, int.from_bytes(digest[:4], "big") >> 1)
        return Told(caption=said, acts=bool(content_of(self.tags, self.state_F, self.person, stretch).steps))
