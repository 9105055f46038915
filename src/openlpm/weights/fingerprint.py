"""One hash for a folder of weights, so that a number can name what made it."""

import hashlib
from pathlib import Path


def folder_sha256(folder: Path) -> str:
    """One SHA-256 over the names and contents of all files of a folder."""
    digest = hashlib.sha256()
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
