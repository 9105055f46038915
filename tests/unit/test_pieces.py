"""A graph in pieces computes what it computes whole, in as many compilations as are asked for."""

from typing import Any

import pytest
import torch
from torch import Tensor, fx

from openlpm.core.errors import ConfigError
from openlpm.parallel.pieces import InPieces

pytestmark = pytest.mark.unit


def draw(numbers_NV: Tensor) -> tuple[Tensor, Tensor]:
    """Six large values in a row, small ones that all of them use, and a small result."""
    first, second = numbers_NV.split(1, dim=1)
    size, shade = first.exp()[:, :, None], second.sin()[:, :, None]
    line = torch.linspace(-1, 1, 32)
    canvas = line[None, None] * line[None, :, None] * size
    early = canvas.cos()
    for _ in range(4):
        canvas = canvas * shade + size.square()
    return canvas + early, canvas.mean(dim=(1, 2)) + shade[:, 0, 0]


class Watch:
    """Stands for the compiler; notes what it is given."""

    def __init__(self) -> None:
        self.pieces: list[fx.GraphModule] = []

    def __call__(self, piece: fx.GraphModule, given: list[Any]) -> fx.GraphModule:
        assert len(given) == len(list(piece.graph.find_nodes(op="placeholder")))
        self.pieces.append(piece)
        return piece


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_pieces_in_turn_do_what_the_whole_does(count: int) -> None:
    torch._dynamo.reset()
    watch = Watch()
    compiled = torch.compile(draw, dynamic=False, backend=InPieces(count=count, large=1024, compile_piece=watch))
    with torch.no_grad():
        for numbers_NV in torch.rand(3, 2, 2):
            for ours, theirs in zip(compiled(numbers_NV), draw(numbers_NV), strict=True):
                assert torch.equal(ours, theirs)
    assert len(watch.pieces) == count


def test_only_some_pieces_are_compiled_and_the_result_is_whole() -> None:
    torch._dynamo.reset()
    watch = Watch()
    backend = InPieces(count=3, only=frozenset({1}), large=1024, compile_piece=watch)
    with torch.no_grad():
        result = torch.compile(draw, dynamic=False, backend=backend)(torch.ones(2, 2))
    assert torch.equal(result[0], draw(torch.ones(2, 2))[0])
    assert len(watch.pieces) == 1


def test_each_piece_is_about_as_long_and_takes_few_values() -> None:
    torch._dynamo.reset()
    watch = Watch()
    with torch.no_grad():
        backend = InPieces(count=3, large=1024, compile_piece=watch)
        torch.compile(draw, dynamic=False, backend=backend)(torch.ones(2, 2))
    calls = [sum(node.op.startswith("call") for node in piece.graph.nodes) for piece in watch.pieces]
    taken = [len(list(piece.graph.find_nodes(op="placeholder"))) for piece in watch.pieces]
    assert max(calls) < 3 * min(calls)
    assert max(taken) <= 3  # the numbers, the canvas and what waits to be added to it


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # of the compiler's own imports
def test_a_piece_through_the_real_compiler_computes_the_same() -> None:
    torch._dynamo.reset()
    with torch.no_grad():
        result = torch.compile(draw, dynamic=False, backend=InPieces(count=2, large=1024))(torch.ones(2, 2))
    torch.testing.assert_close(result, draw(torch.ones(2, 2)))


def test_what_changes_in_place_is_refused() -> None:
    def changing(numbers_NV: Tensor) -> Tensor:
        return numbers_NV.clone().add_(1.0)

    torch._dynamo.reset()
    with pytest.raises(Exception, match="changes nothing in place"):
        torch.compile(changing, dynamic=False, backend=InPieces(count=2))(torch.ones(2, 2))


def test_pieces_that_are_not_there_are_refused() -> None:
    with pytest.raises(ConfigError, match="numbered 0 to 1"):
        InPieces(count=2, only=frozenset({2}))
