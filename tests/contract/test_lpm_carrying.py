"""A benchmark that is carried is the same there; what was seen there counts here, and nothing else does."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from openlpm.bench.lpm import carrying, making, reading
from openlpm.bench.lpm.carrying import PACKED, can_perform, pack, pack_views, unpack, unpack_views
from openlpm.bench.lpm.case import Case
from openlpm.bench.lpm.folder import Bench
from openlpm.bench.lpm.making import make
from openlpm.bench.lpm.reading import BEFORE_ENCODING, Reader, groups_of, load_view
from openlpm.bench.lpm.strata import Tier
from openlpm.bench.lpm.submission import Manifest, Submission
from openlpm.bench.lpm.view import View
from openlpm.bench.reading import load_judges
from openlpm.core.errors import InputError
from support.lpm import view_of

pytest.importorskip("espeakng_loader", reason="the extra [tts] makes the voices")

pytestmark = pytest.mark.contract

CPU = torch.device("cpu")


def drawn(people: Sequence[object], device: torch.device) -> list[torch.Tensor]:
    """Ten pictures of everybody, each of its own grey."""
    return [torch.linspace(0.1, 0.9, 10)[:, None, None, None].expand(10, 3, 256, 256) for _ in people]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """One case; its pictures are not the matter here."""
    folder = tmp_path_factory.mktemp("carried") / "bench"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(making, "reference_pictures", lambda identity, device: drawn([identity], CPU)[0])
        make(folder, Tier.SMOKE, limit=1)
    return Bench.open(folder)


def test_what_is_carried_is_the_same_byte_for_byte(
    made: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying, "reference_pictures_of", drawn)
    (case,) = made.cases
    pack(made, [case], tmp_path / "small")
    there = unpack([tmp_path / "small"], tmp_path / "there", CPU)
    assert there.digest == made.digest
    assert can_perform(there, case)
    for name in (f"assets/{case.id}/{case.speak}", f"gt/{case.id}.npz", f"assets/{case.id}/{case.refs[0]}"):
        assert (there.folder / name).read_bytes() == (made.folder / name).read_bytes(), name
    assert there.has_loop(case)
    assert not made.has_loop(case)


def test_a_case_whose_sound_stays_is_seen_and_not_performed(
    made: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying, "reference_pictures_of", drawn)
    (case,) = made.cases
    pack(made, [case], tmp_path / "small", silent={case.id})
    there = unpack([tmp_path / "small"], tmp_path / "there", CPU)
    assert not can_perform(there, case)
    np.testing.assert_array_equal(there.truth(case).rig_FR, made.truth(case).rig_FR)
    packed = tmp_path / "small" / PACKED
    packed.write_bytes(packed.read_bytes()[:2000])
    with pytest.raises(InputError, match="pack it again"):
        unpack([tmp_path / "small"], tmp_path / "nowhere", CPU)


def test_views_come_back_nearly_as_they_were(tmp_path: Path) -> None:
    seen = view_of(np.random.default_rng(0).normal(size=(48, 35)))
    path = tmp_path / "work" / "entries" / "mine" / "views" / "S-000.s0.npz"
    path.parent.mkdir(parents=True)
    seen.save(path)
    pack_views([("entries/mine/views/S-000.s0.npz", path)], tmp_path / "mine.tar.xz")
    assert unpack_views(tmp_path / "mine.tar.xz", tmp_path / "here") == 1
    back = View.load(tmp_path / "here" / "entries" / "mine" / "views" / "S-000.s0.npz")
    assert back.reading.rig_FR.dtype == np.float32
    # Half precision keeps eleven bits: of values below four an error of 2^-10 at most.
    np.testing.assert_allclose(back.reading.rig_FR, seen.reading.rig_FR, atol=2**-9)
    np.testing.assert_allclose(back.pictures.looks_WX, seen.pictures.looks_WX, rtol=1e-6)
    assert back.num_frames == seen.num_frames


class Portrait:
    """Shows the first reference picture of every case."""

    manifest = Manifest(name="portrait", version="1")

    def perform(self, bench: Bench, case: Case, seed: int) -> Iterator[torch.Tensor]:
        yield bench.reference_tensor(case)[:1].expand(case.num_frames, -1, -1, -1)

    def perform_all(
        self, bench: Bench, cases: Sequence[Case], seed: int, frame_F: NDArray[np.int64]
    ) -> Iterator[torch.Tensor]:
        pictures_BCHW = torch.stack([bench.reference_tensor(case)[0] for case in cases])
        yield from pictures_BCHW[:, None].expand(-1, frame_F.size, -1, -1, -1).split(50, dim=1)


def test_an_entry_is_judged_before_it_is_encoded_and_says_so(made: Bench, tmp_path: Path) -> None:
    (case,) = made.cases
    judges = load_judges(CPU)
    late = Reader(bench=made, judges=judges, until_s=time.monotonic() - 1)
    assert late.read(Portrait(), [case], tmp_path / "entry") == 0
    slow = Portrait()

    def crawl(*_: object) -> Iterator[torch.Tensor]:
        for _block in range(3):
            time.sleep(0.1)
            yield torch.zeros(1, 50, 3, 256, 256)
        pytest.fail("it was not given up when its time was over")

    slow.perform_all = crawl
    assert (
        Reader(bench=made, judges=judges, until_s=time.monotonic() + 0.15).read(slow, [case], tmp_path / "entry") == 0
    )
    assert Reader(bench=made, judges=judges).read(Portrait(), [case], tmp_path / "entry") == 1
    entry = Submission.open(tmp_path / "entry")
    assert entry.manifest()["judged"] == BEFORE_ENCODING
    assert entry.seeds(case) == [0]
    view = load_view(entry, case, 0, judges.hashes)
    assert view is not None
    assert view.frame_F.size == case.num_frames
    assert view.pictures.change_F.max() == 0.0
    with pytest.raises(InputError, match="other judges"):
        load_view(entry, case, 0, {"critic": "another"})


def test_the_truth_and_its_first_frame_are_entries_without_being_drawn(made: Bench, tmp_path: Path) -> None:
    (case,) = made.cases
    reader = Reader(bench=made, judges=load_judges(CPU))
    seen = view_of(np.random.default_rng(0).normal(size=(case.num_frames, 35)))
    (tmp_path / "truth").mkdir()
    seen.save(tmp_path / "truth" / f"{case.id}.npz")
    manifest = Manifest(name="known", version="1")
    for name, frozen in (("whole", False), ("frozen", True)):
        assert reader.keep(manifest, [case], tmp_path / "truth", tmp_path / name, frozen=frozen) == 1
        view = load_view(Submission.open(tmp_path / name), case, 0, reader.judges.hashes)
        assert view is not None
        assert np.array_equal(view.reading.rig_FR[0], seen.reading.rig_FR[0])
        assert np.array_equal(view.reading.rig_FR, seen.reading.rig_FR) is not frozen


def test_only_cases_that_are_alike_are_performed_together(made: Bench) -> None:
    (case,) = made.cases
    cases = [replace(case, id=f"S-{k}", dur=8.0 if k % 2 else 6.0) for k in range(7)]
    groups = list(groups_of([*cases, replace(case, id="S-8", dur=8.0, ref_kinds=("global/0",))], 3))
    assert [len(group) for group in groups] == [3, 1, 3, 1]
    assert all(len({(one.dur, one.ref_kinds) for one in group}) == 1 for group in groups)
    assert (
        len(next(groups_of([replace(case, id=f"L-{k}", dur=50.0) for k in range(9)], 9)))
        == reading._MOST_PICTURES // 1200
    )


BLOCKED = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {'av', 'espeakng_loader', 'soundfile'}:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Missing())
"""
"""What every Python of the script does first."""


@pytest.mark.long
def test_the_script_runs_where_there_is_neither_pyav_nor_espeak(made: Bench, tmp_path: Path) -> None:
    pack(made, made.cases, tmp_path / "small")
    options = ["--bench", tmp_path / "small", "--out", tmp_path / "out", "--device", "cpu", "--side-by-side"]
    options += ["--entries", "lip-flap", "online"]
    (tmp_path / "sitecustomize.py").write_text(BLOCKED)
    command = [sys.executable, "runs/lpm_read.py", *map(str, options)]
    root, place = Path(__file__).parents[2], {**os.environ, "PYTHONPATH": str(tmp_path)}
    finished = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False, env=place)
    assert finished.returncode == 0, finished.stderr
    rows = json.loads((tmp_path / "out" / "about.json").read_text())["rows"]
    assert [row.split()[0] for row in rows] == ["unpacked", "controls", "drawn", "online"], finished.stdout
    assert all("1 of 1" in row for row in rows[1:]), rows
    assert len(list((tmp_path / "out").iterdir())) == 6
    assert unpack_views(tmp_path / "out" / "entries-drawn.tar.xz", tmp_path / "here") == 3
