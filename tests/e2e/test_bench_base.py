"""``openlpm bench base`` whole, as it runs on a machine that has a model and little else."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from openlpm.bench.human_voices import HumanVoices
from openlpm.bench.joins import NAMES
from openlpm.rollout.assembly import CharacterModel, WindowConfig
from openlpm.weights.store import Storage

pytestmark = [pytest.mark.e2e, pytest.mark.long]

_WITHOUT_AV_AND_NETWORK = """
import socket, sys

def refuse(*_):
    raise AssertionError("a benchmark needs no network")

sys.modules["av"] = None
socket.socket.connect = refuse

from openlpm.bench import base
from openlpm.bench.cases import CaseConfig
from openlpm.cli.main import main

short = CaseConfig(count=2, num_frames=48)
groups = base.GroupSizes(traps=2, listeners=2, actions=0, held_out=0, sequences=0, emotions=0, references=2)
small = base.BaseConfig(cases=short, long=short, human_clips=1, strangers=8, batch=2, groups=groups)
base.full_config = lambda *, clips, group_clips: small
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def tiny(tiny_model: Callable[..., CharacterModel], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    window = WindowConfig(frames=8, context=2, context_noise=0.1)
    tiny_model(window=window).save_to(folder, storage=Storage.BF16)
    return folder


def test_the_whole_table_is_measured_without_a_decoder_and_without_a_network(tmp_path: Path, tiny: Path) -> None:
    pytest.importorskip("espeakng_loader", reason="the extra [tts] makes the voices")
    voices_KA = np.random.default_rng(0).normal(scale=0.1, size=(10, 128_000)).clip(-1, 1).astype(np.float32)
    HumanVoices(names=tuple("abcdefghij"), voices_KA=voices_KA).save(tmp_path / "voices.npz")
    given = {"--model": tiny, "--voices": tmp_path / "voices.npz", "--json": tmp_path / "table.json"}
    options = [str(part) for pair in given.items() for part in pair]
    finished = subprocess.run(
        [sys.executable, "-c", _WITHOUT_AV_AND_NETWORK, "bench", "base", "--device", "cpu", "--steps", "1", *options],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert finished.returncode == 0, finished.stderr
    rows = {row["name"]: row for row in json.loads((tmp_path / "table.json").read_text())["rows"]}
    assert set(NAMES) <= set(rows)
    assert "reaction_event_f1/truth" in rows
    assert rows["reference_gain/global_alone"]["value"] is not None
    assert rows["sync_win_rate_human"]["met"] is False  # without footage nothing vouches for its judge
    for name in ("vae/psnr", "identity_tar_at_far1", "sync_win_rate_human", "seam_ratio", "seam_ratio/truth"):
        assert rows[name]["value"] is not None, name
    assert rows["demo_seconds"]["value"] is None  # it needs PyAV to write a video
