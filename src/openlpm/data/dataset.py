"""A dataset in the making: a folder with a folder for each stage and configuration.

dataset.json            format, and for each stage the folder and configuration that count
raw.json                where the sources lie on this machine
stages/NAME-DIGEST/     journal.jsonl (what has been made) and manifest.jsonl (whole, in order)
"""

import contextlib
import fcntl
import json
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from openlpm.core.errors import InputError
from openlpm.core.fields import as_json
from openlpm.data.journal import write_whole
from openlpm.data.records import Decision, Record, read_line
from openlpm.data.stage import RawFiles, Stage

FORMAT = 1


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """The folder of a dataset; nothing is held in memory."""

    folder: Path

    @property
    def _index(self) -> Path:
        return self.folder / "dataset.json"

    def journal(self, folder_name: str) -> Path:
        """The journal of a stage's folder."""
        return self.folder / "stages" / folder_name / "journal.jsonl"

    def manifest(self, folder_name: str) -> Path:
        """The manifest of a stage's folder."""
        return self.folder / "stages" / folder_name / "manifest.jsonl"

    def parcels(self, folder_name: str) -> Path:
        """Where parcels of a stage wait until they are packed."""
        return self.folder / "stages" / folder_name / "parcels"

    def stages(self) -> Mapping[str, Mapping[str, Any]]:
        """Of each stage that was run the ``folder`` and the ``config`` as text by field."""
        return self._read(self._index).get("stages", {})

    def current(self, stage: str) -> Path:
        """The manifest that counts for a stage.

        Raises:
            InputError: the stage was not run to its end.
        """
        held = self.stages().get(stage)
        if held is None or not self.manifest(held["folder"]).exists():
            raise InputError(f"{self.folder} has no {stage} yet: run openlpm data build, or data run {stage}")
        return self.manifest(held["folder"])

    def settle(self, stage: Stage, config: object) -> None:
        """Let a configuration of a stage count from now on."""
        held = dict(self.stages())
        held[stage.name] = {
            "folder": stage.folder_name(config),
            "version": stage.version,
            "config": as_json(config),
        }
        self._write(self._index, {"format": FORMAT, "stages": held})

    def raw(self) -> RawFiles:
        """Where the sources lie."""
        held = self._read(self.folder / "raw.json")
        return RawFiles(roots=tuple((label, Path(root)) for label, root in sorted(held.items())))

    def set_raw(self, raw: RawFiles) -> None:
        """Remember where the sources lie."""
        self._write(self.folder / "raw.json", {label: str(root) for label, root in raw.roots})

    @contextlib.contextmanager
    def alone(self) -> Generator[None]:
        """Be the only process that works on this dataset.

        Raises:
            InputError: another one does, or the folder cannot be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / ".lock").open("w")
        except OSError as error:
            raise InputError(f"{self.folder} cannot be written: {error.strerror or error}") from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise InputError(f"another process works on {self.folder}; wait until it has ended") from None
            yield

    def _read(self, path: Path) -> dict[str, Any]:
        if not path.exists():
            return {}
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{path} cannot be read ({error}); build the dataset in a new folder") from error
        if held.get("format", FORMAT) != FORMAT:
            raise InputError(f"{path} is of format {held['format']}, this program knows {FORMAT}; build it anew")
        return held

    def _write(self, path: Path, held: Mapping[str, Any]) -> None:
        write_whole(path, json.dumps(held, indent=2, sort_keys=True, ensure_ascii=False).splitlines())


def read_manifest(path: Path) -> Iterator[Record]:
    """The records of a manifest, one at a time."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield read_line(line)


def kept(path: Path) -> Iterator[Record]:
    """Those that were kept."""
    return (record for record in read_manifest(path) if record.decision is Decision.KEEP)
