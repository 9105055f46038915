"""``openlpm bench run``: an entry from a system, video after video; what is there is left alone."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from openlpm.bench.lpm.case import Case
from openlpm.bench.lpm.folder import Bench
from openlpm.bench.lpm.submission import Manifest, Submission
from openlpm.bench.lpm.systems import System
from openlpm.core.errors import InputError
from openlpm.core.units import samples_at_frame

Report = Callable[[int, int], None]


def begin(out: Path, manifest: Manifest, bench: Bench) -> Submission:
    """The folder of an entry, new or as it was begun.

    Raises:
        InputError: it holds another entry.
    """
    submission, told = Submission(out), replace(manifest, bench=bench.digest)
    if (out / "manifest.json").is_file():
        kept = submission.manifest()
        for name in ("name", "weights_sha", "settings", "bench"):
            if kept.get(name) != getattr(told, name):
                raise InputError(
                    f"{out} holds another entry ({name}: {kept.get(name)!r}, not {getattr(told, name)!r}): "
                    "give a new folder"
                )
        return submission
    (out / "video").mkdir(parents=True, exist_ok=True)
    told.write(out)
    return submission


def run(
    system: System,
    bench: Bench,
    cases: Sequence[Case],
    out: Path,
    *,
    seeds: int = 1,
    report: Report = lambda _done, _total: None,
) -> Submission:
    """Perform every case ``seeds`` times; ``report`` hears of videos.

    Raises:
        InputError: the folder holds another entry, or cannot be written.
    """
    submission = begin(out, system.manifest, bench)
    wanted = [(case, seed) for case in cases for seed in range(seeds)]
    report(0, len(wanted))
    for done, (case, seed) in enumerate(wanted, start=1):
        path = submission.video(case, seed)
        if not path.is_file():
            _write(system, bench, case, seed, path)
        report(done, len(wanted))
    return submission


def _write(system: System, bench: Bench, case: Case, seed: int, path: Path) -> None:
    from openlpm.media.mix import mix_voices
    from openlpm.media.video import VideoWriter

    sound_A = mix_voices(bench.sound(case, "speak"), bench.sound(case, "listen"))
    done = 0
    with VideoWriter(path, size=256) as writer, torch.inference_mode():
        for frames_FCHW in system.perform(bench, case, seed):
            shown_FCHW = (frames_FCHW.float() * 255).round().clamp(0, 255).to(torch.uint8)
            pictures_FHWC = np.ascontiguousarray(shown_FCHW.permute(0, 2, 3, 1).cpu().numpy())
            end = done + pictures_FHWC.shape[0]
            writer.write(pictures_FHWC, sound_A[samples_at_frame(done) : samples_at_frame(end)])
            done = end


def collect(source: Path, cases: Sequence[Case]) -> tuple[Submission, list[str]]:
    """An offline entry as it lies, and the cases that it lacks.

    Raises:
        InputError: it has no manifest.
    """
    submission = Submission.open(source)
    return submission, [case.id for case in cases if not submission.video(case).is_file()]
