"""Which cases there are: six tracks, their strata, and who is in which tier or sealed. Nothing is drawn here."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import final

from openlpm.core.errors import ConfigError
from openlpm.synth.look.identity import STYLES

DOMAINS = STYLES
"""The four ways in which the cast is drawn."""

_SEALED_EVERY = 5
"""One case in five is made only where a sealed seed is given."""


class Track(StrEnum):
    """What a case asks for."""

    SPEAKING = "S"
    LISTENING = "L"
    CONVERSATION = "C"
    TEXT = "T"
    LONG = "H"
    GENERAL = "G"


class Tier(StrEnum):
    """How much is measured; each holds the one before it."""

    SMOKE = "smoke"
    CORE = "core"
    FULL = "full"


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Stratum:
    """Cases of one kind."""

    track: Track
    name: str
    seconds: int
    full: int
    core: int
    smoke: int

    def __post_init__(self) -> None:
        if not 0 <= self.smoke <= self.core <= self.full - self.sealed:
            raise ConfigError(f"{self.name}: smoke={self.smoke}, core={self.core}, full={self.full}: tiers must nest")

    @property
    def sealed(self) -> int:
        """How many of ``full`` are sealed."""
        return self.full // _SEALED_EVERY


def _stratum(track: Track, name: str, seconds: int, *counts: int) -> Stratum:
    full, core, smoke = counts
    return Stratum(track=track, name=name, seconds=seconds, full=full, core=core, smoke=smoke)


STRATA = (
    _stratum(Track.SPEAKING, "emotion", 8, 100, 28, 6),
    _stratum(Track.SPEAKING, "face", 8, 40, 12, 2),
    _stratum(Track.SPEAKING, "language", 8, 60, 18, 3),
    _stratum(Track.SPEAKING, "voice_sounds", 8, 40, 10, 2),
    _stratum(Track.SPEAKING, "articulation", 8, 40, 12, 2),
    _stratum(Track.SPEAKING, "gesture", 8, 60, 16, 3),
    _stratum(Track.LISTENING, "feeling", 16, 70, 20, 4),
    _stratum(Track.LISTENING, "persona", 16, 30, 8, 2),
    _stratum(Track.LISTENING, "cues", 16, 50, 18, 4),
    _stratum(Track.LISTENING, "traps", 16, 30, 10, 2),
    _stratum(Track.LISTENING, "waiting", 16, 20, 4, 0),
    _stratum(Track.CONVERSATION, "exchange", 16, 50, 16, 4),
    _stratum(Track.CONVERSATION, "turns", 20, 80, 24, 4),
    _stratum(Track.CONVERSATION, "overlap", 16, 40, 12, 2),
    _stratum(Track.CONVERSATION, "barge_in", 16, 30, 8, 2),
    _stratum(Track.TEXT, "single", 6, 30, 10, 2),
    _stratum(Track.TEXT, "ordered", 12, 40, 12, 3),
    _stratum(Track.TEXT, "timed", 10, 15, 5, 1),
    _stratum(Track.TEXT, "change", 12, 15, 5, 1),
    _stratum(Track.LONG, "five_minutes", 300, 30, 12, 3),
    _stratum(Track.LONG, "quarter_hour", 900, 20, 0, 0),
    _stratum(Track.LONG, "hour", 3600, 10, 0, 0),
    _stratum(Track.GENERAL, "script", 8, 100, 40, 8),
)
"""1000 cases, 300 and 60, of which 200 are sealed."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """One case before anything is drawn for it."""

    stratum: Stratum
    index: int
    """Within its stratum."""

    @property
    def case_id(self) -> str:
        """For instance ``S-emotion-004``."""
        return f"{self.stratum.track}-{self.stratum.name}-{self.index:03d}"

    @property
    def block(self) -> int:
        """Which group of four this case is of: of G, which script."""
        return self.index // len(DOMAINS)

    @property
    def domain(self) -> str:
        """Four neighbours are of four domains, and no label of a stratum always meets the same one."""
        offset = STRATA.index(self.stratum)
        return DOMAINS[(self.index + self.block + self.index // len(DOMAINS) ** 2 + offset) % len(DOMAINS)]

    @property
    def sealed(self) -> bool:
        """Whether it is made only where a sealed seed is given; of G whole scripts are."""
        return (self.block if self.stratum.track is Track.GENERAL else self.index) % _SEALED_EVERY == _SEALED_EVERY - 1


def places(tier: Tier, *, sealed: bool = False) -> Iterator[Place]:
    """The open cases of a tier, or the sealed ones (which are of the full tier alone)."""
    for stratum in STRATA:
        found = [Place(stratum=stratum, index=index) for index in range(stratum.full)]
        if sealed:
            yield from (place for place in found if place.sealed)
        else:
            open_ones = [place for place in found if not place.sealed]
            yield from open_ones[: len(open_ones) if tier is Tier.FULL else getattr(stratum, tier.value)]
