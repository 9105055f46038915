"""Clips side by side: the order stays, and so does the number of threads."""

import threading

import pytest
import torch

from openlpm.bench import truth
from openlpm.bench.threads import spread
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.references import reference_pictures, reference_pictures_of

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def two_threads() -> object:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_two_items_are_worked_on_at_once_and_come_back_in_order() -> None:
    both = threading.Barrier(2, timeout=20)  # broken unless two are at it

    def work(item: int) -> tuple[int, int]:
        both.wait()
        return item, torch.get_num_threads()

    assert spread(work, range(4), torch.device("cpu")) == [(0, 1), (1, 1), (2, 1), (3, 1)]
    assert torch.get_num_threads() == 2


def test_a_single_item_has_all_threads() -> None:
    assert spread(lambda _: torch.get_num_threads(), [0], torch.device("cpu")) == [2]


def test_an_accelerator_is_not_shared_and_an_error_comes_through() -> None:
    here = threading.current_thread()
    assert spread(lambda _: threading.current_thread(), range(3), torch.device("meta")) == [here] * 3
    with pytest.raises(ValueError, match="broken"):
        spread(lambda _: int("broken"), range(3), torch.device("cpu"))
    assert torch.get_num_threads() == 2


def test_people_drawn_side_by_side_are_drawn_as_they_are_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    people, place = [Identity.from_seed(seed) for seed in range(3)], torch.device("cpu")
    alone = reference_pictures_of(people, device=place)
    drawn_by: list[int] = []

    def drawn(person: Identity, *, device: torch.device) -> torch.Tensor:
        drawn_by.append(torch.get_num_threads())
        return reference_pictures(person, device=device)

    monkeypatch.setattr(truth, "reference_pictures", drawn)
    for ours, theirs in zip(truth.pictures_of(people, place), alone, strict=True):
        assert torch.equal(ours, theirs)
    assert drawn_by == [1, 1, 1]  # a picture's operations are so small that threads would mostly wait for each other
