"""``openlpm bench score``: every video of an entry is seen once; what fails is named and scores worst."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import final

import numpy as np

from openlpm.bench.lpm import streaming
from openlpm.bench.lpm.case import Case
from openlpm.bench.lpm.folder import Bench
from openlpm.bench.lpm.measures import Dimension
from openlpm.bench.lpm.metrics import MEASURES, measure_of, values_of
from openlpm.bench.lpm.reading import load_view
from openlpm.bench.lpm.submission import Submission
from openlpm.bench.lpm.task import Task, Values
from openlpm.bench.lpm.tasks import Tasks
from openlpm.bench.lpm.watching import LATEST_S, LATEST_STREAMED_S, BrokenVideoError, watch_video
from openlpm.bench.reading import Judges
from openlpm.bench.threads import spread
from openlpm.core.errors import InputError

OK, FAIL = "ok", "fail"
WITHOUT_TRUTH = ("sync_win_rate", "av_offset_ms", "identity_tar", "identity_low", "identity_drift")
"""What applies where nobody knows how it should have moved."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """One metric of one video."""

    case: str
    seed: int
    metric: str
    value: float
    status: str
    """``ok``, or ``fail``: the value is then the worst."""
    why: str
    extractor_sha: str


def score_submission(
    submission: Submission,
    bench: Bench,
    cases: Sequence[Case],
    tasks: Tasks,
    judges: Judges,
    report: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[Result]:
    """All results of the cases, in their order; the same entry always has the same ones."""
    lock, done = Lock(), [0]
    extractor = "+".join(digest[:12] for digest in judges.hashes.values())
    streams = any((submission.folder / "stream").glob("*.jsonl"))

    def judge(case: Case) -> list[Result]:
        found: list[Result] = []
        task = tasks.task(case)
        for seed in submission.seeds(case):
            values, why = _seen(submission, bench, task, judges, seed)
            late, late_why = _streamed(submission, case, seed) if streams else ({}, "")
            for each, reason in ((values, why), (late, late_why)):
                found += [
                    Result(
                        case=case.id,
                        seed=seed,
                        metric=name,
                        value=value,
                        status=FAIL if reason else OK,
                        why=reason,
                        extractor_sha=extractor,
                    )
                    for name, value in each.items()
                ]
        with lock:
            done[0] += 1
            report(done[0], len(cases))
        return found

    report(0, len(cases))
    return [result for group in spread(judge, cases, judges.device) for result in group]


def _seen(submission: Submission, bench: Bench, task: Task, judges: Judges, seed: int) -> tuple[Values, str]:
    """Values of a video, and what is wrong with it; then they are the worst of all that applies."""
    case, applies = task.case, applicable(task)
    try:
        view = load_view(submission, case, seed, judges.hashes)
        if view is None:
            path, speak_A = submission.video(case, seed), bench.sound(case, "speak")
            latest_s = LATEST_STREAMED_S if submission.stream(case, seed).is_file() else LATEST_S
            view = watch_video(path, judges, num_frames=case.num_frames, speak_A=speak_A, latest_s=latest_s)
    except BrokenVideoError as error:
        return {name: measure_of(name).worst for name in applies}, str(error)
    values = values_of(task, view)
    return {name: values.get(name, measure_of(name).worst) for name in applies}, ""


def applicable(task: Task) -> list[str]:
    """The metrics that mean something of a case: those that its truth has."""
    if task.truth is not None:
        return list(values_of(task, task.truth))
    spoken = task.mouth_FX is not None
    return [name for name in WITHOUT_TRUTH if spoken or measure_of(name).dimension is not Dimension.LIPS]


def _streamed(submission: Submission, case: Case, seed: int) -> tuple[Values, str]:
    path = submission.stream(case, seed)
    worst = {one.name: one.worst for one in MEASURES if one.dimension is Dimension.SYSTEM}
    if not path.is_file():
        return worst, "missing: there are no times of this stream"
    try:
        found = streaming.score(streaming.read_moments(path), case.num_frames)
    except InputError as error:
        return worst, str(error)
    return {name: measure_of(name).bounded(value) for name, value in found.items()}, ""


def write_results(path: Path, results: Sequence[Result]) -> None:
    """``per_case.jsonl``."""
    lines = (json.dumps(asdict(result), sort_keys=True, allow_nan=False) + "\n" for result in results)
    path.write_text("".join(lines), encoding="utf-8")


def read_results(path: Path) -> list[Result]:
    """What ``write_results`` wrote.

    Raises:
        InputError: it is missing or damaged.
    """
    try:
        return [Result(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path} holds no results: make them with `openlpm bench score`") from error


def by_case(results: Sequence[Result], metric: str) -> dict[str, float]:
    """The mean over seeds of every case."""
    found: dict[str, list[float]] = {}
    for result in results:
        if result.metric == metric:
            found.setdefault(result.case, []).append(result.value)
    return {case: float(np.mean(values)) for case, values in found.items()}


def failures(results: Sequence[Result]) -> Mapping[str, str]:
    """What is wrong, by case and seed."""
    return {f"{result.case}.s{result.seed}": result.why for result in results if result.status == FAIL}
