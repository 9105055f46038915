"""Samples as stretches of plain tar files: the same bytes from the same members, whoever writes them and when.

A tar file is one member after another, so a sample's bytes can be made far away from the file that they end up in, and
a shard is its samples one after another with the end that tar wants.
"""

import io
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from openlpm.core.errors import InputError

END: Final = bytes(2 * tarfile.BLOCKSIZE)
"""What tar ends with."""


def fragment(key: str, members: Mapping[str, bytes]) -> bytes:
    """A sample's stretch of a tar file: its members by name, without date, owner and end.

    Raises:
        InputError: a key with a dot or a slash, behind which readers look for the name of a member.
    """
    if not key or "." in key or "/" in key:
        raise InputError(f"key={key!r}: give one without a dot or a slash, which end the key of a tar member")
    buffer = io.BytesIO()
    for name in sorted(members):
        header = tarfile.TarInfo(f"{key}.{name}")
        header.size = len(members[name])
        header.mode = 0o644
        buffer.write(header.tobuf(tarfile.USTAR_FORMAT))
        buffer.write(members[name])
        buffer.write(bytes(-len(members[name]) % tarfile.BLOCKSIZE))
    return buffer.getvalue()


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a sample lies in a shard."""

    key: str
    offset: int
    size_bytes: int
    members: Mapping[str, tuple[int, int]]
    """Offset and size of each member's content."""


def places_in(path: Path) -> Iterator[Place]:
    """The samples of a shard in their order; only headers are read.

    Raises:
        InputError: no tar file, a damaged one, or one whose samples are torn apart.
    """
    try:
        with tarfile.open(path, "r:") as tar:
            begun = ""
            members: dict[str, tuple[int, int]] = {}
            offset = end = 0
            seen: set[str] = set()
            for header in tar:
                key, _, name = header.name.partition(".")
                if key != begun:
                    if members:
                        yield Place(key=begun, offset=offset, size_bytes=header.offset - offset, members=members)
                    if key in seen:
                        raise InputError(f"{path} holds sample {key} twice; build its shards again")
                    seen.add(key)
                    begun, members, offset = key, {}, header.offset
                members[name] = (header.offset_data, header.size)
                end = header.offset_data + -(-header.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
            if members:
                yield Place(key=begun, offset=offset, size_bytes=end - offset, members=members)
    except (tarfile.TarError, OSError) as error:
        raise InputError(f"{path} cannot be read as a shard ({error}); build it again or fetch it again") from error
