"""Weights as a difference to others: cut, stored, added again."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from openlpm.core.errors import ConfigError, WeightsError
from openlpm.weights.difference import FACTORS, Difference, added, components, product
from openlpm.weights.store import Storage, load, save

pytestmark = pytest.mark.unit

State = dict[str, Tensor]


@pytest.fixture
def base() -> State:
    torch.manual_seed(3)
    return {
        "wide.weight": torch.randn(40, 96),
        "tall.weight": torch.randn(96, 40),
        "kernel.weight": torch.randn(48, 8, 3, 3),
        "slots": torch.randn(6, 40),
        "bias": torch.randn(96),
        "same.weight": torch.randn(40, 40),
    }


@pytest.fixture
def target(base: State) -> State:
    """Changed by what falls off slowly, in everything but one matrix."""
    made = dict(base)
    for key, value in base.items():
        if key != "same.weight":
            made[key] = value + 0.05 * torch.randn_like(value)
    return made


def distance(one: State, other: State) -> float:
    return float(torch.stack([(one[key] - other[key]).square().sum() for key in other]).sum().sqrt())


def test_a_matrix_is_the_product_of_all_its_components() -> None:
    torch.manual_seed(0)
    for shape in [(30, 50), (50, 30), (32, 4, 3, 3)]:
        matrix = torch.randn(shape)
        parts = components(matrix)
        torch.testing.assert_close(product(parts.factors(len(parts.size_R)), shape), matrix, rtol=0, atol=1e-5)


def test_both_sides_of_a_component_are_equally_large() -> None:
    torch.manual_seed(0)
    factors_RL = components(torch.randn(30, 200)).factors(5)
    left, right = factors_RL[:, :30].abs().amax(1), factors_RL[:, 30:].abs().amax(1)
    torch.testing.assert_close(left, right)


def test_the_more_components_the_less_is_lost_and_at_full_rank_nothing(base: State, target: State) -> None:
    difference = Difference(base, target)
    errors: list[float] = []
    for rank in (0, 1, 4, 16, difference.most):
        ranks = difference.evenly(rank)
        errors.append(distance(added(base, difference.state(ranks)), target))
        matrices = ("wide.weight", "tall.weight", "kernel.weight")
        whole = distance({key: base[key] for key in matrices}, {key: target[key] for key in matrices})
        assert errors[-1] == pytest.approx(difference.lost(ranks) * whole, rel=1e-3, abs=1e-4)
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 3 * errors[-2] / 2
    given_back = added(base, difference.state(difference.evenly(difference.most)))
    assert all(torch.equal(given_back[key], target[key]) for key in target)


def test_what_is_of_low_rank_is_kept_by_as_many_components(base: State) -> None:
    target = {key: value.clone() for key, value in base.items()}
    for key in ("wide.weight", "tall.weight"):
        rows, columns = base[key].shape
        target[key] += 0.3 * torch.randn(rows, 2) @ torch.randn(2, columns)
    difference = Difference(base, target)
    assert difference.lost(difference.evenly(1)) > 0.1
    assert difference.lost(difference.evenly(2)) < 1e-6
    together = added(base, difference.state(difference.evenly(2)))
    for key, wanted in target.items():
        torch.testing.assert_close(together[key], wanted, rtol=0, atol=1e-5)
    assert set(difference.state(difference.evenly(2))) == {"wide.weight" + FACTORS, "tall.weight" + FACTORS}


def test_a_budget_is_kept_and_spent_where_it_saves_most(base: State, target: State, tmp_path: Path) -> None:
    target["tall.weight"] = base["tall.weight"] + 10 * (target["tall.weight"] - base["tall.weight"])
    save(base, tmp_path / "dit", storage=Storage.FP32)
    difference = Difference(base, target)
    smallest = difference.size_bytes(difference.evenly(0))
    for extra in (500, 2_000, 3_500):
        ranks = difference.within(smallest + extra)
        written = save(difference.state(ranks), tmp_path / "x", storage=Storage.INT8_ROWS, base=tmp_path / "dit")
        assert sum(path.stat().st_size for path in written) <= smallest + extra
        assert ranks["tall.weight"] > ranks["wide.weight"]
        assert difference.size_bytes(ranks) > smallest + extra - 400  # a component that still fitted would be in
    with pytest.raises(ConfigError, match="vectors alone take"):
        difference.within(smallest - 1)


@pytest.mark.parametrize("storage", [Storage.FP32, Storage.INT8_ROWS])
def test_what_is_loaded_is_exactly_the_sum(base: State, target: State, tmp_path: Path, storage: Storage) -> None:
    save(base, tmp_path / "dit", storage=storage)
    difference = Difference(base, target)
    stored = difference.state(difference.evenly(5))
    save(stored, tmp_path / "plain", storage=storage)  # what becomes of the tensors themselves
    save(stored, tmp_path / "backbone", storage=storage, base=tmp_path / "dit")
    there, loaded = load(tmp_path / "dit"), load(tmp_path / "backbone")
    assert loaded.keys() == base.keys()
    assert torch.equal(loaded["same.weight"], there["same.weight"])
    kept = target["bias"] if storage is Storage.FP32 else target["bias"].half().float()
    assert torch.equal(loaded["bias"], kept)
    if storage is Storage.FP32:
        wanted = added(there, load(tmp_path / "plain"))
        assert all(torch.equal(loaded[key], wanted[key]) for key in wanted)
    exact = added(there, stored)
    rounding, cut = distance(loaded, exact), distance(exact, target)
    assert rounding < 0.1 * cut
    assert load(tmp_path / "backbone", dtype=torch.bfloat16)["wide.weight"].dtype is torch.bfloat16


def test_few_components_are_rounded_to_bytes_too(base: State, target: State, tmp_path: Path) -> None:
    save(base, tmp_path / "dit", storage=Storage.INT8_ROWS)
    difference = Difference(base, target)
    save(difference.state(difference.evenly(2)), tmp_path / "x", storage=Storage.INT8_ROWS, base=tmp_path / "dit")
    index = json.loads((tmp_path / "x" / "index.json").read_text())
    assert "wide.weight" + FACTORS in index["quantised"]


def test_a_difference_of_a_difference_adds_up(base: State, target: State, tmp_path: Path) -> None:
    further = {key: value + 0.01 for key, value in target.items()}
    save(base, tmp_path / "dit", storage=Storage.FP32)
    for name, beside, goal in (("backbone", "dit", target), ("refiner", "backbone", further)):
        difference = Difference(load(tmp_path / beside), goal)
        state = difference.state(difference.evenly(difference.most))
        save(state, tmp_path / name, storage=Storage.FP32, base=tmp_path / beside)
    loaded = load(tmp_path / "refiner")
    assert all(torch.equal(loaded[key], further[key]) for key in further)


def test_a_difference_beside_other_weights_is_refused(base: State, target: State, tmp_path: Path) -> None:
    save(base, tmp_path / "dit", storage=Storage.FP32)
    difference = Difference(base, target)
    save(difference.state(difference.evenly(3)), tmp_path / "x", storage=Storage.FP32, base=tmp_path / "dit")
    save(target, tmp_path / "dit", storage=Storage.FP32)
    with pytest.raises(WeightsError, match="is a difference to other weights than those in"):
        load(tmp_path / "x")
    (tmp_path / "dit").rename(tmp_path / "elsewhere")
    with pytest.raises(WeightsError, match=r"dit holds no weights, but others are a difference to them"):
        load(tmp_path / "x")


@pytest.mark.parametrize(
    ("key", "shape", "words"),
    [
        ("unknown.weight" + FACTORS, (2, 80), "belongs to no tensor"),
        ("unknown.bias", (3,), "belongs to no tensor"),
        ("wide.weight" + FACTORS, (2, 100), "does not fit wide.weight"),
        ("bias" + FACTORS, (2, 97), "does not fit bias"),
        ("bias", (95,), "does not fit bias"),
    ],
)
def test_a_difference_that_does_not_fit_is_named(
    base: State, tmp_path: Path, key: str, shape: tuple[int, ...], words: str
) -> None:
    save(base, tmp_path / "dit", storage=Storage.FP32)
    save({key: torch.zeros(shape)}, tmp_path / "x", storage=Storage.FP32, base=tmp_path / "dit")
    with pytest.raises(WeightsError, match=words) as caught:
        load(tmp_path / "x")
    assert str(tmp_path / "x") in str(caught.value)


def test_a_difference_is_stored_beside_its_base_alone(base: State, tmp_path: Path) -> None:
    save(base, tmp_path / "dit", storage=Storage.FP32)
    for folder in (tmp_path / "far" / "x", tmp_path / "dit"):
        with pytest.raises(WeightsError, match="does not lie beside"):
            save({}, folder, storage=Storage.FP32, base=tmp_path / "dit")
    assert load(tmp_path / "dit").keys() == base.keys()


@pytest.mark.parametrize("wrong", [{"name": "../dit", "index_sha256": ""}, {"name": "dit"}, "dit"])
def test_an_index_that_names_its_base_badly_is_refused(base: State, tmp_path: Path, wrong: object) -> None:
    save(base, tmp_path / "dit", storage=Storage.FP32)
    save({}, tmp_path / "x", storage=Storage.FP32, base=tmp_path / "dit")
    path = tmp_path / "x" / "index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"base": wrong}))
    with pytest.raises(WeightsError, match="is no index of weights"):
        load(tmp_path / "x")


def test_weights_of_other_keys_or_shapes_have_no_difference(base: State) -> None:
    for other in ({"bias": base["bias"]}, base | {"bias": torch.zeros(4)}):
        with pytest.raises(ConfigError, match="compare like with like"):
            Difference(base, other)
