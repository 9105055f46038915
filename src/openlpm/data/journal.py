"""What a stage has made so far, so that a run that is killed at any moment loses and doubles nothing.

A journal is a file of lines that is only ever appended to, by one process. A line holds everything that one input has
become, with a checksum: it is there whole or not at all. Whoever opens the journal cuts off what a death left half
written. An input with a line is done; one without is to be done (again).
"""

import json
import os
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, final

from openlpm.core.errors import InputError
from openlpm.data.records import Record, canonical, read_line

_SYNC_EVERY_S = 0.5
_CHECK_BYTES = 9
"""Eight hexadecimal digits and a space."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What became of one input."""

    input_id: str
    records: tuple[Record, ...]
    cpu_s: float
    """Processor time that it took; the only thing here that differs from run to run."""
    media_s: float
    """Video that was looked at."""

    def line(self) -> bytes:
        """The entry as it is written, with its end."""
        held = {
            "input": self.input_id,
            "cpu_s": round(self.cpu_s, 4),
            "media_s": round(self.media_s, 4),
            "records": [json.loads(record.line()) for record in self.records],
        }
        content = canonical(held).encode()
        return b"%08x %s\n" % (zlib.crc32(content), content)


@final
class Journal:
    """A journal opened for appending; a context manager. Lines are on the disk within half a second."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._where: dict[str, tuple[int, int]] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        end = 0
        if path.exists():
            with path.open("rb") as file:
                for offset, line in _whole_lines(file):
                    self._where.setdefault(_input_of(line), (offset, len(line)))
                    end = offset + len(line)
        self._file = path.open("r+b" if path.exists() else "w+b")
        self._file.truncate(end)
        self._file.seek(end)
        self._end = end
        self._synced = time.monotonic()

    def __contains__(self, input_id: str) -> bool:
        return input_id in self._where

    def __len__(self) -> int:
        return len(self._where)

    def append(self, entry: Entry) -> None:
        """Write down what became of an input; an input that has a line keeps that one."""
        if entry.input_id in self._where:
            return
        line = entry.line()
        self._file.write(line)
        self._file.flush()
        self._where[entry.input_id] = (self._end, len(line))
        self._end += len(line)
        if time.monotonic() - self._synced > _SYNC_EVERY_S:
            self.sync()

    def read(self, input_id: str) -> Entry:
        """What became of an input."""
        offset, size = self._where[input_id]
        self._file.seek(offset)
        line = self._file.read(size)
        self._file.seek(self._end)
        return _entry_of(line)

    def sync(self) -> None:
        """Wait until all of it is on the disk."""
        os.fsync(self._file.fileno())
        self._synced = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sync()
        self._file.close()


def entries(path: Path) -> Iterator[Entry]:
    """All entries of a journal in the order in which they came, without touching it."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for _, line in _whole_lines(file):
            yield _entry_of(line)


def _whole_lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Lines up to the first that is torn."""
    offset = 0
    for line in file:
        if not line.endswith(b"\n") or not _is_whole(line):
            return
        yield offset, line
        offset += len(line)


def _is_whole(line: bytes) -> bool:
    try:
        return int(line[: _CHECK_BYTES - 1], 16) == zlib.crc32(line[_CHECK_BYTES:-1])
    except ValueError:
        return False


def _input_of(line: bytes) -> str:
    return json.loads(line[_CHECK_BYTES:])["input"]


def _entry_of(line: bytes) -> Entry:
    held = json.loads(line[_CHECK_BYTES:])
    return Entry(
        input_id=held["input"],
        records=tuple(read_line(canonical(record)) for record in held["records"]),
        cpu_s=held["cpu_s"],
        media_s=held["media_s"],
    )


def write_whole(path: Path, lines: Iterator[str] | Sequence[str]) -> None:
    """A text file that is there with all of its lines, or not changed at all, whatever happens meanwhile.

    Raises:
        InputError: it cannot be written.
    """
    write_bytes_whole(path, (f"{line}\n".encode() for line in lines))


def write_bytes_whole(path: Path, blocks: Iterable[bytes]) -> None:
    """The same for a file of bytes.

    Raises:
        InputError: it cannot be written.
    """
    draft = path.with_name(f".{path.name}.part")
    try:
        with draft.open("wb") as file:
            for block in blocks:
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error
