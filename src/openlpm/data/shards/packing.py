"""From parcels to shards: samples in the order of their keys, which is one of chance but always the same.

What is put where is known before a byte is written, from the sizes and hashes in the records. A shard's name says what
is in it, so one that is there is whole and the right one, and a run that was killed goes on with the next.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, final

from openlpm.core.errors import InputError
from openlpm.data.journal import write_bytes_whole
from openlpm.data.parcels import Parcels
from openlpm.data.records import Decision, Record, digest_of
from openlpm.data.shards.index import NAME, ShardEntry, ShardIndex, read_index, sha256_of, write_index
from openlpm.data.shards.part import Sample
from openlpm.data.shards.tarring import END, places_in
from openlpm.data.stage import seconds_of

FOLDER = "shards"
"""In the folder of the stage."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class _Packed:
    """A sample on its way."""

    key: str
    record_id: str
    size_bytes: int
    sha256: str
    seconds: float


@final
@dataclass(slots=True)
class _Shard:
    """What goes into one file."""

    number: int
    samples: list[_Packed] = field(default_factory=list[_Packed])
    size_bytes: int = len(END)

    @property
    def name(self) -> str:
        return f"{self.number:05d}-{digest_of([each.sha256 for each in self.samples])[:12]}.tar"


def pack(records: Iterable[Record], config: Any, folder: Path) -> None:
    """Put everything that was kept into ``folder/shards``; see ``Stage.pack``.

    Raises:
        InputError: a sample is nowhere any more, or the folder cannot be written.
    """
    wanted = _planned(records, config.shard_mib << 20, config.shard_samples)
    parcels, target = Parcels(folder / "parcels"), folder / FOLDER
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror or error}") from error
    known = {entry.name: entry for entry in read_index(target).shards} if (target / NAME).exists() else {}
    missing = [shard for shard in wanted if not (target / shard.name).is_file()]
    earlier = _earlier(target) if missing else {}
    for shard in missing:
        write_bytes_whole(target / shard.name, _bytes_of(shard, parcels, earlier))
    entries = tuple(_entry(target, shard, known.get(shard.name)) for shard in wanted)
    index = ShardIndex(
        shards=entries,
        num_samples=sum(entry.num_samples for entry in entries),
        seconds=sum(each.seconds for shard in wanted for each in shard.samples),
        size=config.size,
    )
    write_index(target, index)
    counting = {NAME, *(entry.name for entry in entries)}
    for path in target.iterdir():
        if path.name not in counting:
            path.unlink()
    parcels.clear()


def _planned(records: Iterable[Record], most_bytes: int, most_samples: int) -> list[_Shard]:
    """Samples by key, cut where a shard would become too large; one that is larger by itself has a shard of its own."""
    samples: list[_Packed] = []
    for record in records:
        if record.decision is Decision.KEEP:
            sample = record.part(Sample)
            samples.append(
                _Packed(
                    key=sample.key,
                    record_id=record.id,
                    size_bytes=sample.size_bytes,
                    sha256=sample.sha256,
                    seconds=seconds_of(record),
                )
            )
    shards: list[_Shard] = []
    for sample in sorted(samples, key=lambda each: each.key):
        last = shards[-1] if shards else None
        if last is None or len(last.samples) == most_samples or last.size_bytes + sample.size_bytes > most_bytes:
            shards.append(last := _Shard(number=len(shards)))
        last.samples.append(sample)
        last.size_bytes += sample.size_bytes
    return shards


def _earlier(target: Path) -> Mapping[str, tuple[Path, int, int]]:
    """Where samples lie in the shards that are there: file, offset and size by key."""
    found: dict[str, tuple[Path, int, int]] = {}
    for path in sorted(target.glob("*.tar")):
        with suppress(InputError):  # what cannot be read is no place to take something from
            found |= {place.key: (path, place.offset, place.size_bytes) for place in places_in(path)}
    return found


def _bytes_of(shard: _Shard, parcels: Parcels, earlier: Mapping[str, tuple[Path, int, int]]) -> Iterator[bytes]:
    for sample in shard.samples:
        content = parcels.get(sample.record_id)
        if content is None and sample.key in earlier:
            path, offset, size = earlier[sample.key]
            with path.open("rb") as file:
                file.seek(offset)
                content = file.read(size)
        if content is None or sha256(content).hexdigest() != sample.sha256:
            raise InputError(
                f"the content of sample {sample.key} is lost (its record is there): run openlpm data run shards --anew"
            )
        yield content
    yield END


def _entry(target: Path, shard: _Shard, known: ShardEntry | None) -> ShardEntry:
    path = target / shard.name
    size = path.stat().st_size
    if size != shard.size_bytes:
        raise InputError(f"{path} has {size} bytes instead of {shard.size_bytes}: delete it and run the stage --anew")
    return ShardEntry(
        name=shard.name,
        sha256=known.sha256 if known is not None else sha256_of(path),
        size_bytes=size,
        num_samples=len(shard.samples),
        seconds=sum(each.seconds for each in shard.samples),
    )
