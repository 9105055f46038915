"""Variants of a streaming model as folders of their own, and the script that measures them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from openlpm.core.errors import ConfigError
from openlpm.nn.memory import MemoryConfig, Placing
from openlpm.recipes.ablations import ABLATIONS, ablation_named, write_variant
from openlpm.recipes.plan import Request, plan
from openlpm.recipes.stage import ONLINE_STAGES
from openlpm.rollout.assembly import CharacterModel, load_model, read_config
from openlpm.rollout.online import OnlineConfig, OnlineNetwork
from openlpm.weights.store import Storage

pytestmark = pytest.mark.unit

ONLINE = OnlineConfig(
    chunk_frames=2,
    memory=MemoryConfig(sink_frames=1, window_frames=2),
    backbone_times=(1.0, 0.6),
    refiner_time=0.3,
)
EVALUATIONS = {
    "as-taught": 3,
    "clean-history": 4,
    "no-sinks": 3,
    "absolute-positions": 3,
    "no-refiner": 2,
    "1+1": 2,
    "4": 4,
}


@pytest.fixture
def model(tiny_model: Callable[..., CharacterModel], tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    made = tiny_model(online=ONLINE, online_networks=(OnlineNetwork.REFINER,))
    made.save_to(folder, storage=Storage.BF16)
    return folder


def test_every_variant_is_a_model_that_streams_in_its_own_way(model: Path, tmp_path: Path) -> None:
    seen = set()
    for ablation in ABLATIONS:
        folder = write_variant(model, ablation, tmp_path / ablation.name)
        online = read_config(folder).online
        assert online is not None
        assert online.nfe == EVALUATIONS[ablation.name]
        assert (load_model(folder).refiner is None) == (online.refiner_time is None)
        assert (folder / "refiner").is_dir() == (online.refiner_time is not None)
        seen.add(online)
    assert len(seen) == len(ABLATIONS)
    assert read_config(tmp_path / "absolute-positions").online.memory.placing is Placing.ABSOLUTE  # type: ignore[union-attr]
    assert read_config(tmp_path / "no-sinks").online.memory.sink_frames == 0  # type: ignore[union-attr]


def test_a_variant_that_is_trained_has_the_same_settings_in_every_stage(model: Path, tmp_path: Path) -> None:
    for ablation in ABLATIONS:
        if ablation.trainable:
            stages = [stage for stage in ONLINE_STAGES if stage != "refine"]
            made = plan(
                Request(stages=tuple(stages), out=tmp_path / "out", init=model, assignments=list(ablation.training))
            )
            for recipe in made.online.values():
                assert recipe.online.history_time == (0.0 if ablation.name == "clean-history" else None)
                assert len(recipe.online.backbone_times) == {"1+1": 1, "4": 4}.get(ablation.name, 2)


def test_unknown_variants_and_models_that_cannot_stream_are_refused(
    tiny_model: Callable[..., CharacterModel], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="there is no ablation wings; there are as-taught"):
        ablation_named("wings")
    tiny_model().write_config(tmp_path)
    with pytest.raises(ConfigError, match="cannot stream"):
        write_variant(tmp_path, ABLATIONS[0], tmp_path / "out")


def ablated(repository: Path, model: Path, out: Path, *options: str) -> str:
    script = repository / "runs" / "ablate_online.py"
    if not script.is_file():
        pytest.skip("no checkout: the scripts are no part of the package")
    command = [sys.executable, str(script), "--model", str(model), "--base", str(model), "--out", str(out)]
    done = subprocess.run([*command, "--measure-base", "", *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_variants_that_were_measured_are_laid_side_by_side(repository: Path, model: Path, tmp_path: Path) -> None:
    for name, value in (("no-sinks", 0.25), ("4", 2.0)):
        (tmp_path / f"{name}.json").write_text(json.dumps({"rows": [{"name": "jaw_correlation", "value": value}]}))
    said = ablated(repository, model, tmp_path, "--only", "no-sinks", "4")
    assert "| row | no-sinks | 4 |" in said
    assert "| jaw_correlation | 0.25 | 2 |" in said
    assert json.loads((tmp_path / "ablation.json").read_text())["no-sinks"] == {"jaw_correlation": 0.25}


@pytest.mark.long
def test_a_variant_is_made_and_measured_by_the_command_that_is_given(
    repository: Path, model: Path, tmp_path: Path
) -> None:
    measure = "bench base --quick --clips 2 --steps 1 --model {model} --device cpu --json {json}"
    said = ablated(repository, model, tmp_path / "out", "--only", "no-refiner", "--measure", measure)
    assert "| jaw_correlation | " in said
    assert read_config(tmp_path / "out" / "no-refiner").online_networks == ()
