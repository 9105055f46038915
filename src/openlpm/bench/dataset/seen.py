"""What a person saw in the real recordings, as the repository has it."""

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import final


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """One recording."""

    path: Path
    cuts: tuple[int, ...]
    """First frames of new shots."""
    clean: str
    """``tuning`` or ``table`` where defects may be planted in it, else empty."""


def seen_in(folder: Path | None) -> list[Seen]:
    """Those of the recordings that are in a folder (``video`` in it is looked into too)."""
    if folder is None:
        return []
    text = resources.files("openlpm.bench.dataset").joinpath("real_cuts.json").read_text(encoding="utf-8")
    files = json.loads(text)["files"]
    place = folder / "video" if (folder / "video").is_dir() else folder
    return [
        Seen(path=place / name, cuts=tuple(held["cuts"]), clean=held.get("clean", ""))
        for name, held in sorted(files.items())
        if (place / name).is_file()
    ]
