"""The script that trains nano, from footage to a model that performs, at a size that a CPU bears."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from openlpm.bench.reading import load_judges
from openlpm.dit.condition import ReferenceKind
from openlpm.rollout.assembly import load_model
from openlpm.rollout.generate import generate
from openlpm.rollout.request import GenerationRequest, Reference

pytestmark = [pytest.mark.e2e, pytest.mark.long]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Half a gigabyte of weights and checkpoints, which pytest would keep."""
    yield tmp_path / "nano"
    shutil.rmtree(tmp_path / "nano", ignore_errors=True)


def test_a_tiny_run_leaves_judges_and_a_model_that_performs(repository: Path, folder: Path) -> None:
    pytest.importorskip("espeakng_loader", reason="the extra [tts] makes the voices")
    script = repository / "runs" / "nano.py"
    if not script.is_file():
        pytest.skip("no checkout: the scripts are no part of the package")
    command = [sys.executable, str(script), "--tiny", "--workers", "1", "--out", str(folder)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    finished = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert finished.stdout.rstrip().endswith("done")

    model = load_model(folder)
    picture_HWC = np.full((256, 256, 3), 128, dtype=np.uint8)
    references = (Reference(kind=ReferenceKind.GLOBAL, picture_HWC=picture_HWC),)
    frames_BFCHW = torch.cat(
        list(generate(model, [GenerationRequest(references=references, num_frames=6, steps=1)])), 1
    )
    assert frames_BFCHW.shape == (1, 6, 3, 256, 256)
    assert bool(torch.isfinite(frames_BFCHW).all())
    assert load_judges(torch.device("cpu"), folder).mouth is not None
