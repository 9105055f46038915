"""``openlpm bench classic``: the metrics that the field is used to, on the user's weights, with their pitfalls."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from openlpm.core.fields import split_assignment

if TYPE_CHECKING:
    from openlpm.bench.classic.measuring import Measured

HELP = """Classic metrics of a submission: LSE-C, LSE-D, FID, FVD, CSIM, dimensions of VBench, on weights of your own.

Examples:

  openlpm bench classic submissions/base --bench bench --truth submissions/truth --weights fid=inception.pt

  openlpm bench classic submissions/base --bench bench --truth submissions/truth --weights csim=face.pt
  --control swapped_identity=controls/swapped_identity

Weights are TorchScript files; docs/arena.md says what each has to take and to give. A metric is shown only if the
controls that it needs were given and told apart from the truth; --out has its values all the same.
"""


def classic(
    submission: Annotated[Path, typer.Argument(help="The folder of a submission.")],
    *,
    bench: Annotated[Path, typer.Option(help="The folder of the benchmark, with cases.jsonl and assets.")],
    truth: Annotated[Path, typer.Option(help="The submission that is the truth.")],
    weights: Annotated[list[str], typer.Option(help="METRIC=FILE: a TorchScript file (repeatable).")],
    control: Annotated[
        list[str] | None, typer.Option(help="CONTROL=FOLDER: a submission that is broken on purpose (repeatable).")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A file for the values of every case, as per_case.jsonl.")] = None,
) -> None:
    """Measure a submission with metrics whose weights are given."""
    from openlpm.bench.arena.case import read_cases
    from openlpm.bench.arena.entry import read_entry
    from openlpm.bench.classic.catalogue import load_metric
    from openlpm.bench.classic.measuring import Reel, measure, write_per_case
    from openlpm.cli.output import require_writable
    from openlpm.cli.progress import told

    require_writable(out)
    cases = read_cases(bench)
    metrics = [load_metric(name, Path(path)) for name, path in map(split_assignment, weights)]
    shown, true = (Reel(read_entry(folder, cases), cases) for folder in (submission, truth))
    controls = {name: Reel(read_entry(Path(path), cases), cases) for name, path in map(split_assignment, control or [])}
    found: list[Measured] = []
    for metric in metrics:
        told(f"{metric.about.name} ...")
        found.append(measure(metric, shown, true, controls))
    if out is not None:
        write_per_case(found, out)
    _print(found)


def _print(found: "Iterable[Measured]") -> None:
    found = list(found)
    table = Table("metric", "value", "95 %", "better", "cases", "controls", box=SIMPLE_HEAD)
    for each in found:
        about, estimate = each.metric.about, each.estimate
        proof = ", ".join(f"{name} {auc:.2f}" for name, auc in each.auc.items()) or "none given"
        if each.lacks:
            value, between = "not shown", f"needs {', '.join(each.lacks)}"
        else:
            value = f"{estimate.value:.4g}"
            between = "–" if estimate.low is None else f"{estimate.low:.4g} to {estimate.high:.4g}"
        table.add_row(about.name, value, between, about.better, f"{len(each.values)} of {each.num_cases}", proof)
    Console().print(table)
    for each in found:
        for pitfall in each.metric.about.pitfalls:
            typer.echo(f"{each.metric.about.name}: {pitfall}")
