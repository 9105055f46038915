"""Shards as whoever trains sees them: samples one after another, members decoded when they are asked for."""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import InputError
from openlpm.core.units import samples_at_frame
from openlpm.data.dataset import Dataset
from openlpm.data.shards.facts import ReferenceFact, SampleFacts, read_facts
from openlpm.data.shards.index import NAME, ShardIndex, read_index
from openlpm.data.shards.packing import FOLDER
from openlpm.data.shards.tarring import Place, places_in
from openlpm.media.picture import decode_picture

STAGE: Final = "shards"


def folder_of(dataset: Path) -> Path:
    """The folder with the shards of a dataset, or one with shards that was brought here alone.

    Raises:
        InputError: neither is there.
    """
    if (dataset / NAME).is_file():
        return dataset
    held = Dataset(folder=dataset).stages().get(STAGE)
    if held is None:
        raise InputError(
            f"{dataset} holds no shards: give the folder of a dataset that openlpm data build has finished"
        )
    return Dataset(folder=dataset).manifest(held["folder"]).parent / FOLDER


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One sample in a shard that lies on this machine."""

    path: Path
    place: Place

    @property
    def key(self) -> str:
        """The name of its unit."""
        return self.place.key

    def facts(self) -> SampleFacts:
        """What it says of itself."""
        try:
            held = json.loads(self.member("json"))
        except ValueError as error:
            raise InputError(f"{self.path}: sample {self.key} is damaged ({error}); build its shard again") from error
        return read_facts(held, f"{self.path}")

    def member(self, name: str) -> bytes:
        """The bytes of a member.

        Raises:
            InputError: it has none of that name.
        """
        if name not in self.place.members:
            raise InputError(f"{self.path}: sample {self.key} has no {name}; build its shard again")
        offset, size = self.place.members[name]
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(size)

    def frames(self, first_frame: int = 0, num_frames: int | None = None) -> NDArray[np.uint8]:
        """Its pictures, 8-bit RGB (F, size, size, 3): all, or some from a frame on."""
        # Whoever trains on drawn performers alone imports this and may have no PyAV.
        from openlpm.media import film

        return film.decoded(self.member("mp4"), first_frame=first_frame, num_frames=num_frames)

    def voices(self, num_frames: int) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
        """What its person says and hears, as long as so many frames.

        Raises:
            InputError: they are shorter.
        """
        wanted = samples_at_frame(num_frames)
        from openlpm.media import flac

        own_A, partner_A = (flac.decoded(self.member(f"{name}.flac")) for name in ("speak", "listen"))
        if min(len(own_A), len(partner_A)) < wanted:
            raise InputError(f"{self.path}: the voices of sample {self.key} are shorter than its pictures")
        return own_A[:wanted], partner_A[:wanted]

    def tracks(self) -> Mapping[str, NDArray[Any]]:
        """``states_F``, ``points_FP2``, ``boxes_F4`` and ``turns_F3``, in pixels of its pictures."""
        return self._arrays("tracks.npz")

    def reference(self, fact: ReferenceFact) -> NDArray[np.uint8]:
        """A reference picture, 8-bit RGB."""
        return decode_picture(io.BytesIO(self.member(fact.member)), f"{self.path}: {self.key}.{fact.member}")

    def features(self, part: str, wanted: str) -> Mapping[str, NDArray[Any]] | None:
        """What was made beforehand, if the network ``part`` that made it has the fingerprint ``wanted``; else None."""
        if self.facts().made_by.get(part) != wanted:
            return None
        return self._arrays("features.npz")

    def _arrays(self, member: str) -> Mapping[str, NDArray[Any]]:
        try:
            with np.load(io.BytesIO(self.member(member)), allow_pickle=False) as held:
                return {name: held[name] for name in held.files}
        except (ValueError, OSError) as error:
            raise InputError(f"{self.path}: {self.key}.{member} is damaged ({error}); build its shard again") from error


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ShardSet:
    """All shards of a folder that count."""

    folder: Path
    index: ShardIndex

    @classmethod
    def opened(cls, dataset: Path) -> "ShardSet":
        """The shards of a dataset or of a folder.

        Raises:
            InputError: there are none, or one that the index names is missing or of another size.
        """
        folder = folder_of(dataset)
        index = read_index(folder)
        for entry in index.shards:
            path = folder / entry.name
            if not path.is_file() or path.stat().st_size != entry.size_bytes:
                raise InputError(
                    f"{path} is missing or has been cut off: fetch it again, or run openlpm data run shards"
                )
        return cls(folder=folder, index=index)

    def samples(self) -> Iterator[Sample]:
        """All samples in their order; only headers are read."""
        for entry in self.index.shards:
            path = self.folder / entry.name
            for place in places_in(path):
                yield Sample(path=path, place=place)
