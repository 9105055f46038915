"""What the stage ``shards`` knows of a unit: the bytes that it has become, and what training balances by."""

from dataclasses import dataclass
from typing import ClassVar, final


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A unit as members of a tar file."""

    NAME: ClassVar[str] = "shards"
    key: str
    """What the names of its members begin with: the name of the unit's record in the stage before."""
    members: tuple[str, ...]
    """What they end with, sorted."""
    size_bytes: int
    """In the tar file, with headers."""
    sha256: str
    """Of these bytes."""
    motion: float
    """How much the face moves: lengths of the face a second, mean over landmarks."""
    emotion: str
    """The strongest emotion of its captions; ``neutral`` for none, empty where nobody has looked."""
