from pathlib import Path

import pytest
import torch

from openlpm.recipes.stages import is_stored
from openlpm.weights.store import INDEX, Storage, save

pytestmark = pytest.mark.unit


def test_a_part_counts_as_stored_only_when_its_index_was_written(tmp_path: Path) -> None:
    folder = tmp_path / "vae"
    assert not is_stored(folder)
    save({"weight": torch.zeros(4)}, folder, storage=Storage.FP32)
    assert is_stored(folder)
    (folder / INDEX).unlink()
    assert not is_stored(folder)
