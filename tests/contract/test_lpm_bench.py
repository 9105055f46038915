"""LPM-Bench on disk: made again it is the same, made in part it goes on; broken videos are named and score worst."""

import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from openlpm.bench.lpm import making
from openlpm.bench.lpm.case import Case
from openlpm.bench.lpm.folder import Bench
from openlpm.bench.lpm.making import make
from openlpm.bench.lpm.metrics import measure_of
from openlpm.bench.lpm.running import run
from openlpm.bench.lpm.scoring import Result, failures, score_submission
from openlpm.bench.lpm.strata import Tier
from openlpm.bench.lpm.submission import Manifest, Submission
from openlpm.bench.lpm.tasks import Tasks
from openlpm.bench.reading import load_judges
from openlpm.core.errors import InputError
from support.lpm import plain_yardstick

av = pytest.importorskip("av")
pytest.importorskip("espeakng_loader", reason="the extra [tts] makes the voices")

pytestmark = pytest.mark.contract

SECONDS = 8
CPU = torch.device("cpu")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    make(folder, Tier.SMOKE, limit=1)
    return folder


def test_a_benchmark_that_is_made_again_is_the_same_byte_for_byte(made: Path, tmp_path: Path) -> None:
    make(tmp_path / "again", Tier.SMOKE, limit=1)
    assert contents(tmp_path / "again") == contents(made)


def test_a_benchmark_that_was_stopped_goes_on_and_is_the_same(made: Path, tmp_path: Path) -> None:
    partly = tmp_path / "partly"
    shutil.copytree(made, partly)
    case = Bench.open(made).cases[0]
    # As if it had been killed in the middle of its only case.
    (partly / "assets" / case.id).rename(partly / "assets" / f".{case.id}.part")
    (partly / "assets" / f".{case.id}.part" / "case.json").unlink()
    (partly / "cases.jsonl").unlink()
    (partly / "VERSION").unlink()
    reported: list[tuple[int, int]] = []
    make(partly, Tier.SMOKE, limit=1, report=lambda done, total: reported.append((done, total)))
    assert contents(partly) == contents(made)
    assert reported == [(0, 1), (1, 1)]


def test_cases_that_are_there_are_not_made_again(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openlpm.bench.lpm.making.write_script", None)
    before = contents(made)
    make(made, Tier.SMOKE, limit=1)
    assert contents(made) == before


def test_sealed_cases_follow_from_a_secret_and_are_never_mixed(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "reference_pictures", lambda identity, device: torch.full((10, 3, 256, 256), 0.4))
    sealed: list[Case] = []
    for secret in ("one", "two"):
        make(tmp_path / secret, Tier.SMOKE, limit=1, sealed_seed=secret)
        sealed += [case for case in Bench.open(tmp_path / secret).cases if case.layer == "sealed"]
    assert sealed[0].id == sealed[1].id
    assert sealed[0].seed_base != sealed[1].seed_base
    with pytest.raises(InputError, match="another seed"):
        make(tmp_path / "one", Tier.SMOKE, limit=1, sealed_seed="two")


def test_a_changed_list_of_cases_is_refused(made: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(made, changed)
    with (changed / "cases.jsonl").open("a") as file:
        file.write("\n")
    with pytest.raises(InputError, match=r"cases\.jsonl is not that of VERSION"):
        Bench.open(changed)
    with pytest.raises(InputError, match="is no benchmark"):
        Bench.open(tmp_path)


def test_recorded_cases_that_others_add_are_taken(made: Path, tmp_path: Path) -> None:
    more = tmp_path / "more"
    shutil.copytree(made, more)
    known = Bench.open(made).cases[0]
    line = known.line().replace(known.id, "R-mine-001").replace('"layer": "synthetic"', '"layer": "recorded"')
    (more / "recorded.jsonl").write_text(line + "\n")
    cases = Bench.open(more).chosen("smoke")
    assert [case.layer for case in cases] == ["synthetic", "recorded"]
    assert not cases[1].has_truth


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """One case with a truth and nine that only have a voice, all equally long."""
    folder = tmp_path_factory.mktemp("spoken")
    rng = np.random.default_rng(0)
    times = np.arange(SECONDS * 16_000) / 16_000
    voices = [
        (f"voice-{k}", (0.3 * np.sin(2 * np.pi * (2 + k / 3) * times) ** 2 * rng.normal(size=times.size)).clip(-1, 1))
        for k in range(9)
    ]
    with pytest.MonkeyPatch.context() as patched:
        # Who the characters are does not matter here, and drawing them takes most of the time.
        patched.setattr(making, "reference_pictures", lambda identity, device: torch.full((10, 3, 256, 256), 0.4))
        make(folder, Tier.SMOKE, limit=1, voices=[(name, voice.astype(np.float32)) for name, voice in voices])
    return Bench.open(folder)


class Portrait:
    """A system that shows the first reference picture, and says so."""

    manifest = Manifest(name="portrait", version="1")

    def perform(self, bench: Bench, case: Case, seed: int) -> "list[torch.Tensor]":
        return [bench.reference_tensor(case)[:1].expand(case.num_frames, -1, -1, -1)]


def judged(bench: Bench, submission: Submission) -> list[Result]:
    judges = load_judges(CPU)
    tasks = Tasks(bench, judges, plain_yardstick(), bench.folder / "nothing")
    return score_submission(submission, bench, bench.chosen("human"), tasks, judges)


def rewrite(
    path: Path, *, frames: int, rate: int = 24, sound: bool = True, noise: bool = False, side: int = 256
) -> None:
    """A video as a careless entrant would make it."""
    picture = np.zeros((side, side, 3), np.uint8)
    with av.open(str(path), mode="w", format="mp4") as container:
        video = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast"})
        video.height = video.width = side
        video.pix_fmt = "yuv420p"
        audio = container.add_stream("aac", rate=48_000, layout="mono") if sound else None
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, rate)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            samples = np.random.default_rng(1).normal(scale=0.1, size=(1, SECONDS * 48_000)).astype(np.float32)
            block = av.AudioFrame.from_ndarray(samples if noise else 0 * samples, format="fltp", layout="mono")
            block.sample_rate = 48_000
            container.mux(audio.encode(block))
            container.mux(audio.encode(None))


BREAKS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "missing": ("missing", Path.unlink),
    "short": ("short: 100 frames of 192", lambda path: rewrite(path, frames=100)),
    "rate": ("wrong rate: 25", lambda path: rewrite(path, frames=200, rate=25)),
    "silent": ("no sound", lambda path: rewrite(path, frames=192, sound=False)),
    "corrupt": ("corrupt", lambda path: path.write_bytes(b"\0" * 4000)),
    "half": ("short", lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])),
    "small": ("wrong size: 128x128", lambda path: rewrite(path, frames=192, side=128)),
    "other": ("wrong sound", lambda path: rewrite(path, frames=192, noise=True)),
}


def test_broken_videos_are_named_and_score_worst_and_the_others_are_scored(spoken: Bench, tmp_path: Path) -> None:
    cases = spoken.chosen("human")
    submission = run(Portrait(), spoken, cases, tmp_path / "entry")
    for case, (_, damage) in zip(cases, BREAKS.values(), strict=False):
        damage(submission.video(case))
    results = judged(spoken, submission)
    said = failures(results)
    for case, (why, _) in zip(cases, BREAKS.values(), strict=False):
        assert said[f"{case.id}.s0"].startswith(why), case.id
        mine = [result for result in results if result.case == case.id]
        assert {result.metric for result in mine} >= {"sync_win_rate", "identity_tar"}
        assert all(result.value == measure_of(result.metric).worst for result in mine)
    whole = [result for result in results if result.case == cases[-1].id]
    assert {result.status for result in whole} == {"ok"}
    assert next(result.value for result in whole if result.metric == "identity_tar") == 1.0
    assert judged(spoken, submission) == results  # scored twice


def test_a_run_goes_on_where_it_stopped_and_does_not_mix_entries(spoken: Bench, tmp_path: Path) -> None:
    cases = spoken.chosen("human")[:2]
    submission = run(Portrait(), spoken, cases[:1], tmp_path / "entry")
    first = submission.video(cases[0]).stat().st_mtime_ns
    run(Portrait(), spoken, cases, tmp_path / "entry")
    assert submission.video(cases[0]).stat().st_mtime_ns == first
    assert submission.video(cases[1]).is_file()
    other = Portrait()
    other.manifest = Manifest(name="somebody else", version="1")
    with pytest.raises(InputError, match="holds another entry"):
        run(other, spoken, cases, tmp_path / "entry")


def test_an_entry_without_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs a manifest"):
        Submission.open(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match="names nobody"):
        Submission.open(tmp_path)
