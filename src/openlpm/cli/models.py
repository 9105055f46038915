"""``openlpm models``: every size of the character transformer."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer
from rich.console import Console
from rich.table import Table

from openlpm.cli.output import require_writable

if TYPE_CHECKING:
    from openlpm.recipes.models import NamedModel


def models(
    json_path: Annotated[Path | None, typer.Option("--json", help="Write the table to this file as JSON.")] = None,
) -> None:
    """List every model size with its parameters and what it asks of memory."""
    from openlpm.dit.work import num_parameters
    from openlpm.recipes.models import named_models

    require_writable(json_path)
    rows = [_row(model, num_parameters(model.config)) for model in named_models()]
    table = Table(title="Character transformers")
    for heading in ("name", "parameters", "layers", "width", "heads", "picture", "tokens/s", "in bf16"):
        table.add_column(heading, justify="left" if heading == "name" else "right")
    for row in rows:
        table.add_row(
            row["name"],
            _short(row["parameters"]),
            str(row["layers"]),
            str(row["width"]),
            str(row["heads"]),
            "x".join(str(size) for size in row["picture"]),
            str(row["tokens_per_second"]),
            f"{row['memory_bf16_bytes'] / 2**30:.2f} GiB",
        )
    Console().print(table)
    if json_path is not None:
        json_path.write_text(json.dumps({"models": rows}, indent=1) + "\n")


class _Row(TypedDict):
    name: str
    parameters: int
    layers: int
    width: int
    heads: int
    picture: tuple[int, int]
    tokens_per_second: int
    memory_bf16_bytes: int


def _row(model: "NamedModel", parameters: int) -> _Row:
    return _Row(
        name=model.name,
        parameters=parameters,
        layers=model.config.num_layers,
        width=model.config.width,
        heads=model.config.num_heads,
        picture=model.picture,
        tokens_per_second=model.tokens_per_second,
        memory_bf16_bytes=2 * parameters,
    )


def _short(count: int) -> str:
    return f"{count / 1e9:.2f} B" if count >= 1e9 else f"{count / 1e6:.2f} M"
