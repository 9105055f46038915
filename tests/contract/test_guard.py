"""A step that would throw the weights off is left out, counted, and repeated ones end the run with a reason."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from openlpm.core.errors import ConfigError, OpenLPMError
from openlpm.parallel.apply import replicate
from openlpm.parallel.world import joined
from openlpm.training.guard import GuardConfig, SpikeGuard
from openlpm.training.optimiser import OptimiserConfig
from openlpm.training.schedule import WarmStableDecay
from openlpm.training.trainer import Trainer, TrainerConfig

pytestmark = pytest.mark.contract

GUARD = GuardConfig(factor=5.0, memory=8, most_in_a_row=2)
CONFIG = TrainerConfig(
    steps=12,
    optimiser=OptimiserConfig(lr=0.01),
    schedule=WarmStableDecay(warmup_steps=0, decay_fraction=0.1),
    log_every=1,
    save_every=3,
    guard=GUARD,
)


class Spiking:
    """Its batches explode at some steps, or are no numbers."""

    def __init__(self, spikes: dict[int, float], stop_at: int | None = None) -> None:
        torch.manual_seed(0)
        self.module: nn.Module = nn.Linear(8, 8)
        self.spikes, self.stop_at = spikes, stop_at

    def batch(self, step: int, rank: int) -> Tensor:
        if step == self.stop_at:
            raise KeyboardInterrupt
        x = torch.randn(4, 8, generator=torch.Generator().manual_seed(step))
        return x * self.spikes.get(step, 1.0)

    def loss(self, batch: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        return (self.module(batch) - batch.flip(1)).square().mean(), {}


def run(folder: Path, spikes: dict[int, float], *, stop_at: int | None = None) -> dict[str, Tensor]:
    objective = Spiking(spikes, stop_at)
    with joined("cpu") as world:
        replicate(objective.module, world)
        trainer = Trainer(objective, CONFIG, world, folder)
        trainer.resume()
        trainer.run()
    return {name: p.detach().clone() for name, p in objective.module.named_parameters()}


def curve(folder: Path) -> dict[int, dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "curves.jsonl").read_text().splitlines()]
    return {line["step"]: line for line in lines}


@pytest.mark.parametrize("spike", [1e4, float("nan"), float("inf")])
def test_a_spike_moves_no_weight_and_is_counted(tmp_path: Path, spike: float) -> None:
    run(tmp_path / "run", {7: spike})
    lines = curve(tmp_path / "run")
    assert 8 not in lines  # the step that was left out has no loss
    assert lines[9]["skipped"] == 1.0
    assert all("skipped" not in line for step, line in lines.items() if step != 9)
    assert all(line["loss"] < 100 for line in lines.values())


def test_what_is_left_out_is_as_if_the_batch_had_never_been(tmp_path: Path) -> None:
    nan, big = run(tmp_path / "nan", {7: float("nan")}), run(tmp_path / "big", {7: 1e4})
    plain = run(tmp_path / "plain", {})
    assert all(torch.equal(nan[name], big[name]) for name in nan)
    assert not torch.equal(nan["weight"], plain["weight"])


def test_spike_after_spike_ends_the_run_with_its_step_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(OpenLPMError, match=r"at step 9, after 2 steps that were left out.*lower optimiser\.lr"):
        run(tmp_path / "run", {7: 1e4, 8: 1e4, 9: 1e4})


def test_a_resumed_run_remembers_what_is_usual(tmp_path: Path) -> None:
    unbroken = run(tmp_path / "unbroken", {4: 1e4, 10: 40.0})
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", {4: 1e4, 10: 40.0}, stop_at=10)
    gone_on = run(tmp_path / "killed", {4: 1e4, 10: 40.0})
    assert all(torch.equal(unbroken[name], gone_on[name]) for name in unbroken)
    assert curve(tmp_path / "killed")[12]["skipped"] == 1.0


def test_a_guard_looks_back_before_it_judges() -> None:
    guard = SpikeGuard(GUARD)
    assert guard.allows(1.0, 1.0, step=0)
    assert guard.allows(1.0, 50.0, step=1)  # too early to know what is usual
    for step in range(2, 6):
        assert guard.allows(1.0, 1.0, step=step)
    assert not guard.allows(1.0, 6.0, step=6)
    other = SpikeGuard(GUARD)
    other.restore(guard.state)
    assert (other.state, other.skipped) == (guard.state, 1)


def test_recorded_steps_have_no_guard() -> None:
    with pytest.raises(ConfigError, match="record=False"):
        replace(CONFIG, record=True)
    with pytest.raises(ConfigError, match="factor above 1"):
        GuardConfig(factor=1.0)
