"""A model folder says everything about its model, and says what is wrong with it."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from openlpm.core.errors import WeightsError
from openlpm.recipes import nano
from openlpm.recipes.online import online
from openlpm.rollout.assembly import CharacterModel, load_model, read_config
from openlpm.weights import bundled
from openlpm.weights.store import Storage

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def model(tiny_model: Callable[..., CharacterModel]) -> CharacterModel:
    return tiny_model(window=nano.character().window)


def test_a_configuration_survives_its_file(model: CharacterModel, tmp_path: Path) -> None:
    model.write_config(tmp_path)
    assert read_config(tmp_path) == model.config


def test_the_bundled_weights_are_of_the_recipe() -> None:
    shipped = read_config(bundled.folder("nano"))
    assert shipped.vae.activations is not None  # measured, so no part of a recipe
    assert shipped.online == online(refiner=True)
    base = replace(shipped, vae=replace(shipped.vae, activations=None), online=None, online_networks=())
    assert base == nano.character()


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown": ({"wings": 2}, "wings"),
    "missing": ({"window": None}, "window"),
    "wrong": ({"window": {"frames": 4, "context": 0, "context_noise": 0.1}}, "context=0"),
}


@pytest.mark.parametrize(("changes", "word"), WRONG.values(), ids=WRONG.keys())
def test_a_key_that_is_unknown_or_missing_or_wrong_is_named(
    model: CharacterModel, tmp_path: Path, changes: dict[str, Any], word: str
) -> None:
    write_changed(model, tmp_path, changes)
    with pytest.raises(WeightsError, match=rf"config\.json.*{re.escape(word)}"):
        read_config(tmp_path)


def write_changed(model: CharacterModel, folder: Path, changes: dict[str, Any]) -> None:
    """The configuration with some keys changed; None leaves one out."""
    model.write_config(folder)
    path = folder / "config.json"
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


def test_a_saved_model_loads_as_it_was_and_a_missing_part_is_named(model: CharacterModel, tmp_path: Path) -> None:
    model.save_to(tmp_path, storage=Storage.FP32)
    loaded = load_model(tmp_path)
    assert not loaded.training
    assert loaded.state_dict().keys() == model.state_dict().keys()
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, model.state_dict()[name]), name
    (tmp_path / "listen").rename(tmp_path / "lost")
    with pytest.raises(WeightsError, match="listen"):
        load_model(tmp_path)
