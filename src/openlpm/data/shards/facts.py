"""What a sample says of itself in its JSON member."""

from dataclasses import dataclass, field
from typing import Any, Final, final

from openlpm.core.errors import InputError
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.pairing.part import Filming, UnitKind
from openlpm.data.parts import Rights
from openlpm.data.records import plain, structured

FORMAT: Final = 1


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """Frames one after another in one state."""

    state: str
    """A name of ``core.rig.State`` in small letters."""
    num_frames: int


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceFact:
    """A reference picture of the sample."""

    member: str
    kind: str
    """``global``, ``view`` or ``expression``."""
    subtype: int
    """Its number among those of its kind."""
    name: str
    """What it shows, for people."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class SampleFacts:
    """The JSON member: everything but pictures, sound and tracks."""

    format: int = FORMAT
    key: str
    num_frames: int
    """24 a second; the sound has ``core.units.samples_at_frame`` of them at 16 kHz."""
    size: int
    """Side of the pictures."""
    kind: UnitKind
    filming: Filming
    identity: str
    listens_to: str
    states: tuple[Run, ...]
    source: str
    """Name of the file that it is from."""
    source_sha256: str
    start_s: float
    """Where in that file the unit begins."""
    rights: Rights
    captions: Any
    """The part ``captions`` of the record, but for what lies among the tracks; None without one."""
    emotion: str
    motion: float
    references: tuple[ReferenceFact, ...] = ()
    made_by: dict[str, str] = field(default_factory=dict[str, str])
    """Fingerprints of the networks (``vae``, ``speak``, ``listen``) that made members beforehand."""

    def __post_init__(self) -> None:
        if sum(run.num_frames for run in self.states) != self.num_frames:
            raise InputError(f"sample {self.key}: its states do not fill its {self.num_frames} frames; make it again")

    @property
    def seconds(self) -> float:
        """Length."""
        return self.num_frames / FRAME_RATE_HZ


def as_json(facts: SampleFacts) -> Any:
    """For a file."""
    return plain(facts)


def read_facts(held: Any, where: str) -> SampleFacts:
    """What ``as_json`` gave.

    Raises:
        InputError: of another format, or damaged.
    """
    version = held.get("format") if isinstance(held, dict) else None
    if version != FORMAT:
        raise InputError(f"{where} holds a sample of format {version}, this program knows {FORMAT}; make it again")
    return structured(held, SampleFacts, f"a sample of {where}")
