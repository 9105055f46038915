"""A long graph compiled in pieces, which several processes can make at once and then share through torch's cache.

Compiling takes time by the number of operations, in one thread: the renderer's five thousand take two minutes. Of a
graph in pieces each process compiles one, and who comes after them finds all of them compiled. What is computed does
not change: small values (a performer's numbers) are computed again wherever they are used, pictures are passed on.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, final

from torch import Tensor, fx
from torch.fx.node import map_arg

from openlpm.core.errors import ConfigError

CompilePiece = Callable[[fx.GraphModule, list[Any]], Callable[..., Any]]
"""A graph and stand-ins for its inputs -> what runs it."""


def by_inductor(piece: fx.GraphModule, given: list[Any]) -> Callable[..., Any]:
    """What ``torch.compile`` uses; its import takes seconds, which only those who compile should wait for."""
    from torch._inductor.compile_fx import compile_fx

    return compile_fx(piece, given)  # pyright: ignore[reportReturnType] (a callable; torch says less)


_SEARCHED = 0.25
"""Share of a piece's length, on either side of an even cut, in which the cheapest place to cut is looked for."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class InPieces:
    """A backend for ``torch.compile`` of pure functions without gradients: ``torch.compile(f, backend=InPieces(...))``.

    Raises:
        ConfigError: the function changes a tensor in place.
    """

    count: int
    only: frozenset[int] | None = None
    """Pieces to compile; the others run operation by operation, which is enough to fill a cache."""
    large: int = 1 << 15
    """Numbers in a tensor from which on it is passed from piece to piece instead of computed again."""
    compile_piece: CompilePiece = by_inductor

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigError(f"count={self.count}: cut into at least one piece")
        if any(not 0 <= number < self.count for number in self.only or ()):
            raise ConfigError(f"only={sorted(self.only or ())}: pieces are numbered 0 to {self.count - 1}")

    def __call__(self, whole: fx.GraphModule, _: Sequence[Any]) -> Callable[..., Any]:
        """Cut the graph and compile the pieces."""
        changed = [node for node in whole.graph.nodes if _changes_in_place(node)]
        if changed:
            raise ConfigError(f"{changed[0].format_node()}: a function that is cut changes nothing in place")
        (output,) = whole.graph.find_nodes(op="output")
        takes = list(whole.graph.find_nodes(op="placeholder"))
        pieces = _pieces(whole, _cut(whole.graph, self.count, self.large), output.all_input_nodes)
        runs: list[Callable[..., Any]] = [piece.module for piece in pieces]
        for number, piece in enumerate(pieces):
            if self.only is None or number in self.only:
                runs[number] = self.compile_piece(piece.module, [node.meta["example_value"] for node in piece.takes])

        def in_turn(*values: Any) -> Any:
            known: dict[fx.Node, Any] = dict(zip(takes, values, strict=True))
            for run, piece in zip(runs, pieces, strict=True):
                known.update(zip(piece.makes, run(*(known[node] for node in piece.takes)), strict=True))
                for node in piece.last_used:
                    del known[node]
            return map_arg(output.args[0], lambda node: known[node])

        return in_turn


@final
@dataclass(frozen=True, slots=True)
class _Piece:
    """Takes and makes values of nodes of the whole graph; nobody after it needs those in ``last_used``."""

    module: fx.GraphModule
    takes: list[fx.Node]
    makes: list[fx.Node]
    last_used: list[fx.Node]


def _changes_in_place(node: fx.Node) -> bool:
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    return node.op.startswith("call") and (name == "setitem" or (name.endswith("_") and not name.startswith("_")))


def _numel(node: fx.Node) -> int:
    """Numbers in the tensor of a node; 0 for what is none, such as the parts of a split, which cost nothing again."""
    value = node.meta.get("example_value")
    return value.numel() if isinstance(value, Tensor) else 0


def _cut(graph: fx.Graph, count: int, large: int) -> dict[fx.Node, int]:
    """The piece of every large value: about as much work in each, cut where the fewest numbers cross."""
    nodes = [node for node in graph.nodes if node.op.startswith("call") and _numel(node) >= large]
    place = {node: index for index, node in enumerate(nodes)}
    crossing = [0] * (len(nodes) + 1)
    for node, index in place.items():
        for cut in range(index + 1, max(_places_of_readers(node, place), default=-1) + 1):
            crossing[cut] += _numel(node)
    work = _work(nodes, place)
    length = work[-1] / count
    cuts = [0]
    for number in range(1, count):
        allowed = [
            cut for cut in range(cuts[-1], len(nodes) + 1) if abs(work[cut] - number * length) <= _SEARCHED * length
        ]
        cuts.append(min(allowed, key=crossing.__getitem__, default=cuts[-1]))
    return {node: max(k for k, cut in enumerate(cuts) if cut <= index) for node, index in place.items()}


def _work(nodes: list[fx.Node], place: dict[fx.Node, int]) -> list[int]:
    """Operations before each large value and after the last, a small one counted where it is first needed."""
    counted: set[fx.Node] = set()
    before = [0]
    for node in nodes:
        waiting, done = [node], 0
        while waiting:
            one = waiting.pop()
            if one in counted or (one in place and one is not node):
                continue
            counted.add(one)
            done += one.op.startswith("call")
            waiting += one.all_input_nodes
        before.append(before[-1] + done)
    return before


def _places_of_readers(node: fx.Node, place: dict[fx.Node, int]) -> Iterable[int]:
    """Where large values are computed from this one, be it through small ones."""
    for reader in node.users:
        if reader in place:
            yield place[reader]
        else:
            yield from _places_of_readers(reader, place)


def _pieces(whole: fx.GraphModule, piece_of: dict[fx.Node, int], results: list[fx.Node]) -> list[_Piece]:
    count = 1 + max(piece_of.values(), default=0)
    own = [[node for node, piece in piece_of.items() if piece == number] for number in range(count)]
    # Results that are small belong to the last piece, or to where they are given.
    own[-1] += [node for node in results if node not in piece_of and node.op != "placeholder"]
    needs = [_needed(nodes, piece_of, number) for number, nodes in enumerate(own)]
    last_use: dict[fx.Node, int] = {node: k for k, (takes, _) in enumerate(needs) for node in takes}
    pieces: list[_Piece] = []
    for number, (takes, inside) in enumerate(needs):
        graph = fx.Graph()
        copies = {node: graph.placeholder(f"given_{k}") for k, node in enumerate(takes)}
        for node in whole.graph.nodes:
            if node in inside:
                copies[node] = graph.node_copy(node, lambda other: copies[other])  # noqa: B023 (used at once)
        makes = [node for node in own[number] if last_use.get(node, -1) > number or node in results]
        graph.output(tuple(copies[node] for node in makes))
        over = [node for node, last in last_use.items() if last == number and node not in results]
        pieces.append(_Piece(fx.GraphModule(whole, graph), takes, makes, over))
    return pieces


def _needed(
    nodes: list[fx.Node], piece_of: dict[fx.Node, int], number: int
) -> tuple[list[fx.Node], dict[fx.Node, None]]:
    """What a piece takes (inputs of the whole, large values of pieces before) and what it computes itself."""
    takes: dict[fx.Node, None] = {}
    inside: dict[fx.Node, None] = dict.fromkeys(nodes)
    waiting = list(nodes)
    while waiting:
        for source in waiting.pop().all_input_nodes:
            if source in takes or source in inside:
                continue
            if source.op == "placeholder" or piece_of.get(source, number) != number:
                takes[source] = None
            else:
                inside[source] = None
                waiting.append(source)
    return list(takes), inside
