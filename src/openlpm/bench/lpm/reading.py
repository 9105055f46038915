"""Entries whose pictures are judged as they are made: no file, no encoder, only what judges saw of every case.

A view that was kept stands for a video when an entry is scored. Whoever made it says so: the manifest of such an entry
has ``judged: "before encoding"``, and the hashes of the judges lie beside the views.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openlpm.bench.lpm.case import Case
from openlpm.bench.lpm.controls import held
from openlpm.bench.lpm.folder import Bench
from openlpm.bench.lpm.running import Report, begin
from openlpm.bench.lpm.submission import Manifest, Submission
from openlpm.bench.lpm.systems import System
from openlpm.bench.lpm.view import View, seen_frames, watch
from openlpm.bench.reading import Judges
from openlpm.core.units import FRAME_RATE_HZ

BEFORE_ENCODING = "before encoding"
_MOST_PICTURES = 8_000
"""Kept at once, of all cases that are performed together: 1.5 GiB in eight bits."""


class Performing(System, Protocol):
    """A system that performs several equally long cases at once."""

    def perform_all(
        self, bench: Bench, cases: Sequence[Case], seed: int, frame_F: NDArray[np.int64]
    ) -> Iterator[Tensor]:
        """Blocks of the frames ``frame_F`` of all cases, in order, (B, F, 3, 256, 256) in [0, 1]."""
        ...


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """Lets systems perform, and judges look."""

    bench: Bench
    judges: Judges
    at_once: int = 8
    """Cases that are performed together."""
    until_s: float = float("inf")
    """Nothing is begun that would take longer (``time.monotonic``), as far as what went before tells; what does is
    given up."""

    def read(
        self,
        system: Performing,
        cases: Sequence[Case],
        out: Path,
        report: Report = lambda _done, _total: None,
    ) -> int:
        """Perform cases and keep their views; returns how many cases of the entry are there then.

        Raises:
            InputError: the folder holds another entry.
        """
        submission = self._begin(out, system.manifest)
        lacking = [case for case in cases if not submission.view(case).is_file()]
        done = len(cases) - len(lacking)
        report(done, len(cases))
        pace_s = 0.0
        for group in groups_of(lacking, self.at_once):
            began_s = time.monotonic()
            if began_s + pace_s * group[0].num_frames > self.until_s:
                continue
            views = self._views(system, group)
            if views is None:
                break
            for case, view in zip(group, views, strict=True):
                view.save(submission.view(case))
            pace_s = max(pace_s, (time.monotonic() - began_s) / group[0].num_frames)
            done += len(group)
            report(done, len(cases))
        return done

    def keep(self, manifest: Manifest, cases: Sequence[Case], truths: Path, out: Path, *, frozen: bool) -> int:
        """An entry of what was seen of the truth when certificates were given, or of its first frames held.

        Nothing is drawn; returns how many cases there are.
        """
        submission = self._begin(out, manifest)
        done = 0
        for case in cases:
            seen = truths / f"{case.id}.npz"
            if seen.is_file():
                view = View.load(seen)
                (held(view) if frozen else view).save(submission.view(case))
                done += 1
        return done

    def _views(self, system: Performing, cases: Sequence[Case]) -> list[View] | None:
        """Pictures are kept in eight bits where they are made, then seen case by case; None: time ran out."""
        num_frames = cases[0].num_frames
        frame_F = seen_frames(num_frames)
        kept: list[Tensor] = []
        with torch.inference_mode():
            for shown_BFCHW in system.perform_all(self.bench, cases, 0, frame_F):
                kept.append((shown_BFCHW.float() * 255).round().clamp(0, 255).to(torch.uint8))
                if time.monotonic() > self.until_s:
                    return None
            rows = range(len(cases))
            return [watch(_seconds(kept, row), frame_F, self.judges, num_frames=num_frames) for row in rows]

    def _begin(self, out: Path, manifest: Manifest) -> Submission:
        submission = begin(out, replace(manifest, judged=BEFORE_ENCODING), self.bench)
        (out / "views").mkdir(exist_ok=True)
        submission.keep_judges(self.judges.hashes)
        return submission


def groups_of(cases: Sequence[Case], at_once: int) -> Iterator[list[Case]]:
    """Cases that can be performed together: as long, with the same pictures; in the order in which they come."""
    alike: dict[tuple[int, tuple[str, ...]], list[Case]] = {}
    for case in cases:
        alike.setdefault((case.num_frames, case.ref_kinds), []).append(case)
    for group in alike.values():
        size = max(1, min(at_once, _MOST_PICTURES // seen_frames(group[0].num_frames).size))
        for first in range(0, len(group), size):
            yield group[first : first + size]


def _seconds(kept: Sequence[Tensor], row: int) -> Iterator[Tensor]:
    for block_BFCHW in kept:
        for part_FCHW in block_BFCHW[row].split(2 * FRAME_RATE_HZ):
            yield part_FCHW.float() / 255


def load_view(submission: Submission, case: Case, seed: int, hashes: Mapping[str, str]) -> View | None:
    """The view that was kept of a case; None where there is none.

    Raises:
        InputError: it is damaged, or other judges saw it.
    """
    path = submission.view(case, seed)
    if not path.is_file():
        return None
    submission.check_judges(hashes)
    return View.load(path)
