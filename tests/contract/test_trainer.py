"""A training run is a function of its configuration: killed, resumed, or on more processes, it stays the same run.

Run as a program, this file is one of the processes that a test starts.
"""

import json
import os
import random
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor

from openlpm.core.errors import ConfigError, OpenLPMError
from openlpm.parallel.apply import replicate, shard
from openlpm.parallel.world import World, joined
from openlpm.training import trainer as trainers
from openlpm.training.average import WeightAverage
from openlpm.training.checkpoint import checkpoints
from openlpm.training.gradients import clip_gradients
from openlpm.training.optimiser import MuonAdamW, OptimiserConfig, Rhythm
from openlpm.training.schedule import WarmStableDecay
from openlpm.training.trainer import Trainer, TrainerConfig

pytestmark = pytest.mark.contract

CONFIG = TrainerConfig(
    steps=9,
    optimiser=OptimiserConfig(lr=0.01),
    schedule=WarmStableDecay(warmup_steps=2, decay_fraction=0.4),
    log_every=1,
    save_every=4,
)
Whole = dict[str, Tensor]


class Broken(Exception):  # noqa: N818 (the power went, nobody erred)
    pass


class Toy:
    """Learns to turn vectors around; 33 rows do not divide by two."""

    def __init__(self, stop_at: int | None = None) -> None:
        torch.manual_seed(0)
        self.module: nn.Module = nn.Sequential(nn.Linear(32, 33), nn.SiLU(), nn.Linear(33, 33))
        self.stop_at = stop_at

    def batch(self, step: int, rank: int) -> Tensor:
        if step == self.stop_at:
            raise Broken
        return torch.randn(16, 32, generator=torch.Generator().manual_seed(100 * step + rank))

    def loss(self, batch: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        output = self.module(batch) + 0.1 * torch.randn(16, 33)  # noise from the global generator, as in flow matching
        loss = (output[:, :32] - batch.flip(1)).square().mean()
        return loss, {"twice": 2 * loss}


class Quiet(Toy):
    """Without noise; one process may take the batches of both."""

    def __init__(self, *, both: bool) -> None:
        super().__init__()
        self.both = both

    def batch(self, step: int, rank: int) -> Tensor:
        if not self.both:
            return super().batch(step, rank)
        return torch.cat([super().batch(step, 0), super().batch(step, 1)])

    def loss(self, batch: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        return (self.module(batch)[:, :32] - batch.flip(1)).square().mean(), {}


def whole(tensor: Tensor) -> Tensor:
    return (tensor.full_tensor() if isinstance(tensor, DTensor) else tensor).detach().clone()


def state_of(trainer: Trainer, module: nn.Module) -> Whole:
    """Weights, averages and optimiser state, in one piece."""
    names = {p: name for name, p in module.named_parameters()}
    slots = {f"{names[p]}|{key}": value for p, kept in trainer.optimiser.state.items() for key, value in kept.items()}
    averages = {f"average {name}": value for name, value in trainer.average.shadow.items()}
    return {name: whole(value) for name, value in {**dict(module.named_parameters()), **averages, **slots}.items()}


def train(world: World, folder: Path, *, toy: Toy | None = None, config: TrainerConfig = CONFIG) -> Whole:
    toy = toy or Toy()
    shard(toy.module, world, units=[toy.module[0]])  # type: ignore[index]
    trainer = Trainer(toy, config, world, folder)
    trainer.resume()
    trainer.run()
    return state_of(trainer, toy.module)


def replicated(world: World, folder: Path) -> Whole:
    """The same training over whole weights, which begin differently on every process."""
    toy = Toy()
    if not world.is_first:
        with torch.no_grad():
            for parameter in toy.module.parameters():
                parameter.add_(1)
    replicate(toy.module, world)
    trainer = Trainer(toy, CONFIG, world, folder)
    trainer.run()
    return state_of(trainer, toy.module)


def train_broken(world: World, folder: Path) -> Whole:
    with pytest.raises(Broken):
        train(world, folder, toy=Toy(stop_at=6))
    return train(world, folder)


def curve(folder: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "curves.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


def same(left: Whole, right: Whole) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def given_gradients(module: nn.Module) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {name: torch.randn(p.shape, generator=generator) for name, p in module.named_parameters()}


def set_gradients(module: nn.Module) -> None:
    for (_, p), grad in zip(module.named_parameters(), given_gradients(module).values(), strict=True):
        p.grad = distribute_tensor(grad, p.device_mesh, p.placements) if isinstance(p, DTensor) else grad


def after_one_update(module: nn.Module) -> Whole:
    optimiser = MuonAdamW(module.named_parameters(), OptimiserConfig(lr=0.01))
    for _ in range(2):
        set_gradients(module)
        optimiser.step()
    return {name: whole(p) for name, p in module.named_parameters()}


def after_clipping(module: nn.Module, most: float) -> Whole:
    set_gradients(module)
    norm = clip_gradients(module.parameters(), most)
    return {"norm": whole(norm)} | {n: whole(p.grad) for n, p in module.named_parameters() if p.grad is not None}


def clipped_by_torch(module: nn.Module, most: float) -> Whole:
    set_gradients(module)
    norm = nn.utils.clip_grad_norm_(module.parameters(), most)
    return {"norm": norm} | {n: whole(p.grad) for n, p in module.named_parameters() if p.grad is not None}


def start(folder: Path, *, rank: int = 0, size: int = 1, port: int = 0) -> subprocess.Popen[str]:
    place = {"RANK": str(rank), "WORLD_SIZE": str(size)}
    if size > 1:
        place |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    environment = os.environ | place | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, __file__, str(folder)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Whole]]:
    """What two processes did together (they start slowly, so they do everything at once)."""
    folder = tmp_path_factory.mktemp("pair")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    processes = [start(folder, rank=rank, size=2, port=port) for rank in range(2)]
    said = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], "\n".join(said)
    return folder, torch.load(folder / "results.pt")


def test_a_resumed_run_equals_an_unbroken_one_bit_for_bit(tmp_path: Path) -> None:
    with joined("cpu") as world:
        unbroken, resumed = train(world, tmp_path / "a"), train_broken(world, tmp_path / "b")
    assert same(unbroken, resumed)
    assert not same(unbroken, {name: torch.zeros_like(value) for name, value in unbroken.items()})
    assert curve(tmp_path / "a") == curve(tmp_path / "b")
    assert [line["step"] for line in curve(tmp_path / "b")] == list(range(1, 10))


def test_replicas_begin_alike_and_learn_from_both_processes(pair: tuple[Path, dict[str, Whole]]) -> None:
    sharded, replicas = pair[1]["unbroken"], pair[1]["replicated"]
    assert sharded.keys() == replicas.keys()
    for name, value in replicas.items():  # sums in another order, sharpened by nine updates
        torch.testing.assert_close(value, sharded[name], rtol=1e-3, atol=1e-5)


def test_two_processes_train_save_and_resume_as_if_unbroken(pair: tuple[Path, dict[str, Whole]]) -> None:
    folder, results = pair
    assert same(results["unbroken"], results["resumed"])
    assert curve(folder / "unbroken") == curve(folder / "resumed")


def test_two_processes_train_as_one_with_both_batches(tmp_path: Path, pair: tuple[Path, dict[str, Whole]]) -> None:
    with joined("cpu") as world:
        alone = train(world, tmp_path, toy=Quiet(both=True))
    for name, value in pair[1]["quiet"].items():  # sums in another order, sharpened by nine updates
        torch.testing.assert_close(value, alone[name], rtol=1e-3, atol=1e-4)


def test_a_checkpoint_of_two_processes_loads_in_one(pair: tuple[Path, dict[str, Whole]]) -> None:
    folder, results = pair
    with joined("cpu") as world:
        loaded = train(world, folder / "unbroken")  # nothing is left to train
    assert same(results["unbroken"], loaded)


def test_a_matrix_that_does_not_divide_is_updated_by_two_as_by_one(pair: tuple[Path, dict[str, Whole]]) -> None:
    alone = after_one_update(Toy().module)
    for name, value in pair[1]["updated"].items():
        assert torch.equal(value, alone[name]), name
        assert not torch.equal(value, dict(Toy().module.named_parameters())[name]), name


@pytest.mark.parametrize("most", [0.5, 1e3])
def test_gradients_are_clipped_as_torch_does_it(most: float, pair: tuple[Path, dict[str, Whole]]) -> None:
    wanted = clipped_by_torch(Toy().module, most)
    for clipped in (after_clipping(Toy().module, most), pair[1][f"clipped {most}"]):
        for name, value in clipped.items():  # the norm is summed in another order
            torch.testing.assert_close(value, wanted[name], rtol=1e-5, atol=1e-7)


def test_swapping_the_averages_twice_changes_nothing() -> None:
    module = Toy().module
    average = WeightAverage(module, 0.9)
    with torch.no_grad():
        for p in module.parameters():
            p.add_(1)
    average.aim(0)
    average.update()
    weights = {name: p.detach().clone() for name, p in module.named_parameters()}
    averages = {name: value.clone() for name, value in average.shadow.items()}
    average.swap()
    assert all(torch.equal(p, averages[name]) for name, p in module.named_parameters())
    assert all(torch.equal(value, weights[name]) for name, value in average.shadow.items())
    assert not torch.equal(weights["0.weight"], averages["0.weight"])
    average.swap()
    assert all(torch.equal(p, weights[name]) for name, p in module.named_parameters())


@pytest.mark.parametrize("step_s", [0.7, 2.0])
def test_a_run_with_a_budget_decays_to_nothing_and_ends_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step_s: float
) -> None:
    clock, budget_s = [0.0], 100.0
    monkeypatch.setattr(trainers, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    rates: list[float] = []

    class Slow(Toy):
        def batch(self, step: int, rank: int) -> Tensor:
            clock[0] += step_s + (30.0 if step == 0 else 0.0)  # the first step compiles
            rates.append(float(trainer.optimiser.rate))
            return super().batch(step, rank)

    with joined("cpu") as world:
        slow = Slow()
        config = replace(CONFIG, steps=10_000, seconds=budget_s, log_every=3, save_every=0)
        trainer = Trainer(slow, config, world, tmp_path)
        trainer.run()
    assert 0.9 * budget_s <= clock[0] <= budget_s
    falling = [rate for rate in rates[10:] if rate < 0.00999]  # the rate is kept in float32
    assert falling == sorted(falling, reverse=True)
    assert 0.3 <= len(falling) / len(rates) <= 0.45
    assert rates[-1] <= 0.01 / len(falling) * 1.01


RHYTHMS = replace(
    CONFIG, rhythms=(Rhythm(prefix="2."), Rhythm(prefix="0.", every=3, optimiser=OptimiserConfig(lr=0.005)))
)
"""The first layer of the toy moves every third step, at half the rate of the last one."""


def test_parameters_move_in_their_own_rhythm_and_at_their_own_rate(tmp_path: Path) -> None:
    toy = Toy()
    with joined("cpu") as world:
        trainer = Trainer(toy, RHYTHMS, world, tmp_path)
        for step in range(7):
            before = {name: p.detach().clone() for name, p in toy.module.named_parameters()}
            trainer.update()
            moved = {name: not torch.equal(before[name], p) for name, p in toy.module.named_parameters()}
            assert {name.split(".")[0] for name, each in moved.items() if each} == (
                {"0", "2"} if step % 3 == 0 else {"2"}
            )


def test_a_rhythm_has_an_optimiser_of_its_own_under_the_schedule_of_all() -> None:
    common = OptimiserConfig(lr=0.01, weight_decay=0.0)

    def moved(own: OptimiserConfig | None, *, scheduled: float = 1.0, steps: int = 1) -> Whole:
        toy = Toy()
        optimiser = MuonAdamW(toy.module.named_parameters(), common, (Rhythm(optimiser=own),))
        before = {name: p.detach().clone() for name, p in toy.module.named_parameters()}
        optimiser.rate.fill_(common.lr * scheduled)
        for _ in range(steps):
            set_gradients(toy.module)
            optimiser.step()
        return {name: p.detach() - before[name] for name, p in toy.module.named_parameters()}

    plain, halved = moved(None), moved(replace(common, lr=0.005))
    for name, change in plain.items():
        torch.testing.assert_close(halved[name], 0.5 * change)
        torch.testing.assert_close(moved(replace(common, lr=0.02), scheduled=0.5)[name], change)
    decayed = moved(replace(common, weight_decay=0.5))
    assert not torch.equal(decayed["0.weight"], plain["0.weight"])
    by_adam = moved(replace(common, use_muon=False))
    assert not torch.allclose(by_adam["0.weight"], plain["0.weight"])
    torch.testing.assert_close(by_adam["0.bias"], plain["0.bias"])


def test_a_resumed_run_in_several_rhythms_equals_an_unbroken_one(tmp_path: Path) -> None:
    with joined("cpu") as world:
        unbroken = train(world, tmp_path / "one", config=RHYTHMS)
        with pytest.raises(Broken):
            train(world, tmp_path / "two", toy=Toy(stop_at=5), config=RHYTHMS)
        assert same(train(world, tmp_path / "two", config=RHYTHMS), unbroken)


def test_a_parameter_without_a_rhythm_and_a_rhythm_without_parameters_are_refused() -> None:
    named = list(Toy().module.named_parameters())
    with pytest.raises(ConfigError, match=r"2\.weight fits no rhythm"):
        MuonAdamW(named, OptimiserConfig(lr=0.01), (Rhythm(prefix="0."),))
    with pytest.raises(ConfigError, match="prefix='teacher'"):
        MuonAdamW(named, OptimiserConfig(lr=0.01), (Rhythm(prefix="teacher"), Rhythm()))


def test_a_killed_run_has_a_checkpoint_of_the_last_minutes_and_keeps_to_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(trainers, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    class Slow(Toy):
        def batch(self, step: int, rank: int) -> Tensor:
            clock[0] += 1.0
            return super().batch(step, rank)

    config = replace(CONFIG, steps=10_000, seconds=90.0, log_every=3, save_every=0, save_seconds=20.0)
    with joined("cpu") as world:
        first = Trainer(Slow(stop_at=50), config, world, tmp_path)
        with pytest.raises(Broken):
            first.run()
        (last,) = checkpoints(tmp_path)[-1:]
        assert 20 < int(last.name.removeprefix("step-")) <= 50
        clock[0] += 1_000  # nobody counts the time in between
        begun = clock[0]
        second = Trainer(Slow(), config, world, tmp_path)
        assert second.resume()
        resumed_at = second.step
        second.run()
    assert resumed_at + 0.9 * (90 - resumed_at) <= resumed_at + clock[0] - begun <= 90


def test_who_fails_when_told_of_the_last_step_does_not_cost_the_run(tmp_path: Path) -> None:
    config = replace(CONFIG, save_every=0)

    def told(entry: trainers.LogEntry) -> None:
        if entry.step == entry.total_steps:
            raise Broken

    with joined("cpu") as world:
        toy = Toy()
        shard(toy.module, world, units=[toy.module[0]])  # type: ignore[index]
        with pytest.raises(Broken):
            Trainer(toy, config, world, tmp_path / "failed").run(told)
        again = train(world, tmp_path / "failed", toy=Toy(stop_at=0), config=config)  # there is nothing left to do
        unbroken = train(world, tmp_path / "unbroken", config=config)
    assert same(again, unbroken)


def test_only_the_newest_checkpoints_are_kept_and_half_written_ones_are_not_read(tmp_path: Path) -> None:
    with joined("cpu") as world:
        first = train(world, tmp_path)
        assert [path.name for path in checkpoints(tmp_path)] == ["step-00000008", "step-00000009"]
        (tmp_path / "draft-00000012").mkdir()
        (tmp_path / "step-00000010").mkdir()
        assert same(train(world, tmp_path), first)


def test_a_loss_that_is_no_number_ends_the_run_with_its_step(tmp_path: Path) -> None:
    with joined("cpu") as world:
        toy = Toy()
        with torch.no_grad():
            next(toy.module.parameters()).fill_(float("nan"))
        with pytest.raises(OpenLPMError, match="loss is nan at step 1"):
            Trainer(toy, CONFIG, world, tmp_path).run()


@pytest.mark.long
def test_a_run_that_is_killed_at_any_moment_ends_as_the_unbroken_one(tmp_path: Path) -> None:
    moments = random.Random(20_251)
    for _ in range(3):
        with start(tmp_path / "killed") as process:
            assert process.stdout is not None
            for _ in range(moments.randrange(5, 60)):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
    with start(tmp_path / "killed") as process:
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    with joined("cpu") as world:
        unbroken = train(world, tmp_path / "unbroken", config=LONGER)
    assert same(torch.load(tmp_path / "killed" / "results.pt"), unbroken)


LONGER = replace(CONFIG, steps=400, save_every=7, log_every=10)


class Told(Toy):
    """Says each step, so that another process can choose its moment."""

    def batch(self, step: int, rank: int) -> Tensor:
        print(step, flush=True)  # noqa: T201 (read by the test)
        return super().batch(step, rank)


def work_alone(folder: Path) -> None:
    with joined("cpu") as world:
        torch.save(train(world, folder, toy=Told(), config=LONGER), folder / "results.pt")


def work_together(folder: Path) -> None:
    with joined("cpu") as world:
        assert world.size == 2
        results = {
            "unbroken": train(world, folder / "unbroken"),
            "resumed": train_broken(world, folder / "resumed"),
            "quiet": train(world, folder / "quiet", toy=Quiet(both=False)),
            "replicated": replicated(world, folder / "replicated"),
        }
        module = Toy().module
        shard(module, world, units=[module[0]])  # type: ignore[index]
        for most in (0.5, 1e3):
            results[f"clipped {most}"] = after_clipping(module, most)
        results["updated"] = after_one_update(module)
        if world.is_first:
            torch.save(results, folder / "results.pt")
        world.wait()


if __name__ == "__main__":
    torch.set_num_threads(1)
    (work_together if os.environ["WORLD_SIZE"] == "2" else work_alone)(Path(sys.argv[1]))
