"""The first stage: files become sources, or go to quarantine with a reason."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from openlpm.core.errors import ConfigError, InputError
from openlpm.data.ingest.likeness import draw_likeness, settle_likeness
from openlpm.data.ingest.probing import Limits, Refused, look_into
from openlpm.data.parts import Found, Rights, Source
from openlpm.data.records import Record, plain, structured
from openlpm.data.stage import RawFiles, Stage

_BLOCK: Final = 1 << 20


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class IngestConfig:
    """What may come in."""

    shortest_s: float = 1.0
    longest_s: float = 4 * 3600.0
    most_streams: int = 16
    most_pixels: int = 40_000_000
    """Of one frame: more is no video of people, but an attack on memory."""
    fastest_hz: float = 240.0
    most_damaged: float = 0.05
    """Share of packets that could not be read."""
    high_dynamic_range: bool = False
    """Take videos whose colours need tone mapping, as they are."""
    need_sound: bool = False
    need_licence: bool = False
    """Drop what no sidecar file gives a licence for."""
    need_training_rights: bool = False
    """Drop what no sidecar file says ``may_train`` of. Refused consent always drops."""
    like_bits: float = 5.0
    """Two sources are the same picture where on average at most so many of 64 bits of a frame differ ..."""
    like_motion: float = 0.9
    """... and what moves in them correlates so much."""

    def __post_init__(self) -> None:
        if not 0 <= self.shortest_s < self.longest_s:
            raise ConfigError(f"shortest_s={self.shortest_s}: give less than longest_s={self.longest_s}")
        if not 0 <= self.most_damaged <= 1:
            raise ConfigError(f"most_damaged={self.most_damaged}: a share is from 0 to 1")
        if not 0 <= self.like_bits <= 32:
            raise ConfigError(f"like_bits={self.like_bits}: give 0 (never) to 32 of 64 bits")


def ingest(record: Record, config: IngestConfig, raw: RawFiles) -> Sequence[Record]:
    """One file: hashed, looked into, counted."""
    found = record.part(Found)
    path = raw.path_of(found.name)
    source = Source(name=found.name, sha256="", size_bytes=found.size_bytes, rights=Rights())
    try:
        source = Source(
            name=found.name, sha256=_sha256(path), size_bytes=found.size_bytes, rights=_read_rights(found.rights)
        )
        media = look_into(path, _limits(config))
    except Refused as refused:
        return [_aside(source, refused.reason)]
    likeness = draw_likeness(path, media)
    if likeness is None:
        return [_aside(source, "no_picture")]
    because = [f"ingest.{reason}" for reason in _unwanted(source.rights, config, heard=media.sound is not None)]
    if media.high_dynamic_range and not config.high_dynamic_range:
        because.append("ingest.high_dynamic_range")
    if media.duration_s < config.shortest_s:
        because.append("ingest.too_short")
    made = _fresh(source).child("ingest", media, likeness, because=tuple(because))
    return [_without_parent(made)]


def _limits(config: IngestConfig) -> Limits:
    return Limits(
        most_streams=config.most_streams,
        most_pixels=config.most_pixels,
        longest_s=config.longest_s,
        fastest_hz=config.fastest_hz,
        most_damaged=config.most_damaged,
    )


def _unwanted(rights: Rights, config: IngestConfig, *, heard: bool) -> list[str]:
    reasons: list[str] = []
    if rights.consent == "refused":
        reasons.append("consent_refused")
    if config.need_licence and not rights.licence:
        reasons.append("no_licence")
    if config.need_training_rights and rights.may_train is not True:
        reasons.append("no_training_rights")
    if config.need_sound and not heard:
        reasons.append("no_sound")
    return reasons


def _fresh(source: Source) -> Record:
    return Record(stage="ingest", parent=None, parts={Source.NAME: plain(source)})


def _without_parent(record: Record) -> Record:
    """A record of content alone: the file that was found has a date, which is nobody's business further on."""
    return Record(stage=record.stage, parent=None, parts=record.parts, decision=record.decision, reasons=record.reasons)


def _aside(source: Source, reason: str) -> Record:
    return _without_parent(_fresh(source).set_aside("ingest", f"ingest.{reason}"))


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError:
        raise Refused("unreadable") from None
    return digest.hexdigest()


def _read_rights(text: str) -> Rights:
    if not text:
        return Rights()
    try:
        return structured(json.loads(text), Rights, "rights")
    except (InputError, ValueError):
        raise Refused("rights_unreadable") from None


INGEST: Final = Stage(
    name="ingest",
    version=1,
    purpose="probe, hash, find duplicates, carry licence and consent; what is broken goes to quarantine",
    config=IngestConfig(),
    work=ingest,
    settle=settle_likeness,
)
