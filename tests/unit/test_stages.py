from dataclasses import replace
from pathlib import Path

import pytest
import torch

from openlpm.core.errors import ConfigError
from openlpm.recipes import nano
from openlpm.recipes.stages import is_stored, start_from
from openlpm.rollout.assembly import CharacterConfig, CharacterModel
from openlpm.vae.config import StageConfig
from openlpm.weights.store import INDEX, Storage, save

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
