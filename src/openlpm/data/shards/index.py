"""The index of a folder of shards: which files count, and how to see that they are whole.

``index.json`` is replaced at once and last, so that it never names a file that is not whole; files that it does not
name do not count.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from openlpm.core.errors import InputError
from openlpm.data.journal import write_whole
from openlpm.data.records import plain, structured

NAME: Final = "index.json"
FORMAT: Final = 1
_BLOCK: Final = 1 << 20


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ShardEntry:
    """One tar file."""

    name: str
    sha256: str
    size_bytes: int
    num_samples: int
    seconds: float


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ShardIndex:
    """All that count, in order."""

    format: int = FORMAT
    shards: tuple[ShardEntry, ...]
    num_samples: int
    seconds: float
    size: int
    """Side of the pictures."""

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise InputError(f"shards of format {self.format}, this program knows {FORMAT}; build them again")


def write_index(folder: Path, index: ShardIndex) -> None:
    """Let these shards count from now on."""
    write_whole(folder / NAME, json.dumps(plain(index), indent=1, sort_keys=True).splitlines())


def read_index(folder: Path) -> ShardIndex:
    """The index of a folder.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    path = folder / NAME
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{folder} holds no shards: there is no {NAME}; run openlpm data build") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}); run openlpm data run shards") from error
    return structured(held, ShardIndex, str(path))


def sha256_of(path: Path) -> str:
    """Of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
