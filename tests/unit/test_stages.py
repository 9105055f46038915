from dataclasses import replace
from pathlib import Path

import pytest
import torch

from openlpm.bench.audio_mouth import MouthPredictor
from openlpm.bench.critic import Critic, CriticConfig, TrunkConfig
from openlpm.core.errors import ConfigError
from openlpm.recipes import nano
from openlpm.recipes.beginning import is_stored, start_from, start_judges_from
from openlpm.recipes.critic import save_judges
from openlpm.rollout.assembly import CharacterConfig, CharacterModel
from openlpm.vae.config import StageConfig
from openlpm.weights import bundled
from openlpm.weights.store import INDEX, Storage, save

_NARROW = CriticConfig(face=TrunkConfig(side=160, widths=(24, 40, 80, 136, 152), fine_maps=8, coarse_maps=24))

pytestmark = pytest.mark.unit


def test_a_part_counts_as_stored_only_when_its_index_was_written(tmp_path: Path) -> None:
    folder = tmp_path / "vae"
    assert not is_stored(folder)
    save({"weight": torch.zeros(4)}, folder, storage=Storage.FP32)
    assert is_stored(folder)
    (folder / INDEX).unlink()
    assert not is_stored(folder)


def small(*widths: int, text_tokens: int) -> CharacterConfig:
    config = nano.character()
    stages = tuple(StageConfig(width=width, blocks=2) for width in widths)
    return replace(
        config,
        vae=replace(config.vae, encoder=stages, decoder=stages),
        dit=replace(config.dit, width=48, num_layers=2, num_heads=2, ffn_width=64, freq_width=32),
        text=replace(config.text, num_tokens=text_tokens),
        choreographer=None,
    )


def test_a_model_that_has_grown_begins_by_doing_what_it_did(tmp_path: Path) -> None:
    torch.manual_seed(0)
    old = CharacterModel(small(8, 12, 16, text_tokens=8))
    with torch.no_grad():
        for parameter in old.parameters():  # what starts at zero would hide a fault
            parameter.add_(0.1 * torch.randn_like(parameter))
    old.save_to(tmp_path, storage=Storage.FP32)
    new, said = CharacterModel(small(12, 20, 16, text_tokens=12)), []
    start_from(new, tmp_path, said.append)
    assert any("decoder.exit" in line and "has grown" in line for line in said)
    assert any("positions_LD" in line for line in said)
    video_BCFHW = torch.rand(1, 3, 8, 64, 64) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(new.vae(video_BCFHW), old.vae(video_BCFHW))
    loss = new.vae(video_BCFHW).square().sum()
    loss.backward()
    exit_weight = new.vae.decoder.exit[1].weight.grad
    assert exit_weight is not None
    assert exit_weight[:, 8:].abs().sum() > 0  # the new channels can be learnt


def test_a_model_cannot_shrink(tmp_path: Path) -> None:
    CharacterModel(small(8, 12, 16, text_tokens=8)).save_to(tmp_path, storage=Storage.FP32)
    with pytest.raises(ConfigError, match="this model needs"):
        start_from(CharacterModel(small(8, 8, 16, text_tokens=8)), tmp_path, lambda _: None)


def test_judges_go_on_from_earlier_ones_and_fresh_ones_are_said(tmp_path: Path) -> None:
    torch.manual_seed(0)
    old, said = (Critic(), MouthPredictor()), []
    save_judges(tmp_path, *old)
    new = (Critic(), MouthPredictor())
    start_judges_from(*new, tmp_path, said.append)
    for ours, theirs in zip(new, old, strict=True):
        for key, tensor in ours.state_dict().items():
            kept = theirs.state_dict()[key]
            torch.testing.assert_close(tensor, kept, rtol=0, atol=float(kept.abs().max()) / 50, msg=key)  # 8 bits
    assert [line.split(":")[0] for line in said] == ["critic", "critic-mouth"]


def test_judges_with_another_rig_grow_and_others_are_refused(tmp_path: Path) -> None:
    old, said = Critic(), []
    save_judges(tmp_path, old, MouthPredictor())
    state = {key: value[:-2] if key.startswith("rig.") else value for key, value in old.state_dict().items()}
    save(state, tmp_path / "critic", storage=Storage.FP32)
    new = Critic()
    start_judges_from(new, MouthPredictor(), tmp_path, said.append)
    assert any("rig.weight has grown" in line for line in said)
    assert torch.equal(new.rig.weight[:-2], old.rig.weight[:-2])
    with pytest.raises(ConfigError, match="this model needs"):
        start_judges_from(Critic(_NARROW), MouthPredictor(), tmp_path, said.append)


def test_bundled_judges_that_do_not_fit_are_left_and_that_is_said() -> None:
    torch.manual_seed(0)
    critic, said = Critic(_NARROW), []
    before = {key: tensor.clone() for key, tensor in critic.state_dict().items()}
    start_judges_from(critic, MouthPredictor(), bundled.root(), said.append)
    assert any(line == "critic: the bundled weights do not fit, it begins afresh" for line in said)
    assert all(torch.equal(tensor, before[key]) for key, tensor in critic.state_dict().items())
