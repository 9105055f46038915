"""Bytes that workers have made and nobody has packed yet: a file each, there whole or not at all."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import final

from openlpm.data.journal import write_bytes_whole


@final
class Parcels:
    """A folder of parcels by the names of their records; made when the first one comes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, record_id: str, content: bytes) -> None:
        """Keep a parcel, on the disk when this returns; the same name holds the same bytes."""
        self._folder.mkdir(parents=True, exist_ok=True)
        write_bytes_whole(self._folder / record_id, [content])

    def get(self, record_id: str) -> bytes | None:
        """What a parcel holds; None if it is not here (any more)."""
        path = self._folder / record_id
        return path.read_bytes() if path.is_file() else None

    def names(self) -> Iterator[str]:
        """Whose parcels are here."""
        if self._folder.is_dir():
            yield from sorted(path.name for path in self._folder.iterdir() if not path.name.startswith("."))

    def clear(self) -> None:
        """All of it has found its place."""
        shutil.rmtree(self._folder, ignore_errors=True)
