"""An entry on disk: who it is, its videos, and of a stream when every frame came."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

from openlpm.bench.lpm.case import Case
from openlpm.core.errors import InputError
from openlpm.core.units import FRAME_RATE_HZ

_JUDGES = "judges.json"


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """Who entered and how; a field that is not known is None."""

    name: str
    version: str
    weights_sha: str | None = None
    params: int | None = None
    hw: str | None = None
    precision: str | None = None
    resolution: int = 256
    fps: float = FRAME_RATE_HZ
    causal: bool | None = None
    lookahead_ms: float | None = None
    chunk_ms: float | None = None
    uses_text: bool | None = None
    uses_refs: bool | None = None
    uses_user_video: bool = False
    training_overlap_statement: str = ""
    bench: str = ""
    """Hash of the cases that were performed."""
    settings: str = ""
    judged: str = "from videos"
    """Or ``before encoding``: pictures were judged as they were made (``reading``)."""

    def write(self, folder: Path) -> None:
        """As ``manifest.json``."""
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"
        _write_whole(folder / "manifest.json", text)


@final
@dataclass(frozen=True, slots=True)
class Submission:
    """A folder with ``manifest.json``, ``video/<case>.s<seed>.mp4`` and perhaps ``stream/<case>.s<seed>.jsonl``.

    In place of videos there may be ``views/<case>.s<seed>.npz``, what judges saw, with ``views/judges.json``.
    """

    folder: Path

    @staticmethod
    def open(folder: Path) -> "Submission":
        """An entry.

        Raises:
            InputError: the folder or its manifest is missing.
        """
        submission = Submission(folder)
        submission.manifest()  # is looked at first: the rest of an entry may be broken, who it is may not
        return submission

    def manifest(self) -> dict[str, Any]:
        """Who entered.

        Raises:
            InputError: nobody says.
        """
        path = self.folder / "manifest.json"
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path} cannot be read: an entry needs a manifest with at least a name (docs/bench.md)"
            ) from error
        if not isinstance(found, dict) or not found.get("name"):
            raise InputError(f"{path} names nobody: give it a name")
        return found

    @property
    def name(self) -> str:
        """What the entry is called in tables."""
        return str(self.manifest()["name"])

    def video(self, case: Case, seed: int = 0) -> Path:
        """Where the video of a case is to be."""
        return self.folder / "video" / f"{case.id}.s{seed}.mp4"

    def view(self, case: Case, seed: int = 0) -> Path:
        """Where what judges saw of a case is, where it was judged before it was encoded."""
        return self.folder / "views" / f"{case.id}.s{seed}.npz"

    def keep_judges(self, hashes: Mapping[str, str]) -> None:
        """Say whose the views are.

        Raises:
            InputError: others have begun.
        """
        path = self.folder / "views" / _JUDGES
        if path.is_file():
            self.check_judges(hashes)
        _write_whole(path, json.dumps(dict(hashes), indent=2, sort_keys=True) + "\n")

    def check_judges(self, hashes: Mapping[str, str]) -> None:
        """That the views are of these judges.

        Raises:
            InputError: they are of others, or nobody says whose they are.
        """
        path = self.folder / "views" / _JUDGES
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{path} cannot be read: nobody knows who saw these views; make them again") from error
        if found != dict(hashes):
            raise InputError(f"{path.parent}: other judges saw these views; make them again, in a new folder")

    def stream(self, case: Case, seed: int = 0) -> Path:
        """Where the times of a streamed case are."""
        return self.folder / "stream" / f"{case.id}.s{seed}.jsonl"

    def seeds(self, case: Case) -> list[int]:
        """The seeds of which there is a video; [0] where there is none, so that a missing case is missed once."""
        return sorted(set(self._seeds(case))) or [0]

    def _seeds(self, case: Case) -> Iterator[int]:
        videos, views = self.folder / "video", self.folder / "views"
        for path in (*videos.glob(f"{case.id}.s*.mp4"), *views.glob(f"{case.id}.s*.npz")):
            number = path.stem.rpartition(".s")[2]
            if number.isdigit():
                yield int(number)


def _write_whole(path: Path, text: str) -> None:
    """Never half of it, also where several processes begin one entry."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
