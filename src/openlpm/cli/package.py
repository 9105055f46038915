"""``openlpm package``: from a training's folder to one that ships."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from openlpm.cli.output import require_writable
from openlpm.cli.progress import told

if TYPE_CHECKING:
    from openlpm.recipes.package import PackedNetwork

HELP = """Make the folder that ships from what a training left: int8 rows, and Online as a difference to Base.

Examples:

  openlpm package out/nano out/shipped/nano

  openlpm package out/nano out/shipped/nano --online out/nano/online/refine --budget 2.5

The judges that lie in TRAINED are put beside SHIPPED. With --online the transformers of that stage are stored as so
many components of what distillation changed as the budget holds; a table says what is lost. A chain that was trained
with --set rank=R (openlpm train) loses nothing but rounding where R components fit.
"""


def package(
    trained: Annotated[Path, typer.Argument(help="The folder of a training, in full precision.")],
    shipped: Annotated[Path, typer.Argument(help="The model folder to write.")],
    *,
    online: Annotated[
        Path | None, typer.Option(help="The folder of the last stage of the Online chain, made from this Base.")
    ] = None,
    budget: Annotated[
        float, typer.Option(min=0.05, max=100.0, help="MiB for the transformers of Online together.")
    ] = 2.5,
    json_path: Annotated[Path | None, typer.Option("--json", help="Also write what is lost to this file.")] = None,
) -> None:
    """Store small and say what it cost."""
    from openlpm.recipes.package import package as pack

    require_writable(json_path)
    packed = pack(trained, shipped, online=online, budget_mib=budget)
    for network in packed:
        Console().print(_table(network))
    size = sum(path.stat().st_size for path in shipped.rglob("*") if path.is_file())
    told(f"{shipped}: {size / 2**20:.2f} MiB")
    if json_path is not None:
        json_path.write_text(json.dumps({"networks": [asdict(each) for each in packed]}, indent=1) + "\n")


def _table(network: "PackedNetwork") -> Table:
    title = (
        f"{network.name}: {network.size_mib:.2f} MiB beside {network.base}, mean rank {network.mean_rank:.1f}; "
        f"distillation changed {network.changed:.1%} of the weights' norm, of which {network.error:.1%} is lost "
        f"({network.error_whole:.1%} if it were stored whole)"
    )
    table = Table(title=title)
    for heading in ("even rank", "MiB", "lost before rounding"):
        table.add_column(heading, justify="right")
    for cut in network.cuts:
        table.add_row(str(cut.rank), f"{cut.size_mib:.2f}", f"{cut.lost:.1%}")
    return table
