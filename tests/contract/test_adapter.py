"""A network that learns components of change learns nothing that packaging would cut."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from openlpm.core.errors import ConfigError
from openlpm.parallel.world import joined
from openlpm.rollout.assembly import CharacterModel
from openlpm.training.adapter import attach, detach
from openlpm.training.optimiser import OptimiserConfig
from openlpm.training.schedule import WarmStableDecay
from openlpm.training.trainer import Trainer, TrainerConfig
from openlpm.weights.difference import Difference

pytestmark = pytest.mark.contract

RANK = 3
CONFIG = TrainerConfig(
    steps=6,
    optimiser=OptimiserConfig(lr=1e-2),
    schedule=WarmStableDecay(warmup_steps=1, decay_fraction=0.5),
    log_every=1,
)


class Task:
    """An ``Objective``: a small network moves towards numbers of chance."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def batch(self, step: int, rank: int) -> Tensor:
        return torch.randn(8, 40, generator=torch.Generator().manual_seed(step))

    def loss(self, batch: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        return (self.module(batch) - batch.flip(1)).square().mean(), {}


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(40, 64), nn.SiLU(), nn.Linear(64, 40))


def copied(module: nn.Module) -> dict[str, Tensor]:
    return {key: value.detach().clone() for key, value in module.state_dict().items()}


def trained(module: nn.Module, folder: Path, *stops: int) -> None:
    with joined("cpu") as world:
        for stop in stops or (CONFIG.steps,):
            trainer = Trainer(Task(module), CONFIG, world, folder)
            trainer.resume()
            while trainer.step < stop:
                trainer.update()
            trainer.save()
        trainer.average.swap()


def test_training_changes_so_many_components_and_packaging_loses_none(tmp_path: Path) -> None:
    module = network()
    base = copied(module)
    attach(module, base, RANK)
    trained(module, tmp_path)
    detach(module)
    after = copied(module)
    assert after.keys() == base.keys()
    assert all(not torch.equal(after[key], base[key]) for key in base)
    difference = Difference(base, after)
    assert difference.lost(difference.evenly(RANK)) < 1e-4
    assert difference.lost(difference.evenly(RANK - 1)) > 1e-2


def test_what_a_network_has_learnt_before_is_taken_along_as_far_as_it_fits() -> None:
    base = copied(network())
    for rank, kept in ((2, True), (20, False)):
        module = network()
        with torch.no_grad():
            for layer in (module[0], module[2]):
                layer.weight += 0.1 * torch.randn(len(layer.weight), rank) @ torch.randn(rank, layer.weight.shape[1])
        before = copied(module)
        attach(module, base, RANK)
        detach(module)
        after = copied(module)
        close = [torch.allclose(after[key], before[key], atol=1e-5) for key in before if key.endswith("weight")]
        assert close == [kept, kept]
        if not kept:
            whole, part = Difference(base, before), Difference(base, after)
            assert part.lost(part.evenly(RANK)) < 1e-4
            assert whole.lost(whole.evenly(RANK)) > 0.1


def test_a_fresh_adapter_changes_nothing_and_can_learn() -> None:
    module, data = network(), torch.randn(8, 40)
    before = module(data)
    attach(module, copied(module), RANK)
    assert torch.equal(module(data), before)
    module(data).square().sum().backward()
    for name, parameter in module.named_parameters():
        if name.endswith(".original"):
            assert not parameter.requires_grad
        elif name.endswith(("left_RP", "bias")):
            assert parameter.grad is not None
            assert bool(parameter.grad.any()), name


def test_an_adapter_that_is_resumed_equals_one_that_was_not(tmp_path: Path) -> None:
    results = []
    for name, stops in (("whole", (6,)), ("resumed", (2, 6))):
        module = network()
        attach(module, copied(module), RANK)
        trained(module, tmp_path / name, *stops[:1])
        if len(stops) > 1:
            module = network()
            attach(module, copied(module), RANK)
            trained(module, tmp_path / name, *stops[1:])
        detach(module)
        results.append(copied(module))
    assert all(torch.equal(results[0][key], results[1][key]) for key in results[0])


def test_a_transformer_can_be_adapted(tiny_model: Callable[..., CharacterModel]) -> None:
    dit = tiny_model().dit
    keys = list(dit.state_dict())
    attach(dit, copied(dit), 4)
    factors = [name for name, _ in dit.named_parameters() if name.endswith("left_RP")]
    assert len(factors) > 10
    assert not any("slots" in name or "modulation" in name for name in factors)
    detach(dit)
    assert sorted(dit.state_dict()) == sorted(keys)


def test_ranks_that_cannot_be_are_refused() -> None:
    module = network()
    with pytest.raises(ConfigError, match="rank=0"):
        attach(module, copied(module), 0)
    with pytest.raises(ConfigError, match="rank=40: no matrix"):
        attach(module, copied(module), 40)
