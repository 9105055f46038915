"""``openlpm bench training``: steps that were timed elsewhere become rows, and what is missing says what it needs."""

import json
from pathlib import Path

import pytest

from openlpm.core.errors import InputError
from openlpm.recipes.programme import measuring
from openlpm.recipes.programme.measuring import NEEDS_GPUS, Measured, measure_training, step_rows
from openlpm.recipes.programme.trial import equal_weights, furthest, write_clips_of_chance
from openlpm.training.latent_store import LatentStore
from openlpm.weights.store import Storage, save

pytestmark = pytest.mark.unit


def timed(part: str, layers: int, **changes: object) -> dict[str, object]:
    found = {
        "part": part, "context": 1, "compiled": True, "layers": layers, "of_layers": 40, "step_s": [24.0, 23.0, 25.0],
        "mfu": 0.4, "tokens_per_s": 2000.0, "memory_gib": 120.0, "plan_error": 0.05,
    }  # fmt: skip
    return found | changes


def written(folder: Path, gpus: int, *parts: dict[str, object]) -> Path:
    whole = {"device": "H200 NVL", "gpus": gpus, "model": "lpm-17b", "parts": list(parts)}
    (folder / "step.json").write_text(json.dumps(whole))
    return folder / "step.json"


def test_a_whole_model_is_judged_by_its_bar_and_a_part_of_one_is_named(tmp_path: Path) -> None:
    failed = {"part": "context", "context": 4, "compiled": True, "error": "OutOfMemoryError"}
    rows = {row.name: row for row in step_rows(written(tmp_path, 4, timed("train", 40), failed, timed("dmd", 18)))}
    assert rows["lpm-17b/train/4xH200/mfu"].met is True
    assert rows["lpm-17b/train/4xH200/step_s"].value == 24.0
    assert rows["plan_error/lpm-17b/train/4xH200"].met is True
    assert rows["lpm-17b-18-layers/dmd/4xH200/mfu"].met is None
    assert not any("context" in name for name in rows)
    slow = step_rows(written(tmp_path, 4, timed("train", 40, mfu=0.3, plan_error=0.3)))
    assert [row.met for row in slow if row.met is not None] == [False, False]
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(InputError, match=r"give the step\.json"):
        step_rows(tmp_path / "other.json")


def test_rows_that_were_not_measured_are_there_without_a_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "_agreement", lambda *given, **named: Measured(rows=[], curves={}))
    monkeypatch.setattr(measuring, "_killed_lesson", lambda *given: [])

    def rows(steps: Path | None) -> dict[str, float | None]:
        found = measure_training(tmp_path, steps, lambda *told: None, stages=False, compiled=False)
        return {row.name: row.value for row in found.rows}

    assert rows(None) == dict.fromkeys(NEEDS_GPUS)
    measured = rows(written(tmp_path, 4, timed("train", 40)))
    assert measured["lpm-17b/train/4xH200/mfu"] == 0.4
    assert "plan_error" not in measured
    assert measured["lpm-17b/dmd/4xH200/step_s"] is None


def test_runs_are_compared_to_the_last_bit(tmp_path: Path) -> None:
    import torch

    assert furthest([1.0, 2.0], [1.0, 2.5]) == 0.5
    assert furthest([1.0], [1.0, 2.0]) == float("inf")
    for name, value in (("a", 1.0), ("b", 1.0), ("c", 1.0 + 2**-23)):
        save({"weight": torch.full((2, 2), value)}, tmp_path / name, storage=Storage.FP32)
    assert equal_weights(tmp_path / "a", tmp_path / "b")
    assert not equal_weights(tmp_path / "a", tmp_path / "c")


def test_clips_of_chance_are_a_store(tmp_path: Path) -> None:
    store = LatentStore(write_clips_of_chance(tmp_path / "latents", clips=4))
    assert len(store) == 4
    assert {len(clip.slots) for clip in store.clips} == {1, 3}
