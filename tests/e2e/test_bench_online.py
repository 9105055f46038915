"""``openlpm bench online`` whole, as it runs on a machine that has a model and little else."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from openlpm.bench.online import measure
from openlpm.bench.online.drift import ASPECTS
from openlpm.bench.online.sections import FAMILIES
from openlpm.bench.result import Row
from openlpm.cli.main import main
from openlpm.recipes.online import online
from openlpm.rollout.assembly import CharacterModel, WindowConfig
from openlpm.weights.store import Storage

pytestmark = pytest.mark.e2e

_WITH_LITTLE = """
import socket, sys

def refuse(*_):
    raise AssertionError("a benchmark needs no network")

sys.modules["av"] = sys.modules["matplotlib"] = None
socket.socket.connect = refuse

from openlpm.cli.main import main

sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def tiny(tiny_model: Callable[..., CharacterModel], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    window = WindowConfig(frames=8, context=2, context_noise=0.1)
    tiny_model(window=window, online=online(refiner=True), stirred=0.02).save_to(folder, storage=Storage.BF16)
    return folder


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rows", "beauty"], "no row is called beauty"),
        (["--rows", "speed", "--model", "BASE"], "give --undistilled"),
        (["--rows", "capacity", "--column", "led"], "no column 'led'"),
        (["--rows", "capacity", "--plots", "somewhere"], "give --json"),
        (["--streams-from", "nowhere.json"], "holds no streams"),
    ],
)
def test_a_mistake_is_one_sentence(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    tiny_model: Callable[..., CharacterModel],
    arguments: list[str],
    said: str,
) -> None:
    if "BASE" in arguments:  # a model that was never taught to stream
        tiny_model().save_to(tmp_path, storage=Storage.BF16)
    given = [str(tmp_path) if argument == "BASE" else argument for argument in arguments]
    assert main(["bench", "online", "--device", "cpu", "--quick", *given]) == 2
    printed = capsys.readouterr().err
    assert said in " ".join(printed.split())
    assert "Traceback" not in printed


def test_a_benchmark_that_is_stopped_keeps_the_sections_that_were_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tiny: Path
) -> None:
    def stop(*_: object, **__: object) -> list[Row]:
        raise KeyboardInterrupt

    monkeypatch.setattr(measure, "speed_rows", lambda *_, **__: [Row(name="nfe", value=3.0, n=1)])
    monkeypatch.setattr(measure, "hour_rows", stop)
    table = tmp_path / "table.json"
    given = ["--model", str(tiny), "--rows", "speed,hour", "--json", str(table)]
    assert main(["bench", "online", "--device", "cpu", *given]) == 130
    written = json.loads(table.read_text())
    assert [row["name"] for row in written["rows"]] == ["nfe"]
    assert "stopped before the end: rows are missing" in written["notes"]
    assert "the rows that are there were printed" in " ".join(capsys.readouterr().err.split())


@pytest.mark.long
def test_the_whole_table_is_measured_without_a_decoder_plots_or_a_network(tmp_path: Path, tiny: Path) -> None:
    pytest.importorskip("espeakng_loader", reason="the extra [tts] makes the voices")
    table = tmp_path / "table.json"
    arguments = ["--model", str(tiny), "--base", str(tiny), "--json", str(table), "--column", "both"]
    finished = subprocess.run(
        [sys.executable, "-c", _WITH_LITTLE, "bench", "online", "--quick", "--device", "cpu", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert finished.returncode == 0, finished.stderr
    assert "UNDISTILLED" not in finished.stdout
    written = json.loads(table.read_text())
    rows = {row["name"]: row for row in written["rows"]}
    for families in FAMILIES.values():
        for family in families:
            # Two seconds have neither a second of speech nor a change of state for sure, and nobody is asked to act.
            assert any(name.startswith(family) for name in rows), family
    for name in ("fps_cpu_2_cores", "fps_cpu_2_cores_avx2/laptop", "cost_ratio_minute60", "memory_slope_mib_per_h",
                 "identity_tar_at_far1", "identity_tar_at_far1/base", "identity_tar_at_far1/planned", "reaction_s",
                 "identity_slope_per_min", "motion_slope_per_min/planned", "streams_24fps_here"):  # fmt: skip
        assert rows[name]["value"] is not None, name
    assert rows["nfe"]["value"] == 3
    assert rows["nfe/laptop"]["value"] == 2
    assert set(written["curves"]["columns"]) == {"", "/planned"}

    pytest.importorskip("matplotlib", reason="the extra [train] draws")
    again = tmp_path / "again.json"
    given = ["--streams-from", str(table), "--rows", "streams", "--json", str(again), "--plots", str(tmp_path)]
    assert main(["bench", "online", "--device", "cpu", "--model", str(tiny), *given]) == 0
    told = {row["name"]: row for row in json.loads(again.read_text())["rows"]}
    for aspect in ASPECTS:
        assert told[f"{aspect}_slope_per_min"] == rows[f"{aspect}_slope_per_min"]
    assert (tmp_path / "scores.png").stat().st_size > 1000
    assert (tmp_path / "survival.png").stat().st_size > 1000
