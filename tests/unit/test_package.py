"""From a training's folder to one that ships, Online as a difference to Base."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from openlpm.cli.main import main
from openlpm.core.errors import ConfigError
from openlpm.nn.memory import MemoryConfig
from openlpm.recipes import package as packaging
from openlpm.recipes.activations import measured_activations
from openlpm.recipes.package import package
from openlpm.rollout.assembly import CharacterModel, load_model, read_config
from openlpm.rollout.online import OnlineConfig, OnlineNetwork
from openlpm.vae.autoencoder import VideoAutoencoder
from openlpm.weights.store import Storage

pytestmark = pytest.mark.unit

ONLINE = OnlineConfig(
    chunk_frames=2,
    memory=MemoryConfig(sink_frames=1, window_frames=2),
    backbone_times=(1.0, 0.6),
    refiner_time=0.3,
)
GENEROUS_MIB = 1.0


def taught(base: CharacterModel, *, rank: int, refiner: bool) -> CharacterModel:
    """A model of the chain: Base's parts, ``dit`` changed by a few components, and perhaps another on top of it."""
    torch.manual_seed(rank)
    online = ONLINE if refiner else replace(ONLINE, refiner_time=None)
    networks = (OnlineNetwork.REFINER,) if refiner else ()
    model = CharacterModel(replace(base.config, online=online, online_networks=networks))
    model.requires_grad_(requires_grad=False)
    for name, part in model.parts().items():
        part.load_state_dict(base.parts()[name if name in base.parts() else "dit"].state_dict())
    if model.refiner is not None:
        change(model.dit, rank)
        model.refiner.load_state_dict(model.dit.state_dict())
        change(model.refiner, 1)
    else:
        change(model.dit, rank)
    return model


def change(network: torch.nn.Module, rank: int) -> None:
    for parameter in network.parameters():
        if parameter.ndim == 2:
            rows, columns = parameter.shape
            parameter.add_(0.02 * torch.randn(rows, rank) @ torch.randn(rank, columns))
        else:
            parameter.add_(0.02 * torch.randn_like(parameter))


@pytest.fixture
def base(tiny_model: Callable[..., CharacterModel]) -> CharacterModel:
    return tiny_model(stirred=0.05)


def test_backbone_and_refiner_come_back_beside_base(base: CharacterModel, tmp_path: Path) -> None:
    base.save_to(tmp_path / "base", storage=Storage.FP32)
    online = taught(base, rank=3, refiner=True)
    online.save_to(tmp_path / "online", storage=Storage.FP32)
    packed = package(
        tmp_path / "base", tmp_path / "shipped", online=tmp_path / "online", budget_mib=GENEROUS_MIB, people=0
    )
    assert [each.name for each in packed] == [OnlineNetwork.BACKBONE, OnlineNetwork.REFINER]
    assert packed[0].base == "dit"
    for each in packed:
        assert each.error < max(0.02, 2 * each.error_whole)
        lost = [cut.lost for cut in each.cuts]
        assert lost == sorted(lost, reverse=True)
        assert lost[0] == pytest.approx(1)
        assert lost[-1] == 0
    assert next(cut.lost for cut in packed[0].cuts if cut.rank == 4) < 1e-5

    loaded = load_model(tmp_path / "shipped")
    assert loaded.config.online == ONLINE
    assert loaded.backbone is not None
    assert loaded.refiner is not None
    plain = base.dit.state_dict()
    for ours, theirs in ((loaded.dit, base.dit), (loaded.backbone, online.dit), (loaded.refiner, online.refiner)):
        assert theirs is not None
        for key, value in ours.state_dict().items():
            wanted = theirs.state_dict()[key]
            assert (value - wanted).norm() <= 0.02 * max(float(wanted.norm()), float(plain[key].norm())), key
    assert not torch.equal(loaded.backbone.head.weight, loaded.dit.head.weight)


def test_what_was_measured_of_base_afterwards_makes_it_no_other_base(base: CharacterModel, tmp_path: Path) -> None:
    taught(base, rank=2, refiner=False).save_to(tmp_path / "online", storage=Storage.FP32)
    base.config = replace(base.config, vae=replace(base.config.vae, activations=(1.0, 2.0)))
    base.save_to(tmp_path / "base", storage=Storage.FP32)
    package(tmp_path / "base", tmp_path / "x", online=tmp_path / "online", budget_mib=GENEROUS_MIB, people=0)
    assert read_config(tmp_path / "x").vae.activations == (1.0, 2.0)


def test_a_smaller_budget_loses_more(base: CharacterModel, tmp_path: Path) -> None:
    base.save_to(tmp_path / "base", storage=Storage.FP32)
    taught(base, rank=30, refiner=False).save_to(tmp_path / "online", storage=Storage.FP32)
    errors = []
    for budget in (0.12, 0.16, 0.3):
        (packed,) = package(tmp_path / "base", tmp_path / "x", online=tmp_path / "online", budget_mib=budget, people=0)
        files = (tmp_path / "x" / "backbone").glob("*.safetensors*")
        assert sum(path.stat().st_size for path in files) <= budget * 2**20
        errors.append(packed.error)
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 2 * errors[-1]


def test_base_alone_is_packaged_as_before_and_old_networks_go(
    base: CharacterModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def one_person(vae: VideoAutoencoder, *, num_people: int) -> tuple[float, ...]:
        asked.append(num_people)
        return measured_activations(vae, num_people=1)

    monkeypatch.setattr(packaging, "measured_activations", one_person)
    base.save_to(tmp_path / "base", storage=Storage.FP32)
    taught(base, rank=2, refiner=False).save_to(tmp_path / "online", storage=Storage.FP32)
    (tmp_path / "base" / "critic").mkdir()
    (tmp_path / "base" / "critic" / "note").write_text("judge")
    shipped = tmp_path / "shipped" / "nano"
    report = tmp_path / "lost.json"
    command = ["package", str(tmp_path / "base"), str(shipped)]
    assert main([*command, "--online", str(tmp_path / "online"), "--budget", "1", "--json", str(report)]) == 0
    assert (shipped / "backbone").is_dir()
    assert json.loads(report.read_text())["networks"][0]["name"] == "backbone"
    assert main(command) == 0
    assert asked == [16, 16]
    written = read_config(shipped)
    assert written.vae.activations is not None  # so it may decode in 8 bits
    assert replace(written, vae=replace(written.vae, activations=None)) == base.config
    assert {path.name for path in shipped.iterdir()} == {"config.json", *base.parts()}
    assert (tmp_path / "shipped" / "critic" / "note").read_text() == "judge"


def test_the_base_of_a_model_that_streams_is_packaged_by_itself(base: CharacterModel, tmp_path: Path) -> None:
    base.save_to(tmp_path / "base", storage=Storage.FP32)
    taught(base, rank=2, refiner=True).save_to(tmp_path / "online", storage=Storage.FP32)
    whole, alone = tmp_path / "whole", tmp_path / "alone"
    package(tmp_path / "base", whole, online=tmp_path / "online", budget_mib=GENEROUS_MIB, people=0)
    assert package(whole, alone, people=0) == []
    assert load_model(alone).config.online is None
    assert {path.name for path in alone.iterdir()} == {"config.json", *base.parts()}


def test_online_of_another_base_is_refused(
    base: CharacterModel, tiny_model: Callable[..., CharacterModel], tmp_path: Path
) -> None:
    base.save_to(tmp_path / "base", storage=Storage.FP32)
    online = taught(base, rank=2, refiner=False)
    next(online.speak.parameters()).add_(0.1)
    online.save_to(tmp_path / "speak", storage=Storage.FP32)
    base.save_to(tmp_path / "bare", storage=Storage.FP32)
    other = tiny_model(online=ONLINE, text=replace(base.config.text, num_tokens=8))
    other.save_to(tmp_path / "sizes", storage=Storage.FP32)
    for folder, words in [("speak", "its speak is not that"), ("bare", "never taught"), ("sizes", "its sizes are not")]:
        with pytest.raises(ConfigError, match=words):
            package(tmp_path / "base", tmp_path / "shipped", online=tmp_path / folder, people=0)
    taught(base, rank=2, refiner=False).save_to(tmp_path / "good", storage=Storage.FP32)
    with pytest.raises(ConfigError, match="vectors alone take"):
        package(tmp_path / "base", tmp_path / "shipped", online=tmp_path / "good", budget_mib=0.001, people=0)
