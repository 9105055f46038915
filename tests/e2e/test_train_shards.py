"""``openlpm train --shards``: filmed people are learnt from, alone or with drawn ones; a death changes nothing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from openlpm.cli.main import main
from openlpm.data.runner import Running, run_stage
from openlpm.data.shards.stage import ShardsConfig
from openlpm.recipes.stage import Stage
from openlpm.rollout.assembly import CharacterModel, load_model
from openlpm.weights.store import Storage
from support.filmed_units import dataset_of, make_units

pytestmark = pytest.mark.e2e

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONUNBUFFERED": "1"}
PATIENCE_S = 1800.0


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    units, raw = make_units(folder / "raw", (96, 120, 60, 72))
    made = dataset_of(folder / "dataset", raw)
    with made.alone():
        running = Running(workers=1, memory_mib=0)
        run_stage(made, "openlpm.data.shards.stage:SHARDS", ShardsConfig(), lambda: units, running)
    return made.folder


def started(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "openlpm.cli.main", "train", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=ENVIRONMENT,
    )


def finished(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said[-3000:]
    return said


def killed_at(path: Path, *words: str) -> None:
    process, ends = started(*words), time.monotonic() + PATIENCE_S
    while not path.exists():
        assert process.poll() is None, process.communicate()[0][-3000:]
        assert time.monotonic() < ends
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return load_model(folder).state_dict()


def test_base_learns_from_shards_alone(
    dataset: Path, tmp_path: Path, tiny_model: Callable[..., CharacterModel]
) -> None:
    tiny_model().save_to(tmp_path / "begun", storage=Storage.FP32)
    out, begun = tmp_path / "out", tmp_path / "begun"
    command = ["base", "--tiny", "--init", str(begun), "--shards", str(dataset), "--out", str(out)]
    said = finished(started(*command, "--set", "trainer.steps=2"))
    assert "100% of all windows" in said
    assert "footage:" not in said  # nobody is drawn
    before, after = weights_of(begun), weights_of(out)
    assert not torch.equal(before["dit.head.weight"], after["dit.head.weight"])
    assert all(torch.equal(value, after[key]) for key, value in before.items() if key.startswith("vae."))


def test_base_learns_the_same_from_a_bank_that_was_kept(
    dataset: Path, tmp_path: Path, tiny_model: Callable[..., CharacterModel]
) -> None:
    tiny_model().save_to(tmp_path / "begun", storage=Storage.FP32)
    command = ["base", "--tiny", "--init", str(tmp_path / "begun"), "--shards", str(dataset)]
    command += ["--bank", str(tmp_path / "bank.pt"), "--set", "trainer.steps=2"]
    made = finished(started(*command, "--out", str(tmp_path / "made")))
    read = finished(started(*command, "--out", str(tmp_path / "read")))
    assert "100% of all windows" in made
    assert "bank: read from" in read
    assert "of all windows" not in read  # nothing is looked at again
    before, after = weights_of(tmp_path / "made"), weights_of(tmp_path / "read")
    assert all(torch.equal(value, after[key]) for key, value in before.items())


@pytest.mark.long
def test_base_learns_from_both_kinds_of_footage(dataset: Path, tmp_path: Path) -> None:
    pytest.importorskip("espeakng_loader", reason="the extra [tts] makes the voices")
    command = ["vae", "base", "--tiny", "--shards", str(dataset), "--set", "shards.share=0.5"]
    said = finished(started(*command, "--set", "trainer.steps=2", "--out", str(tmp_path / "out")))
    assert "50% of all windows" in said
    assert "footage: 3 clips a process" in said
    assert "misread" in said  # of the drawn ones


@pytest.mark.long
def test_a_training_from_shards_that_is_killed_ends_as_the_unbroken_one(dataset: Path, tmp_path: Path) -> None:
    command = ["vae", "base", "causal", "--tiny", "--shards", str(dataset)]
    unbroken, killed = tmp_path / "unbroken", tmp_path / "killed"
    finished(started(*command, "--out", str(unbroken)))
    killed_at(killed / "run-vae" / "step-00000002", *command, "--out", str(killed))
    killed_at(killed / "run-base-all" / "step-00000003", *command, "--out", str(killed))
    said = finished(started(*command, "--out", str(killed)))
    assert "base-all: goes on from step" in said
    for name in ("", f"online/{Stage.CAUSAL}"):
        one, other = weights_of(unbroken / name), weights_of(killed / name)
        assert all(torch.equal(one[key], other[key]) for key in one), name


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--shards", "nowhere"], "nowhere holds no shards"),
        (["--set", "shards.share=0.5"], "give --shards"),
        (["--shards", "nowhere", "--set", "shards.share=2"], "share=2"),
        (["--shards", "nowhere", "--set", "shards.colour=red"], "colour"),
    ],
)
def test_what_cannot_be_learnt_from_is_said_in_one_sentence(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", "vae", "--tiny", "--out", "out", *words]) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert said in error
    assert "Traceback" not in error


def test_what_is_taken_from_shards_is_shown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    command = ["train", "base", "vae", "--tiny", "--show", "--out", str(tmp_path), "--shards", "dataset"]
    assert main([*command, "--set", "shards.share=0.25"]) == 0
    said = capsys.readouterr().out
    assert "share=0.25" in said
    assert "balance=0.5" in said
