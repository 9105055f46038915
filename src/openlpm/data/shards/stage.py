"""The last stage: units become samples, and samples shards."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from openlpm.core.errors import ConfigError
from openlpm.data.people.part import People
from openlpm.data.records import Record
from openlpm.data.shards.making import FeatureMaker, Framing, make_sample
from openlpm.data.shards.packing import pack
from openlpm.data.shards.part import Sample
from openlpm.data.shards.tarring import fragment
from openlpm.data.stage import Parcel, RawFiles, Stage
from openlpm.data.states.part import States


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ShardsConfig:
    """What a sample holds, and how large shards become."""

    size: int = 256
    """Side of the pictures."""
    crf: int = 12
    """x264's quality of pictures: smaller is better, 0 to 51."""
    reference_quality: int = 95
    """WebP's quality of references; 100 loses nothing."""
    features: str = ""
    """A model folder whose autoencoder and speech encoders make latents and speech features beforehand; ``bundled`` is
    the one of the package, empty makes none."""
    shard_mib: int = 256
    """Most of a shard; a single sample that is larger has one of its own."""
    shard_samples: int = 10_000

    def __post_init__(self) -> None:
        if self.size < 32 or self.size % 16:
            raise ConfigError(f"size={self.size}: give a multiple of 16 from 32 on, such as 256")
        if not 0 <= self.crf <= 51 or not 1 <= self.reference_quality <= 100:
            raise ConfigError(f"crf={self.crf}, reference_quality={self.reference_quality}: give 0 to 51, and 1 to 100")
        if self.shard_mib < 1 or self.shard_samples < 1:
            raise ConfigError(f"shard_mib={self.shard_mib}, shard_samples={self.shard_samples}: give 1 or more")


def shard(record: Record, config: ShardsConfig, raw: RawFiles) -> Sequence[Parcel]:
    """The sample of a unit, as the bytes that a shard will hold."""
    framing = Framing(size=config.size, crf=config.crf, reference_quality=config.reference_quality)
    facts, members = make_sample(record, raw, framing, _features(config.features))
    content = fragment(facts.key, members)
    part = Sample(
        key=facts.key,
        members=tuple(sorted(members)),
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        motion=facts.motion,
        emotion=facts.emotion,
    )
    # Tracks of all people of a clip are long, and the sample holds those that are its own.
    return [Parcel(record=record.child("shards", part, without=(People, States)), content=content)]


def _features(model: str) -> FeatureMaker | None:
    if not model:
        return None
    from openlpm.data.shards.features import features_by  # torch takes seconds to import, and few want this

    return features_by(model)


SHARDS: Final = Stage(
    name="shards",
    version=1,
    purpose="put pictures, voices, landmarks, captions and references of every unit into tar files",
    config=ShardsConfig(),
    work=shard,
    pack=pack,
)
