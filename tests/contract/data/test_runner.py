"""What the pipeline promises whatever happens: nothing lost, nothing doubled, the same from the same."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from openlpm.core.errors import ConfigError, InputError
from openlpm.data.build import build, run_alone
from openlpm.data.dataset import Dataset, kept, read_manifest
from openlpm.data.journal import entries
from openlpm.data.recipe import configs_for
from openlpm.data.records import Decision, Record
from openlpm.data.registry import names
from openlpm.data.runner import Progress, Running, run_stage

pytestmark = pytest.mark.contract

EARLY = names()[: names().index("filters") + 1]
"""Nobody is in these films, so that later stages would have nothing to do; ``e2e/test_data_whole.py`` has people."""
COMMAND = "import sys; from openlpm.cli.main import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory, films: ModuleType) -> Path:
    """A folder of small films with cuts, one of them twice."""
    folder = tmp_path_factory.mktemp("films") / "raw"
    folder.mkdir()
    for number in range(4):
        films.write_film(folder / f"film{number}.mp4", [(number, 3.5), (number + 10, 3.2), (number + 20, 1.0)])
    (folder / "again.mp4").write_bytes((folder / "film3.mp4").read_bytes())
    (folder / "broken.mp4").write_bytes((folder / "film3.mp4").read_bytes()[:2000])
    return folder


@pytest.fixture(scope="session")
def reference(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The dataset of an undisturbed run with one worker."""
    dataset = Dataset(folder=tmp_path_factory.mktemp("reference") / "dataset")
    build(dataset, [recordings], configs_for(EARLY), Running(workers=1))
    return dataset


def manifests(dataset: Dataset) -> dict[str, bytes]:
    return {name: dataset.current(name).read_bytes() for name in dataset.stages()}


def test_every_input_of_every_stage_has_become_something_once(reference: Dataset) -> None:
    before: list[str] | None = None
    for name in EARLY:
        records = list(read_manifest(reference.current(name)))
        assert len({record.id for record in records}) == len(records)
        if before is not None:
            assert before
            assert {record.parent for record in records} == set(before)
        before = [record.id for record in kept(reference.current(name))]


def test_what_was_kept_dropped_and_set_aside_is_right(reference: Dataset) -> None:
    ingested = {record.parts["source"]["name"]: record for record in read_manifest(reference.current("ingest"))}
    assert ingested["raw/broken.mp4"].decision is Decision.QUARANTINE
    assert ingested["raw/film3.mp4"].reasons == ("ingest.duplicate",)
    assert ingested["raw/film3.mp4"].parts["copy"] == {"of": "raw/again.mp4"}
    shots = list(read_manifest(reference.current("shots")))
    assert len(shots) == 12
    assert sum("shots.too_short" in record.reasons for record in shots) == 4


def test_the_number_of_workers_makes_no_difference(recordings: Path, reference: Dataset, tmp_path: Path) -> None:
    dataset = Dataset(folder=tmp_path / "dataset")
    build(dataset, [recordings], configs_for(EARLY), Running(workers=3))
    assert manifests(dataset) == manifests(reference)


def test_a_second_run_makes_nothing_again(recordings: Path, tmp_path: Path) -> None:
    dataset = Dataset(folder=tmp_path / "dataset")
    configs = configs_for(("ingest", "shots"))
    build(dataset, [recordings], configs, Running(workers=2))
    first, worked = manifests(dataset), list[Progress]()
    build(dataset, [recordings], configs, Running(workers=2), report=worked.append)
    assert not worked
    assert manifests(dataset) == first


def test_another_setting_makes_only_its_own_stage_again(recordings: Path, tmp_path: Path) -> None:
    dataset = Dataset(folder=tmp_path / "dataset")
    build(dataset, [recordings], configs_for(("ingest", "shots")), Running(workers=2), limit=3)
    first, worked = manifests(dataset), list[Progress]()
    changed = configs_for(("ingest", "shots"), ["shots.shortest_s=0.5"])
    build(dataset, [recordings], changed, Running(workers=2), limit=3, report=worked.append)
    assert {each.stage for each in worked} == {"shots"}
    assert manifests(dataset)["ingest"] == first["ingest"]
    assert manifests(dataset)["shots"] != first["shots"]
    build(dataset, [recordings], configs_for(("ingest", "shots")), Running(workers=2), limit=3)
    assert manifests(dataset) == first


def test_a_stage_can_be_run_again_alone(recordings: Path, tmp_path: Path) -> None:
    dataset = Dataset(folder=tmp_path / "dataset")
    build(dataset, [recordings], configs_for(("ingest", "shots")), Running(workers=2), limit=3)
    first, worked = manifests(dataset), list[Progress]()
    config = configs_for(["shots"])["shots"]
    run_alone(dataset, "shots", config, Running(workers=1), anew=True, report=worked.append)
    assert worked[-1].done == worked[-1].total > 0
    assert manifests(dataset) == first
    empty = Dataset(folder=tmp_path / "other")
    empty.folder.mkdir()
    empty.set_raw(dataset.raw())
    with pytest.raises(InputError, match="has no shots yet"):
        run_alone(empty, "filters", configs_for(["filters"])["filters"], Running())


def test_two_processes_never_work_on_one_dataset(recordings: Path, tmp_path: Path) -> None:
    dataset = Dataset(folder=tmp_path / "dataset")
    with dataset.alone(), pytest.raises(InputError, match="another process"):
        build(dataset, [recordings], configs_for(["ingest"]), Running())


# --- deaths


def killed_until_done(recordings: Path, out: Path, waits_s: Iterator[float]) -> int:
    """Build again and again, each time killed after a wait, until one gets through; how often it was killed."""
    deaths = 0
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    arguments = ["data", "build", str(recordings), "--out", str(out), "--workers", "2", "--stop-after", EARLY[-1]]
    for wait_s in waits_s:
        with subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments],
            env=environment,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            try:
                _, said = process.communicate(timeout=wait_s)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
                deaths += 1
                continue
            assert process.returncode == 0, said.decode()
            return deaths
    raise AssertionError("it never got through")


def check_nothing_lost_or_doubled(dataset: Dataset, reference: Dataset) -> None:
    assert manifests(dataset) == manifests(reference)
    for held in dataset.stages().values():
        inputs = [entry.input_id for entry in entries(dataset.journal(held["folder"]))]
        assert len(inputs) == len(set(inputs))


def after(seconds: float) -> Iterator[float]:
    """Dies ever later, so that it gets through in the end."""
    while True:
        yield seconds
        seconds += 0.35


@pytest.mark.long
def test_a_build_that_is_killed_goes_on_with_nothing_lost_or_doubled(
    recordings: Path, reference: Dataset, tmp_path: Path
) -> None:
    out = tmp_path / "dataset"
    deaths = killed_until_done(recordings, out, iter([1.6, 2.2, 60.0]))
    assert deaths >= 1
    check_nothing_lost_or_doubled(Dataset(folder=out), reference)


def kill_at(stage: str, done: int) -> str:
    """A program that builds and kills itself when so much of a stage is done: in every stage, at every record."""
    return f"""
import os, signal, sys
from pathlib import Path
from openlpm.data.build import build
from openlpm.data.dataset import Dataset
from openlpm.data.recipe import configs_for
from openlpm.data.runner import Running

def report(progress):
    if progress.stage == {stage!r} and progress.done >= {done}:
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    raw, out = map(Path, sys.argv[1:])
    build(Dataset(folder=out), [raw], configs_for({EARLY!r}), Running(workers=2), report=report)
"""


@pytest.mark.parametrize(
    "stage", [pytest.param(name, marks=() if name == "shots" else pytest.mark.long) for name in EARLY]
)
def test_a_build_that_is_killed_in_a_stage_goes_on_where_it_was(
    stage: str, recordings: Path, reference: Dataset, tmp_path: Path
) -> None:
    program, out = tmp_path / "program.py", tmp_path / "dataset"
    program.write_text(kill_at(stage, 2))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run([sys.executable, str(program), str(recordings), str(out)], env=environment, check=False)
    assert ended.returncode == -signal.SIGKILL
    worked: list[Progress] = []
    dataset = Dataset(folder=out)
    build(dataset, [recordings], configs_for(EARLY), Running(workers=2), report=worked.append)
    assert {each.stage for each in worked} == set(EARLY[EARLY.index(stage) :])
    assert next(each for each in worked if each.stage == stage).done >= 1
    check_nothing_lost_or_doubled(dataset, reference)


@pytest.mark.long
def test_a_build_that_is_killed_at_many_moments_of_chance_loses_and_doubles_nothing(
    recordings: Path, reference: Dataset, tmp_path: Path
) -> None:
    draw, deaths = random.Random(7), 0
    for number in range(6):
        out = tmp_path / f"dataset{number}"
        waits = iter([draw.uniform(0.3, 2.2) for _ in range(25)] + [120.0])
        deaths += killed_until_done(recordings, out, waits)
        check_nothing_lost_or_doubled(Dataset(folder=out), reference)
    assert deaths >= 12


@pytest.mark.long
def test_workers_end_with_a_build_that_is_killed(recordings: Path, tmp_path: Path) -> None:
    marker = f"--out={tmp_path}/dataset"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            COMMAND,
            "data",
            "build",
            str(recordings),
            marker,
            "--workers",
            "3",
            "--stop-after",
            EARLY[-1],
        ],
        env=environment,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        time.sleep(2.5)
        assert len(members_of(process.pid)) > 1
        process.kill()
    deadline = time.monotonic() + 10
    while members_of(process.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not members_of(process.pid)


def members_of(session: int) -> list[int]:
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


# --- workers that suffer


HOSTILE = """
import os, time
from dataclasses import dataclass
from openlpm.core.errors import ConfigError, WeightsError
from openlpm.data.stage import Stage

@dataclass(frozen=True, kw_only=True)
class NoConfig:
    pass

def work(record, config, raw):
    what = record.parts["what"]["word"]
    if what == "crash":
        os.abort()
    if what == "memory":
        bytearray(20 << 30)
    if what == "fault":
        raise KeyError(what)
    if what == "endless":
        time.sleep(3600)
    if what == "package":
        raise ConfigError("the package x is not installed")
    if what == "weights":
        raise WeightsError("weights do not fit: key y is missing")
    return [record.child("hostile")]

STAGE = Stage(name="hostile", version=1, purpose="suffers", config=NoConfig(), work=work)
"""


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Record]]:
    (tmp_path / "hostile_stage.py").write_text(HOSTILE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("openlpm.data.crew._STARTING_S", 5.0)

    def run(*words: str, **changes: Any) -> dict[str, Record]:
        from hostile_stage import NoConfig

        inputs = [Record(stage="found", parent=None, parts={"what": {"word": word}}) for word in words]
        dataset = Dataset(folder=tmp_path / "dataset")
        with dataset.alone():
            run_stage(dataset, "hostile_stage:STAGE", NoConfig(), lambda: inputs, Running(**{"workers": 2, **changes}))
        return {record.parts["what"]["word"]: record for record in read_manifest(dataset.current("hostile"))}

    return run


def test_a_record_that_ruins_its_worker_goes_to_quarantine_and_the_others_go_on(
    hostile: Callable[..., dict[str, Record]],
) -> None:
    words = ("a", "crash", "b", "memory", "c", "fault", "d", "endless", "e")
    found = hostile(*words, longest_s=1.0)
    assert set(found) == set(words)
    aside = {word: record.reasons for word, record in found.items() if record.decision is Decision.QUARANTINE}
    assert aside == {
        "crash": ("hostile.crashed",),
        "memory": ("hostile.memory",),
        "fault": ("hostile.error_KeyError",),
        "endless": ("hostile.too_slow",),
    }


@pytest.mark.parametrize(("word", "said"), [("package", "the package x"), ("weights", "key y")])
def test_what_is_wrong_with_the_machine_ends_the_run_and_blames_no_record(
    hostile: Callable[..., dict[str, Record]], word: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        hostile("a", word, "b")


@pytest.mark.long
def test_ray_gives_the_same_to_the_byte(recordings: Path, reference: Dataset, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed (extra [ray])")
    out = tmp_path / "dataset"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    arguments = ["data", "build", str(recordings), "--out", str(out), "--workers", "2", "--on", "ray"]
    arguments += ["--stop-after", EARLY[-1]]
    ended = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments], env=environment, capture_output=True, check=False
    )
    assert ended.returncode == 0, ended.stderr.decode()
    assert manifests(Dataset(folder=out)) == manifests(reference)
