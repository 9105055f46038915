"""A benchmark on disk: its cases, their sounds, pictures and truth."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openlpm.bench.lpm.case import RECORDED, Case
from openlpm.bench.lpm.files import read_picture, read_sound
from openlpm.bench.lpm.truth import read_performance, read_truth
from openlpm.core.errors import InputError
from openlpm.core.record import PerformanceRecord, Truth
from openlpm.core.units import samples_at_frame

VERSION = "1.0.0"
"""Another critic, metric or case is another version."""


@final
@dataclass(frozen=True)
class Bench:
    """A folder of ``openlpm bench make``, with the recorded cases that others added (``recorded.jsonl``)."""

    folder: Path

    @staticmethod
    def open(folder: Path) -> "Bench":
        """A folder that is whole.

        Raises:
            InputError: it is none, or its list of cases is not that of its version.
        """
        version, listed = folder / "VERSION", folder / "cases.jsonl"
        if not version.is_file() or not listed.is_file():
            raise InputError(
                f"{folder} is no benchmark: make one with `openlpm bench make --tier smoke --out {folder}`"
            )
        words = version.read_text(encoding="utf-8").split()
        digest = hashlib.sha256(listed.read_bytes()).hexdigest()
        if words[:1] != [VERSION] or digest not in words:
            raise InputError(f"{folder}: cases.jsonl is not that of VERSION {VERSION}; make the benchmark again")
        return Bench(folder)

    @property
    def digest(self) -> str:
        """What the cases are, as a hash."""
        return hashlib.sha256((self.folder / "cases.jsonl").read_bytes()).hexdigest()

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        """All cases: those of the version, then recorded ones."""
        found: list[Case] = []
        for name in ("cases.jsonl", "recorded.jsonl"):
            path = self.folder / name
            if path.is_file():
                lines = path.read_text(encoding="utf-8").splitlines()
                found += [Case.from_line(line, f"{path}:{n}") for n, line in enumerate(lines, 1) if line.strip()]
        return tuple(found)

    def chosen(self, tier: str | None = None, limit: int | None = None, tracks: str | None = None) -> tuple[Case, ...]:
        """The cases of a split with all recorded ones, or all; of them the first ``limit`` of every track in turn.

        ``tracks`` are letters with commas between them: cases of no others.

        Raises:
            InputError: there is no such split, or it is empty.
        """
        cases = self.cases
        if tier is not None:
            path = self.folder / "splits" / f"{tier}.txt"
            if not path.is_file():
                raise InputError(f"{self.folder} has no split {tier!r}: give smoke, core, full or human")
            ids = set(path.read_text(encoding="utf-8").split())
            cases = tuple(case for case in cases if case.id in ids or case.layer == RECORDED)
        if tracks is not None:
            cases = tuple(case for case in cases if case.track in tracks.split(","))
        if limit is not None:
            seen: dict[str, int] = {}
            turn: dict[str, int] = {}
            for case in cases:
                turn[case.id] = seen[case.track] = seen.get(case.track, -1) + 1
            kept = {case.id for case in sorted(cases, key=lambda case: turn[case.id])[:limit]}
            cases = tuple(case for case in cases if case.id in kept)
        if not cases:
            raise InputError(f"{self.folder}: there is no case to take; give another tier, or other tracks")
        return cases

    def sound(self, case: Case, which: str) -> NDArray[np.float32]:
        """``speak`` or ``listen`` of a case, as long as its video; silence where there is none."""
        wanted = samples_at_frame(case.num_frames)
        name = case.speak if which == "speak" else case.listen
        sound_A = np.zeros(0, np.float32) if name is None else read_sound(self.folder / "assets" / case.id / name)
        return np.pad(sound_A[:wanted], (0, max(wanted - sound_A.shape[0], 0)))

    def references(self, case: Case) -> list[NDArray[np.uint8]]:
        """Its pictures, in the order of ``case.refs``."""
        return [read_picture(self.folder / "assets" / case.id / name) for name in case.refs]

    def reference_tensor(self, case: Case) -> Tensor:
        """Its pictures, (J, 3, 256, 256) in [0, 1]."""
        pictures_JHWC = np.stack(self.references(case))
        return torch.from_numpy(pictures_JHWC).permute(0, 3, 1, 2).float() / 255

    def loop(self, case: Case) -> NDArray[np.float32]:
        """The rig of its character's idle seconds, where the folder was carried from another machine."""
        return np.load(self._loop(case), allow_pickle=False)

    def has_loop(self, case: Case) -> bool:
        """Whether they came along."""
        return self._loop(case).is_file()

    def _loop(self, case: Case) -> Path:
        return self.folder / "loops" / f"{case.char}.npy"

    def truth(self, case: Case) -> Truth:
        """How the character of a synthetic case moves; its sounds are not needed."""
        return read_performance(self.folder / "gt" / f"{case.id}.npz")[0]

    def record(self, case: Case) -> PerformanceRecord:
        """The truth of a synthetic case."""
        path = self.folder / "gt" / f"{case.id}.npz"
        speak_A, listen_A = self.sound(case, "speak"), self.sound(case, "listen")
        return read_truth(path, case.id, speak_A, listen_A, str(case.prompt.get("text", "")))
