"""The whole way: conversations are drawn, written as videos, taken apart by every stage, packed, and learnt from."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from openlpm.bench.dataset.kills import killed_everywhere
from openlpm.cli.main import main
from openlpm.data.dataset import Dataset, kept
from openlpm.data.pairing.part import Unit
from openlpm.data.registry import names
from openlpm.data.shards.reading import ShardSet, folder_of
from openlpm.rollout.assembly import load_model

pytestmark = [pytest.mark.e2e, pytest.mark.long]

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONUNBUFFERED": "1"}


def run(*words: str) -> str:
    """The command in a process of its own; what it says."""
    ended = subprocess.run(
        [sys.executable, "-m", "openlpm.cli.main", *words], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, (ended.stdout + ended.stderr)[-3000:]
    return ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def talks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("espeakng_loader", reason="the extra [tts] makes the voices")
    folder = tmp_path_factory.mktemp("talks") / "talks"
    command = ["synth", "render", "--out", str(folder), "--seconds", "20", "--split", "train", "--device", "cpu"]
    # Of these two, one is seen in two shots of three seconds and more: references come from another moment.
    run(*command, "--count", "1", "--seed", "1")
    run(*command, "--count", "1", "--seed", "4", "--layout", "side-by-side")
    (folder / "rights.json").write_text('{"licence": "CC0-1.0", "consent": "not needed", "may_train": true}')
    return folder


@pytest.fixture(scope="module")
def built(talks: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    dataset = tmp_path_factory.mktemp("whole") / "dataset"
    said = run("data", "build", str(talks), "--out", str(dataset), "--workers", "2")
    assert all(f"{name}:" in said for name in names())
    return dataset


def files_of(dataset: Path) -> dict[str, bytes]:
    """Manifests and everything that the last stage leaves, and the card."""
    held = Dataset(folder=dataset)
    found = {f"{name}.jsonl": held.current(name).read_bytes() for name in names()}
    found |= {path.name: path.read_bytes() for path in folder_of(dataset).iterdir()}
    return found | {"README.md": (dataset / "README.md").read_bytes()}


def test_conversations_become_whole_shards_with_a_card_and_a_report(built: Path, tmp_path: Path) -> None:
    said = run("data", "verify", "--dataset", str(built))
    assert " 0 faults" in said
    kinds = {record.part(Unit).kind.value for record in kept(Dataset(folder=built).current("shards"))}
    assert {"speak", "listen", "conversation"} & kinds
    assert "license: cc0-1.0" in (built / "README.md").read_text()
    run("data", "report", "--dataset", str(built), "--out", str(tmp_path / "report.html"), "--pictures", "4")
    page = (tmp_path / "report.html").read_text()
    assert all(f"<h2>{stage}</h2>" in page for stage in names())
    assert "Who speaks, listens or idles" in page
    without_data = re.sub(r"data:image/jpeg;base64,[A-Za-z0-9+/=]+", "", page)
    assert not re.findall(r"(?:https?:)?//\w|src=\"(?!\")|<script|<link|@import|url\(", without_data)


def test_a_model_learns_from_them(built: Path, tmp_path: Path) -> None:
    facts = [sample.facts() for sample in ShardSet.opened(built).samples()]
    assert any(each.references for each in facts)
    assert all(each.captions["caption"] for each in facts)
    out = tmp_path / "out"
    said = run("train", "vae", "base", "--tiny", "--shards", str(built), "--out", str(out), "--set", "trainer.steps=2")
    assert "shards: " in said
    model = load_model(out)
    assert all(torch.isfinite(value).all() for value in model.state_dict().values() if value.is_floating_point())


def test_one_worker_gives_the_same_to_the_byte(talks: Path, built: Path, tmp_path: Path) -> None:
    one = tmp_path / "one" / "dataset"
    assert main(["data", "build", str(talks), "--out", str(one), "--workers", "1"]) == 0
    assert files_of(one) == files_of(built)


def test_ray_gives_the_same_to_the_byte_through_all_stages(talks: Path, built: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed (extra [ray])")
    other = tmp_path / "ray" / "dataset"
    run("data", "build", str(talks), "--out", str(other), "--workers", "2", "--on", "ray")
    assert files_of(other) == files_of(built)


def test_killed_in_every_stage_nothing_is_lost_or_doubled(talks: Path, built: Path, tmp_path: Path) -> None:
    losses = killed_everywhere(talks, tmp_path, Dataset(folder=built))
    assert (losses.lost, losses.doubled) == (0, 0)
    assert losses.kills > len(names())
