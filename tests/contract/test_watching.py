"""What people see of a training: its pace, its curves, pictures of what it makes, and one page with all of it."""

import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from openlpm.core.errors import InputError
from openlpm.dit.work import SequenceShape, pass_work
from openlpm.recipes import tiny
from openlpm.recipes.run_page import write_run_page
from openlpm.recipes.samples import sample_grid
from openlpm.recipes.stages import base_recipes, base_watch
from openlpm.recipes.watching import Watch, Watcher
from openlpm.rollout.assembly import CharacterModel
from openlpm.training.clip_bank import ClipBank
from openlpm.training.trainer import LogEntry, Pace

pytestmark = pytest.mark.contract

CPU = torch.device("cpu")
DRAW = base_recipes(1.0, curriculum=False, small=True)["all"].objective.windows


def entries() -> list[LogEntry]:
    return [LogEntry(step, 30, 2.0 * step, {"loss": 1 / step, "lr": 0.1}) for step in (10, 20, 30)]


def picture() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)


def test_an_entry_says_how_fast_it_is_and_what_share_of_a_gpu_that_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[LogEntry] = []
    watcher = Watcher(tmp_path, Watch(operations=300.0), CPU, seen.append)
    for entry in entries():
        watcher(entry)
    assert [entry.pace for entry in seen] == [None, *[Pace(steps_per_s=0.5, mfu=None)] * 2]
    monkeypatch.setattr("openlpm.recipes.watching.peak_of", lambda device: 1000.0)
    seen.clear()
    watcher = Watcher(tmp_path, Watch(operations=300.0), CPU, seen.append)
    for entry in entries():
        watcher(entry)
    assert seen[-1].pace is not None
    assert seen[-1].pace.mfu == pytest.approx(0.15)


def test_curves_and_pictures_come_to_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="the extra [train] has it")
    with warnings.catch_warnings(action="ignore"):  # of its own dependencies
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        watcher = Watcher(tmp_path, Watch(draw=picture), CPU, lambda entry: None, board=True)
        for entry in entries():
            watcher(entry)
        watcher.close()
        read = EventAccumulator(str(tmp_path / "board"))
        read.Reload()
        losses = [(event.step, round(event.value, 4)) for event in read.Scalars("loss")]
        assert losses == [(10, 0.1), (20, 0.05), (30, 0.0333)]
        assert [event.step for event in read.Scalars("steps_per_s")] == [20, 30]
        assert [event.step for event in read.Images("samples")] == [30]
    assert (tmp_path / "samples-00000030.png").is_file()


def test_the_page_holds_all_runs_and_asks_for_nothing(tmp_path: Path) -> None:
    for name in ("run-vae", "online/draft-ode/run-ode"):
        run = tmp_path / name
        watcher = Watcher(run, Watch(operations=3.0, draw=picture), CPU, lambda entry: None)
        for entry in entries():
            watcher(entry)
            with (run / "curves.jsonl").open("a") as file:
                file.write(json.dumps({"step": entry.step, "seconds": entry.seconds, **entry.scalars}) + "\n")
        (run / "recipe.json").write_text(json.dumps({"trainer.steps": "<30>"}))
    assert write_run_page(tmp_path, tmp_path / "report.html") == 2
    page = (tmp_path / "report.html").read_text()
    assert set(re.findall(r"<h2>(.*?)</h2>", page)) == {"Runs", "vae", "online/ode/ode"}
    assert page.count("data:image/png;base64,") == 2
    assert page.count("<polyline") == 2 * 3  # loss, lr, steps a second
    assert "&lt;30&gt;" in page
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    with pytest.raises(InputError, match="holds no run"):
        write_run_page(tmp_path / "nothing", tmp_path / "x.html")


def test_pictures_of_samples_leave_model_and_generator_as_they_were(
    tiny_model: Callable[..., CharacterModel], chance_bank: Callable[..., ClipBank]
) -> None:
    model = tiny_model(stirred=0.05)
    bank = chance_bank(model, situations=[0, 1, 2, 3], cells=16)
    model.dit.train()
    torch.manual_seed(3)
    wanted = torch.randn(1)
    torch.manual_seed(3)
    grid = sample_grid(model, bank, DRAW, steps=2)
    assert torch.equal(torch.randn(1), wanted)
    assert model.dit.training
    assert not model.vae.training
    assert grid.dtype == np.uint8
    assert grid.shape == (6 * 128, 8 * 128, 3)
    assert np.array_equal(grid, sample_grid(model, bank, DRAW, steps=2))
    truth, made = grid[:128], grid[128:256]
    assert not np.array_equal(truth, made)


def test_what_is_said_of_a_step_of_base_is_what_its_windows_compute(
    tiny_model: Callable[..., CharacterModel], chance_bank: Callable[..., ClipBank]
) -> None:
    model = tiny_model()
    bank = chance_bank(model, situations=[0, 1, 2, 3], cells=16)
    recipe = base_recipes(1.0, curriculum=False, small=True)["all"]
    shapes = [
        SequenceShape(frames=tiny.WINDOW_FRAMES, frame_tokens=64, references=each.num_tokens_frames - each.frames)
        for each in recipe.objective.windows.layouts
    ]
    wanted = sum(pass_work(model.config.dit, shape).training for shape in shapes) / len(shapes)
    assert base_watch(model, bank, recipe).operations == pytest.approx(wanted)
