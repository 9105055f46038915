"""Shards: the same bytes from the same units, nothing lost or doubled whatever dies, and what was put in comes out."""

import hashlib
import json
import os
import pickle
import signal
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openlpm.cli.main import main
from openlpm.core.errors import InputError
from openlpm.core.units import samples_at_frame
from openlpm.data.card import write_card
from openlpm.data.dataset import Dataset, read_manifest
from openlpm.data.pairing.tracks import voices
from openlpm.data.parts import Source
from openlpm.data.records import Record
from openlpm.data.report import write_report
from openlpm.data.runner import Running, run_stage
from openlpm.data.shards.checking import faults_of
from openlpm.data.shards.part import Sample as SamplePart
from openlpm.data.shards.reading import ShardSet, folder_of
from openlpm.data.shards.stage import ShardsConfig
from openlpm.data.stage import RawFiles
from support.filmed_units import dataset_of, make_units, picture

pytestmark = pytest.mark.contract

PLACE = "openlpm.data.shards.stage:SHARDS"
SMALL = ShardsConfig(size=64, shard_samples=2)
LENGTHS = (40, 24, 57, 30, 25)


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Record], RawFiles]:
    return make_units(tmp_path_factory.mktemp("units") / "raw", LENGTHS)


def built(
    folder: Path, units: tuple[list[Record], RawFiles], config: ShardsConfig = SMALL, *, workers: int = 1, **how: Any
) -> Dataset:
    dataset = dataset_of(folder, units[1])
    with dataset.alone():
        run_stage(dataset, PLACE, config, lambda: units[0], Running(workers=workers, memory_mib=0, **how))
    return dataset


@pytest.fixture(scope="module")
def reference(units: tuple[list[Record], RawFiles], tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return built(tmp_path_factory.mktemp("reference") / "dataset", units)


def files_of(dataset: Dataset) -> dict[str, bytes]:
    """Everything that a build leaves, but for the journal, which knows how long it took."""
    folder = dataset.current("shards").parent
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if name != "journal.jsonl"}


def test_shards_are_bounded_and_nothing_else_is_left(reference: Dataset) -> None:
    names = [name for name in files_of(reference) if name.endswith(".tar")]
    assert len(names) == 3  # two samples a shard
    assert not any("parcels" in name or "part" in name for name in files_of(reference))


def test_shards_hold_every_unit_once_and_are_whole(units: tuple[list[Record], RawFiles], reference: Dataset) -> None:
    found = ShardSet.opened(reference.folder)
    assert sorted(sample.key for sample in found.samples()) == sorted(unit.id for unit in units[0])
    assert found.index.num_samples == len(LENGTHS)
    assert found.index.seconds == pytest.approx(sum(LENGTHS) / 24, abs=1e-4)
    for entry in found.index.shards:
        content = (found.folder / entry.name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry.sha256
    assert not list(faults_of(reference.folder, deep=True))


def test_what_a_unit_shows_and_lets_hear_comes_out_of_its_sample(
    units: tuple[list[Record], RawFiles], reference: Dataset
) -> None:
    by_key = {sample.key: sample for sample in ShardSet.opened(reference.folder).samples()}
    for number, unit in enumerate(units[0]):
        sample, length = by_key[unit.id], LENGTHS[number]
        frames = sample.frames()
        assert frames.shape == (length, 64, 64, 3)
        shown = np.stack([picture(number, frame)[::2, ::2] for frame in range(length)]).astype(int)
        assert np.abs(frames - shown).mean() < 6
        assert (sample.frames(7, 9) == frames[7:16]).all()
        own_A, partner_A = sample.voices(length)
        for track_A, wanted_A in zip((own_A, partner_A), voices(unit, units[1]), strict=True):
            assert track_A.shape == (samples_at_frame(length),)
            assert np.abs(track_A / 32767 - wanted_A).max() < 1e-4
        facts = sample.facts()
        assert (facts.num_frames, facts.identity) == (length, f"person{number}")
        assert facts.rights.licence == "CC0-1.0"
        tracks = sample.tracks()
        assert sum(run.num_frames for run in facts.states) == length == len(tracks["states_F"])
        assert 20 < tracks["points_FP2"][0].mean() < 44  # the middle of a picture of 64
    motions = [by_key[unit.id].facts().motion for unit in units[0]]
    assert motions == sorted(motions)  # each unit is livelier than the one before
    assert motions[0] > 0


def test_shards_are_plain_tar_files_without_date_or_owner(reference: Dataset) -> None:
    found = ShardSet.opened(reference.folder)
    for entry in found.index.shards:
        with tarfile.open(found.folder / entry.name) as tar:
            headers = tar.getmembers()
        assert {(each.mtime, each.uid, each.gid, each.uname, each.mode) for each in headers} == {(0, 0, 0, "", 0o644)}
        assert [each.name for each in headers] == sorted(each.name for each in headers)


@pytest.mark.filterwarnings("ignore")
def test_webdataset_reads_them(reference: Dataset) -> None:
    webdataset = pytest.importorskip("webdataset")
    found = ShardSet.opened(reference.folder)
    paths = [str(found.folder / entry.name) for entry in found.index.shards]
    read = {each["__key__"]: each for each in webdataset.WebDataset(paths, shardshuffle=False)}
    for sample in found.samples():
        assert json.loads(read[sample.key]["json"])["num_frames"] == sample.facts().num_frames
        assert read[sample.key]["speak.flac"] == sample.member("speak.flac")


@pytest.mark.long
def test_a_shard_is_bounded_by_bytes_too(units: tuple[list[Record], RawFiles], tmp_path: Path) -> None:
    loud = ShardsConfig(size=256, crf=0, shard_mib=1)
    found = ShardSet.opened(built(tmp_path / "dataset", units, loud, workers=2).folder)
    assert len(found.index.shards) > 1
    assert all(entry.size_bytes <= 1 << 20 or entry.num_samples == 1 for entry in found.index.shards)


def test_more_units_keep_what_was_made_and_fewer_take_theirs_away(
    units: tuple[list[Record], RawFiles], reference: Dataset, tmp_path: Path
) -> None:
    dataset = built(tmp_path / "dataset", (units[0][:2], units[1]))
    made: list[int] = []
    with dataset.alone():
        run_stage(
            dataset, PLACE, SMALL, lambda: units[0], Running(workers=1, memory_mib=0),
            lambda progress: made.append(progress.done),
        )  # fmt: skip
    assert made[0] == 2  # those that were there were taken out of the shard in which they lay
    assert files_of(dataset) == files_of(reference)
    with dataset.alone():
        run_stage(dataset, PLACE, SMALL, lambda: units[0][:2], Running(workers=1, memory_mib=0))
    assert ShardSet.opened(dataset.folder).index.num_samples == 2


def test_a_unit_that_cannot_be_read_is_set_aside_and_the_others_are_packed(
    units: tuple[list[Record], RawFiles], tmp_path: Path
) -> None:
    lost = units[0][0]
    gone = lost.with_part(replace(lost.part(Source), name="raw/nowhere.mov"))
    dataset = built(tmp_path / "dataset", ([gone, *units[0][1:]], units[1]))
    aside = [each for each in read_manifest(dataset.current("shards")) if each.reasons]
    assert [each.reasons for each in aside] == [("shards.unreadable",)]
    assert ShardSet.opened(dataset.folder).index.num_samples == len(LENGTHS) - 1
    assert not list(faults_of(dataset.folder, deep=False))


def test_damage_is_found(
    units: tuple[list[Record], RawFiles], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = built(tmp_path / "dataset", units)
    folder = folder_of(dataset.folder)
    shard = min(folder.glob("*.tar"))
    whole = shard.read_bytes()
    assert main(["data", "verify", "--dataset", str(dataset.folder)]) == 0
    assert "3 shards, 5 samples, 7.3 s: 0 faults" in capsys.readouterr().err
    shard.write_bytes(whole[:3000] + bytes([whole[3000] ^ 1]) + whole[3001:])
    assert main(["data", "verify", "--dataset", str(dataset.folder), "--quick"]) == 1
    assert "its bytes are not those that were written" in capsys.readouterr().out
    assert main(["data", "verify", "--dataset", str(tmp_path / "nowhere")]) == 2
    shard.write_bytes(whole[:-512])
    with pytest.raises(InputError, match="cut off"):
        ShardSet.opened(dataset.folder)
    shard.write_bytes(whole)
    manifest = dataset.current("shards")
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(lines[1:]))
    key = json.loads(lines[0])["parts"][SamplePart.NAME]["key"]
    assert any(key in fault and "more often" in fault for fault in faults_of(dataset.folder, deep=False))


def test_shards_without_their_dataset_are_read_too(reference: Dataset, tmp_path: Path) -> None:
    alone = tmp_path / "brought"
    alone.mkdir()
    for path in folder_of(reference.folder).iterdir():
        (alone / path.name).write_bytes(path.read_bytes())
    assert len(list(ShardSet.opened(alone).samples())) == len(LENGTHS)
    assert not list(faults_of(alone, deep=False))
    with pytest.raises(InputError, match="holds no shards"):
        ShardSet.opened(tmp_path)


def test_the_card_says_what_is_there_and_knows_no_clock(
    units: tuple[list[Record], RawFiles], reference: Dataset, tmp_path: Path
) -> None:
    write_card(reference)
    card = (reference.folder / "README.md").read_text()
    other = built(tmp_path / reference.folder.name, (units[0][::-1], units[1]), workers=3)
    assert files_of(other) == files_of(reference)  # neither workers nor the order of units make a difference
    write_card(other)
    assert (other.folder / "README.md").read_text() == card
    index = ShardSet.opened(reference.folder).index
    assert "license: cc0-1.0" in card
    assert f"{len(LENGTHS)} samples of one person each, 7.3 s, from 5 sources; 5 people" in card
    assert "| CC0-1.0 | 7.3 s | 100.0 % |" in card
    assert "| given | 7.3 s | 100.0 % |" in card
    assert f"| speak | {(40 + 25) / 24:.1f} s | {100 * (40 + 25) / 176:.1f} % |" in card
    assert "`size = 64`" in card
    assert all(entry.sha256 in card for entry in index.shards)
    assert str(tmp_path) not in card
    assert "Spoken language: not determined" in card


def test_the_report_shows_who_speaks_listens_and_idles(reference: Dataset, tmp_path: Path) -> None:
    write_report(reference, tmp_path / "report.html", pictures=4)
    page = (tmp_path / "report.html").read_text()
    assert "Who speaks, listens or idles" in page
    assert f"<td>idle</td><td>{30 / 24:.1f} s</td><td>{100 * 30 / 176:.2f} %</td><td>1.01 %</td>" in page
    assert "<h2>shards</h2>" in page
    assert "motion (n = 5)" in page
    assert "data:image/jpeg;base64," in page
    assert "sad: " in page


# --- deaths

PROGRAM = """
import os, pickle, signal, sys
from pathlib import Path
from openlpm.data import parcels
from openlpm.data.runner import Running, run_stage
from openlpm.data.shards import packing
from openlpm.data.shards.stage import ShardsConfig
from support.filmed_units import dataset_of

moment, left = sys.argv[1], [int(sys.argv[2])]

def die_in_the_end(*_):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def deadly(real, *, torn=False):
    def write(path, blocks):
        whole = b"".join(blocks)
        if torn:
            path.with_name(f".{path.name}.part").write_bytes(whole[:700])
        die_in_the_end()
        real(path, [whole])
    return write

if __name__ == "__main__":
    if moment == "parcel":
        parcels.write_bytes_whole = deadly(parcels.write_bytes_whole)
    if moment in ("shard", "torn"):
        packing.write_bytes_whole = deadly(packing.write_bytes_whole, torn=moment == "torn")
    if moment == "index":
        packing.write_index = die_in_the_end
    if moment == "clear":
        parcels.Parcels.clear = die_in_the_end
    units, raw = pickle.loads(Path(sys.argv[4]).read_bytes())
    dataset = dataset_of(Path(sys.argv[3]), raw)
    with dataset.alone():
        run_stage(dataset, "openlpm.data.shards.stage:SHARDS", ShardsConfig(size=64, shard_samples=2), lambda: units,
                  Running(workers=2, memory_mib=0), die_in_the_end if moment == "work" else lambda progress: None)
"""
DEATHS = (("work", 2), ("work", 4), ("parcel", 2), ("shard", 1), ("shard", 3), ("torn", 2), ("index", 1), ("clear", 1))


@pytest.mark.parametrize(
    ("moment", "count"),
    [pytest.param(*each, marks=() if each == ("shard", 3) else pytest.mark.long) for each in DEATHS],
)
def test_killed_anywhere_between_a_unit_and_its_shard_nothing_is_lost_or_doubled(
    moment: str, count: int, units: tuple[list[Record], RawFiles], reference: Dataset, tmp_path: Path
) -> None:
    (tmp_path / "units").write_bytes(pickle.dumps(units))
    (tmp_path / "program.py").write_text(PROGRAM)
    out = tmp_path / "dataset"
    ended = subprocess.run(
        [sys.executable, str(tmp_path / "program.py"), moment, str(count), str(out), str(tmp_path / "units")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])},
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL
    dataset = built(out, units, workers=2)
    assert files_of(dataset) == files_of(reference)
    assert not list(faults_of(out, deep=False))
