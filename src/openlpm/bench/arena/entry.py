"""Submissions as the arena needs them: a name, and a video for each case."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, final

from openlpm.core.errors import ConfigError, InputError
from openlpm.media.video import SUFFIXES

_VIDEO = "video"
_MANIFEST = "manifest.json"
_SEEDED = re.compile(r"(?P<case>.+?)(?:\.s(?P<seed>\d+))?")
_SUFFIXES = (*SUFFIXES, ".webm", ".mkv")
_REPEATED_NAME = "two submissions are called {name}: give each manifest.json a name (and version) of its own"


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One submission."""

    name: str
    videos: Mapping[str, Path]
    """By case; of several seeds the lowest, so that raters see what would be seen first."""


def read_entry(folder: Path, known: Mapping[str, object]) -> Entry:
    """A submission folder: ``manifest.json`` and ``video/<case>.s<seed>.mp4``, or a folder of ``<case>.mp4`` alone.

    ``known`` are the ids of the benchmark's cases.

    Raises:
        InputError: no such folder, a broken manifest, or no video of a known case.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; give the folder of a submission, with its videos")
    place = folder / _VIDEO if (folder / _VIDEO).is_dir() else folder
    found: dict[str, tuple[int, Path]] = {}
    for path in sorted(place.iterdir()):
        match = _SEEDED.fullmatch(path.stem)
        if path.suffix.lower() not in _SUFFIXES or match is None or match["case"] not in known:
            continue
        seed = int(match["seed"] or 0)
        if match["case"] not in found or seed < found[match["case"]][0]:
            found[match["case"]] = (seed, path)
    if not found:
        raise InputError(f"{place} holds no video of a case of this benchmark; name videos <case>.s<seed>.mp4")
    return Entry(name=_name(folder), videos={case: path for case, (_seed, path) in found.items()})


def require_distinct(entries: Sequence[Entry]) -> None:
    """See that there is something to compare.

    Raises:
        ConfigError: fewer than two submissions, or two of one name.
        InputError: two that share no case.
    """
    if len(entries) < 2:
        raise ConfigError(f"{len(entries)} submission: an arena compares at least two; name another folder")
    for index, entry in enumerate(entries):
        for other in entries[:index]:
            if other.name == entry.name:
                raise ConfigError(_REPEATED_NAME.format(name=entry.name))
            if not other.videos.keys() & entry.videos.keys():
                raise InputError(f"{other.name} and {entry.name} have no case in common; compare what answers the same")


def _name(folder: Path) -> str:
    path = folder / _MANIFEST
    if not path.is_file():
        return folder.resolve().name
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not JSON that can be read; write it again") from error
    fields = cast("dict[str, Any]", told) if isinstance(told, dict) else {}
    name = fields.get("name")
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"{path}: name={name!r}: give the system a name")
    version = fields.get("version")
    return f"{name.strip()} {version}".strip() if version else name.strip()
