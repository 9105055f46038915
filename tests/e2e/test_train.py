"""``openlpm train``: the whole chain at a size that a CPU bears, killed, gone on with, packaged and performed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from openlpm.bench.reading import load_judges
from openlpm.cli.main import main
from openlpm.media.video import read_video
from openlpm.recipes.stage import ONLINE_STAGES, Stage
from openlpm.rollout.assembly import CharacterModel, load_model
from openlpm.weights.difference import Difference
from openlpm.weights.store import Storage

pytestmark = [pytest.mark.e2e, pytest.mark.long]

RANK = 4
CHAIN = ["train", "all", "--tiny", "--curriculum", "--set", f"rank={RANK}", "--set", "ode.teacher.steps=2"]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONUNBUFFERED": "1"}
PATIENCE_S = 900.0


@pytest.fixture(autouse=True)
def _voices() -> None:
    pytest.importorskip("espeakng_loader", reason="the extra [tts] makes the voices")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Hundreds of megabytes of weights and checkpoints, which pytest would keep."""
    yield tmp_path / "runs"
    shutil.rmtree(tmp_path / "runs", ignore_errors=True)


def started(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "openlpm.cli.main", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=ENVIRONMENT,
    )


def finished(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said[-3000:]
    return said


def stopped_at(path: Path, how: signal.Signals, *words: str) -> str:
    """Start and stop as soon as ``path`` is there."""
    process, ends = started(*words), time.monotonic() + PATIENCE_S
    while not path.exists():
        assert process.poll() is None, process.communicate()[0][-3000:]
        assert time.monotonic() < ends
        time.sleep(0.02)
    process.send_signal(how)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == (130 if how is signal.SIGTERM else -how), said[-3000:]
    return said


def test_a_chain_that_is_killed_ends_as_the_unbroken_one_and_ships(folder: Path, tmp_path: Path) -> None:
    unbroken, killed = folder / "unbroken", folder / "killed"
    assert "done" in finished(started(*CHAIN, "--out", str(unbroken)))
    command = [*CHAIN, "--out", str(killed)]
    stopped_at(killed / "run-vae" / "step-00000003", signal.SIGKILL, *command)
    said = stopped_at(killed / "run-base-listen" / "step-00000002", signal.SIGTERM, *command)
    assert "vae: goes on from step" in said
    assert f"stopped; the same command goes on from the last checkpoint in {killed}" in " ".join(said.split())
    assert "Traceback" not in said
    stopped_at(killed / "online" / "draft-off-policy" / "run-off-policy" / "step-00000004", signal.SIGKILL, *command)
    with_other = subprocess.run(
        [sys.executable, "-m", "openlpm.cli.main", *command, "--set", "fake_steps=2"],
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT,
    )
    assert with_other.returncode == 2
    assert "was begun with objective.fake_steps=3 (now 2)" in " ".join(with_other.stderr.split())
    said = finished(started(*command))
    assert "off-policy: goes on from step" in said
    assert "causal step" not in said
    assert "nothing to do" in finished(started(*command))

    for name in ("", *(f"online/{stage}" for stage in ONLINE_STAGES)):
        one, other = (load_model(root / name).state_dict() for root in (unbroken, killed))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one), name
    assert load_judges(torch.device("cpu"), killed).mouth is not None

    base = load_model(killed)
    before = base.dit.state_dict()
    for stage in ONLINE_STAGES:
        model = load_model(killed / "online" / stage)
        taught = model.dit if stage is not Stage.REFINE else model.refiner
        assert taught is not None
        after = taught.state_dict()
        assert any(not torch.equal(after[key], before[key]) for key in after), stage
        learnt = Difference(base.dit.state_dict(), after)
        assert learnt.lost(learnt.evenly(RANK)) < 1e-3, stage
        before = after

    shipped, out = tmp_path / "shipped", tmp_path / "out.mp4"
    assert main(["package", str(killed), str(shipped), "--online", str(killed / "online" / "refine")]) == 0
    model = load_model(shipped)
    assert model.backbone is not None
    assert model.refiner is not None
    assert model.config.vae.activations is not None  # so it may decode in 8 bits
    command = ["generate", "--online", "--model", str(shipped), "--character", "seed:900007", "--seconds", "1"]
    assert main([*command, "--device", "cpu", "--out", str(out)]) == 0
    assert read_video(out).frames_FHWC.shape == (24, 256, 256, 3)


def test_base_trained_alone_leaves_a_whole_model(folder: Path, tiny_model: Callable[..., CharacterModel]) -> None:
    tiny_model().save_to(folder / "begun", storage=Storage.FP32)
    finished(started("train", "base", "--tiny", "--init", str(folder / "begun"), "--out", str(folder / "base")))
    begun, taught = (load_model(folder / name).state_dict() for name in ("begun", "base"))
    assert all(torch.equal(value, taught[key]) for key, value in begun.items() if key.startswith("vae."))
    assert not torch.equal(begun["dit.head.weight"], taught["dit.head.weight"])


def test_two_processes_train_one_model(folder: Path, tiny_model: Callable[..., CharacterModel]) -> None:
    base = folder / "base"
    tiny_model(stirred=0.02).save_to(base, storage=Storage.FP32)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["-m", "openlpm.cli.main", "train", "causal", "on-policy", "--tiny", "--set", "on-policy.fake_steps=2"]
    command += ["--init", str(base), "--out", str(folder / "out"), "--seconds", "5", "--student", str(base)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("footage: 3 clips a process") == 1  # one of them speaks
    models = [load_model(folder / "out" / "online" / stage) for stage in (Stage.CAUSAL, Stage.ON_POLICY)]
    assert not torch.equal(models[0].dit.head.weight, models[1].dit.head.weight)
