"""The script that makes a streaming model from Base, through every stage, at a size that a CPU bears."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from openlpm.dit.condition import ReferenceKind
from openlpm.recipes.online import OnlineStage
from openlpm.rollout.assembly import CharacterModel, load_model
from openlpm.rollout.generate_online import generate_online
from openlpm.rollout.request import Reference, StreamRequest
from openlpm.weights.store import Storage

pytestmark = [pytest.mark.e2e, pytest.mark.long]


def test_every_stage_leaves_a_model_that_streams_and_is_not_run_again(
    repository: Path, tmp_path: Path, tiny_model: Callable[..., CharacterModel]
) -> None:
    pytest.importorskip("espeakng_loader", reason="the extra [tts] makes the voices")
    script = repository / "runs" / "online_nano.py"
    if not script.is_file():
        pytest.skip("no checkout: the scripts are no part of the package")
    base, out = tmp_path / "base", tmp_path / "online"
    tiny_model(stirred=0.02).save_to(base, storage=Storage.FP32)
    command = [sys.executable, str(script), "--tiny", "--workers", "1", "--base", str(base), "--out", str(out)]
    command += ["--stages", *OnlineStage]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    finished = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert finished.returncode == 0, finished.stderr[-3000:]

    picture_HWC = np.full((256, 256, 3), 128, dtype=np.uint8)
    request = StreamRequest(references=(Reference(kind=ReferenceKind.GLOBAL, picture_HWC=picture_HWC),))
    seen = [load_model(base).dit.state_dict()["head.weight"]]
    for stage in OnlineStage:
        model = load_model(out / stage)
        assert model.config.online is not None
        frames_BFCHW = torch.cat(list(generate_online(model, [request], 16)), 1)
        assert frames_BFCHW.shape == (1, 16, 3, 256, 256)
        assert bool(torch.isfinite(frames_BFCHW).all())
        taught = stage is not OnlineStage.REFINE  # which teaches another network
        assert torch.equal(model.dit.state_dict()["head.weight"], seen[-1]) != taught
        seen.append(model.dit.state_dict()["head.weight"])
    assert (out / OnlineStage.REFINE / "refiner").is_dir()

    again = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert again.returncode == 0, again.stderr[-3000:]
    assert "step" not in again.stdout
