"""A large model learns the same however it is spread: over one process or two, by batches or by columns."""

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from openlpm.core.errors import ConfigError
from openlpm.parallel.scale import ScaleConfig, scale
from openlpm.parallel.world import joined
from openlpm.training.flow_matching import FlowObjective
from openlpm.training.latent_store import LatentStore
from openlpm.training.roles import as_role, take_roles
from support.scale import CONFIG, FLOW, PLAIN, TRAINER, scaled_model, train, trained_roles, whole_model, write_store

pytestmark = pytest.mark.contract

Made = dict[str, Tensor]
SUPPORT = Path(__file__).resolve().parents[1]
TWICE = replace(TRAINER, accumulate=2)
"""One process with the batches of two."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes made, and the store that they learnt from."""
    made = tmp_path_factory.mktemp("scale")
    write_store(made / "store")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = os.environ | {"PYTHONPATH": str(SUPPORT), "OMP_NUM_THREADS": "1"}
    command += ["-m", "support.scale", str(made)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return made


def loaded(folder: Path, name: str) -> Made:
    return torch.load(folder / f"{name}.pt")


def agree(one: Made, other: Made) -> None:
    """Losses to 1e-5 in float32; weights too, where sums in another order were sharpened by Adam's first steps."""
    torch.testing.assert_close(one["losses"], other["losses"], rtol=0, atol=1e-5)
    for name in one.keys() - {"losses"}:
        torch.testing.assert_close(one[name], other[name], rtol=0, atol=2e-4)


def test_two_processes_with_their_own_batches_learn_as_one_with_both(folder: Path, tmp_path: Path) -> None:
    alone = train(folder / "store", tmp_path / "run", trainer=TWICE)
    agree(loaded(folder, "data"), alone)
    assert len(alone["losses"]) == TRAINER.steps
    assert len(set(alone["losses"].tolist())) == TRAINER.steps


def test_two_processes_that_share_every_picture_learn_as_one_with_all_of_it(folder: Path, tmp_path: Path) -> None:
    alone = train(folder / "store", tmp_path / "run")
    agree(loaded(folder, "context"), alone)
    with pytest.raises(AssertionError):
        agree(loaded(folder, "data"), alone)


def test_a_run_that_two_processes_saved_loads_in_one(folder: Path) -> None:
    unbroken = loaded(folder, "data")
    begun = loaded(folder, "half")
    torch.testing.assert_close(begun["losses"][:2], unbroken["losses"][:2], rtol=0, atol=1e-6)
    gone_on = train(folder / "store", folder / "half", trainer=replace(TWICE, steps=3))  # nothing is left
    for name, value in begun.items():
        assert torch.equal(value, gone_on[name]), name


def test_bfloat16_blocks_learn_nearly_the_same(folder: Path) -> None:
    narrow, wide = loaded(folder, "narrow"), loaded(folder, "data")
    difference = (narrow["losses"] - wide["losses"]).abs()
    assert 1e-6 < difference.max() < 0.03  # bfloat16 has three digits


def test_computing_blocks_again_changes_no_gradient(tmp_path: Path) -> None:
    store = LatentStore(write_store(tmp_path / "store"))
    gradients: list[Made] = []
    with joined("cpu") as world:
        for checkpoint in (False, True):
            model = scaled_model(world, replace(PLAIN, checkpoint=checkpoint))
            objective = FlowObjective.of(model, store, world, FLOW)
            torch.manual_seed(1)
            objective.loss(objective.batch(0, 0))[0].backward()
            gradients.append({name: p.grad.full_tensor() for name, p in model.named_parameters() if p.grad is not None})  # type: ignore[attr-defined]
    assert gradients[0].keys() == gradients[1].keys()
    assert len(gradients[0]) > 40
    for name, value in gradients[0].items():
        assert torch.equal(value, gradients[1][name]), name


def test_the_names_and_weights_of_a_scaled_model_are_those_of_a_whole_one() -> None:
    whole = whole_model().state_dict()
    with joined("cpu") as world:
        spread = scaled_model(world, PLAIN).state_dict()
        assert spread.keys() == whole.keys()
        assert all(torch.equal(spread[name].full_tensor(), whole[name]) for name in whole)


def test_a_spread_that_was_not_joined_is_refused() -> None:
    with joined("cpu") as world, pytest.raises(ConfigError, match="joined with context=1"):
        scale(whole_model(), world, replace(PLAIN, context=2))
    with pytest.raises(ConfigError, match="must divide the 1 processes"), joined("cpu", context=2):
        pass
    if importlib.util.find_spec("torchao") is None:
        with joined("cpu") as world, pytest.raises(ConfigError, match="pip install torchao"):
            scale(whole_model(), world, replace(PLAIN, float8=True))
    with pytest.raises(ConfigError, match="context=0"):
        ScaleConfig(context=0)
    assert CONFIG.num_heads % 2 == 0


def test_roles_of_one_network_learn_the_same_on_two_processes_and_leave_it_as_it_was(
    folder: Path, tmp_path: Path
) -> None:
    alone, together = trained_roles(folder / "store", tmp_path / "run"), loaded(folder, "roles")
    agree(alone, together)
    before = whole_model().state_dict()
    for name, value in alone.items():
        if name.endswith((".weight", ".bias")) and name in before:
            assert torch.equal(value, before[name]), name
    for role in ("generator", "fake"):
        assert any(value.abs().max() > 0 for name, value in alone.items() if name.endswith(f"left.{role}")), role


def test_a_role_changes_nothing_before_it_has_learnt_and_only_while_it_speaks(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(32, 32), nn.GELU(), nn.Linear(32, 32))
    x = torch.randn(3, 32)
    before = network(x)
    assert take_roles(network, ("a", "b"), rank=2) == 2 * 2 * 2 * (32 + 32)
    with as_role(network, "a"):
        assert torch.equal(network(x), before)
        with torch.no_grad():
            network[0].left["a"].fill_(1.0)
        assert not torch.allclose(network(x), before)
        with as_role(network, "b"):
            assert torch.equal(network(x), before)
        assert not torch.allclose(network(x), before)
    assert torch.equal(network(x), before)
    with pytest.raises(ConfigError, match="no matrix is larger"):
        take_roles(nn.Linear(8, 8), ("a",), rank=8)


@pytest.mark.long
def test_compiled_blocks_learn_the_same_and_share_their_graphs(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(SUPPORT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "support.scale", str(tmp_path)]
    subprocess.run(command, env=environment, check=True, timeout=600, capture_output=True)
    agree(loaded(tmp_path, "eager"), loaded(tmp_path, "compiled"))
    # Two kinds of block, and the shapes of three steps: three layers would make more.
    assert 1 <= int((tmp_path / "graphs").read_text()) <= 2 * 3


@pytest.mark.long
def test_the_step_of_the_large_size_is_timed_part_by_part_and_a_part_that_fails_costs_no_other(
    tmp_path: Path, repository: Path
) -> None:
    script = repository / "runs" / "train_17b_step.py"
    environment = os.environ | {"PYTHONPATH": str(repository / "src")}
    command = [sys.executable, str(script), "--rehearse", "--minutes", "2", "--out", str(tmp_path)]
    subprocess.run(command, env=environment, check=True, timeout=200)
    whole = json.loads((tmp_path / "step.json").read_text())
    parts = {each["part"]: each for each in whole["parts"]}
    assert list(parts) == ["train", "context", "dmd"]
    assert all(min(each["step_s"]) > 0 and each["layers"] == each["of_layers"] for each in parts.values())
    failing = [*command[:-2], "--out", str(tmp_path / "failing"), "--layers", "-1", "--parts", "train,dmd"]
    subprocess.run(failing, env=environment, check=True, timeout=200)
    whole = json.loads((tmp_path / "failing" / "step.json").read_text())
    assert [each["part"] for each in whole["parts"] if "error" in each] == ["train", "dmd"]
