"""A recorded training is the training that it recorded."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from openlpm.parallel.world import joined
from openlpm.training.optimiser import OptimiserConfig
from openlpm.training.schedule import WarmStableDecay
from openlpm.training.trainer import Trainer, TrainerConfig

pytestmark = [
    pytest.mark.contract,
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA"),
]

CONFIG = TrainerConfig(
    steps=14,
    optimiser=OptimiserConfig(lr=0.01),
    schedule=WarmStableDecay(warmup_steps=4, decay_fraction=0.3),
    log_every=7,
    record=True,
)


@dataclass(frozen=True, slots=True)
class Batch:
    x_BD: Tensor
    width: int
    """A plain field: each value is a recording of its own."""


class Toy:
    """Draws noise in the loss and changes its shape from step to step."""

    def __init__(self, device: torch.device) -> None:
        torch.manual_seed(0)
        self.device = device
        self.module: nn.Module = nn.Sequential(nn.Linear(48, 64), nn.SiLU(), nn.Linear(64, 48)).to(device)

    def batch(self, step: int, rank: int) -> Batch:
        generator = torch.Generator().manual_seed(step)
        return Batch(torch.randn(16, 48, generator=generator).to(self.device), width=16 + 16 * (step % 2))

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        noisy_BD = batch.x_BD + 0.1 * torch.randn_like(batch.x_BD)
        error = (self.module(noisy_BD) - batch.x_BD)[:, : batch.width].square().mean()
        return error, {"seen": batch.x_BD.mean()}


def trained(folder: Path, config: TrainerConfig) -> tuple[dict[str, Tensor], list[dict[str, float]]]:
    scalars: list[dict[str, float]] = []
    with joined("cuda") as world:
        toy = Toy(world.device)
        trainer = Trainer(toy, config, world, folder)
        trainer.run(lambda entry: scalars.append(entry.scalars))
        return {name: p.detach().cpu() for name, p in toy.module.named_parameters()}, scalars


def test_recorded_steps_equal_eager_ones(tmp_path: Path) -> None:
    recorded, told = trained(tmp_path / "recorded", CONFIG)
    eager, expected = trained(tmp_path / "eager", replace(CONFIG, record=False))
    for name, weight in eager.items():
        # Muon works in bfloat16: the same kernels, in an order of their own.
        torch.testing.assert_close(recorded[name], weight, rtol=1e-3, atol=1e-4)
    for left, right in zip(told, expected, strict=True):
        assert left == pytest.approx(right, rel=1e-3)


def test_a_recorded_run_that_is_resumed_equals_the_unbroken_one(tmp_path: Path) -> None:
    unbroken, _ = trained(tmp_path / "unbroken", replace(CONFIG, save_every=7))
    for path in (tmp_path / "unbroken").glob("step-00000014"):
        path.rename(tmp_path / "gone")
    resumed, first = resumed_on(tmp_path / "unbroken", replace(CONFIG, save_every=7))
    assert first == 7
    for name, weight in unbroken.items():
        torch.testing.assert_close(resumed[name], weight, rtol=1e-3, atol=1e-4)


def resumed_on(folder: Path, config: TrainerConfig) -> tuple[dict[str, Tensor], int]:
    with joined("cuda") as world:
        toy = Toy(world.device)
        trainer = Trainer(toy, config, world, folder)
        assert trainer.resume()
        first = trainer.step
        trainer.run()
        return {name: p.detach().cpu() for name, p in toy.module.named_parameters()}, first
