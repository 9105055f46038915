"""What the first stages know of a piece of video. Later stages define their parts beside themselves."""

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, final

from openlpm.core.errors import ConfigError


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A file as it lies there. It changes when the file does, and no later record holds it."""

    NAME: ClassVar[str] = "found"
    name: str
    """Folder as it was named on the command line and the way from there; with slashes everywhere."""
    size_bytes: int
    changed_ns: int
    rights: str
    """What the sidecar files say that count for it, as written; empty where there are none."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Rights:
    """Licence and consent, from a sidecar file; empty words are things that nobody has said."""

    licence: str = ""
    consent: str = ""
    """``given``, ``not needed``, ``refused`` or other words of whoever collected the videos."""
    credit: str = ""
    origin: str = ""
    may_train: bool | None = None


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """The file that a piece is from."""

    NAME: ClassVar[str] = "source"
    name: str
    sha256: str
    size_bytes: int
    rights: Rights


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Sound:
    """A sound track, as its headers say."""

    stream: int
    codec: str
    rate_hz: int
    channels: int


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Media:
    """Picture and sound of a source, counted packet by packet and not believed."""

    NAME: ClassVar[str] = "media"
    container: str
    codec: str
    stream: int
    width: int
    """As it is shown: after rotation."""
    height: int
    rotation: int
    """Degrees, counter-clockwise, that a player turns the picture by: 0, 90, 180 or 270."""
    rate: Fraction
    """Frames a second on average."""
    variable_rate: bool
    high_dynamic_range: bool
    num_packets: int
    first_pts: int
    end_pts: int
    """Just after the last frame."""
    time_base: Fraction
    """Seconds of a tick of the time stamps."""
    damaged_frames: int
    sound: Sound | None

    @property
    def duration_s(self) -> Fraction:
        """Length of the picture."""
        return (self.end_pts - self.first_pts) * self.time_base


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A stretch of a source: exact in time stamps, and in frames as a decoder counts them from the beginning."""

    NAME: ClassVar[str] = "span"
    first_pts: int
    end_pts: int
    time_base: Fraction
    first_frame: int
    num_frames: int

    def __post_init__(self) -> None:
        if self.end_pts <= self.first_pts or self.num_frames < 1:
            raise ConfigError(
                f"span of {self.num_frames} frames, {self.first_pts} to {self.end_pts}: it must have some"
            )

    @property
    def start_s(self) -> Fraction:
        """Where it begins, on the clock of the file (which may begin anywhere, even below zero)."""
        return self.first_pts * self.time_base

    @property
    def duration_s(self) -> Fraction:
        """How long it is."""
        return (self.end_pts - self.first_pts) * self.time_base
