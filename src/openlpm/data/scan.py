"""Files on disk become the first records. Nothing is opened here."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from openlpm.core.errors import InputError
from openlpm.data.parts import Found
from openlpm.data.records import Record, plain
from openlpm.data.stage import RawFiles

RIGHTS_FILE: Final = "rights.json"
"""A folder's sidecar; a file's own is its whole name with ``.rights.json`` behind it."""

_NOT_VIDEO: Final = frozenset(
    (
        ".json .jsonl .npz .npy .txt .md .csv .srt .vtt .rttm .yaml .yml .toml .html .pdf .py "
        ".wav .flac .opus .mp3 .m4a .ogg .jpg .jpeg .png .webp"
    ).split()
)
"""What lies beside videos and is passed over in folders; a file that is named itself is always taken."""


def roots_of(paths: Sequence[Path]) -> RawFiles:
    """Names for folders and files that were given.

    Raises:
        InputError: one is not there, or two have the same name.
    """
    found: dict[str, Path] = {}
    for path in paths:
        whole = path.resolve()
        if not whole.exists():
            raise InputError(f"there is no file or folder {path}")
        if whole.name in found and found[whole.name] != whole:
            raise InputError(
                f"{path} and {found[whole.name]} have the same last name; rename one, or give what holds both"
            )
        found[whole.name] = whole
    return RawFiles(roots=tuple(sorted(found.items())))


def scan(raw: RawFiles) -> Iterator[Record]:
    """A record for every file, in the order of their names; hidden files and what is plainly no video are left out."""
    for label, root in raw.roots:
        for path, name in _files(label, root):
            yield _record(path, name, root)


def _files(label: str, root: Path) -> Iterator[tuple[Path, str]]:
    if not root.is_dir():
        yield root, label
        return
    named: list[tuple[Path, str]] = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for file in files:
            if not file.startswith(".") and Path(file).suffix.lower() not in _NOT_VIDEO:
                path = Path(folder) / file
                named.append((path, (Path(label) / path.relative_to(root)).as_posix()))
    yield from sorted(named, key=lambda each: each[1])


def _record(path: Path, name: str, root: Path) -> Record:
    try:
        status = path.stat()
        size, changed = status.st_size, status.st_mtime_ns
    except OSError:  # a link to nowhere: ingest will say so
        size, changed = 0, 0
    found = Found(name=name, size_bytes=size, changed_ns=changed, rights=_rights_of(path, root))
    return Record(stage="scan", parent=None, parts={Found.NAME: plain(found)})


def _rights_of(path: Path, root: Path) -> str:
    """The nearest sidecar: the file's own, its folder's, or that of a folder above, up to the one that was given."""
    candidates = [path.with_name(path.name + ".rights.json")]
    last = root if root.is_dir() else root.parent
    for folder in path.parents:
        candidates.append(folder / RIGHTS_FILE)
        if folder == last:
            break
    for candidate in candidates:
        if candidate.is_file():
            try:
                return candidate.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                return "unreadable"
    return ""
