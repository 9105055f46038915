"""``openlpm characters``: look at the cast, create members of it, find the one closest to a picture."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from openlpm.cli.character import (
    SEED_PREFIX,
    as_pictures,
    drawn_references,
    load_character,
    reference_file,
)
from openlpm.core.errors import InputError
from openlpm.core.seeds import split_of

HELP = """Look at the cast, create characters, find the closest one to a picture.

Examples:

  openlpm characters                        a few members and how they look

  openlpm characters preview --seeds 900000:900064 --out sheet.png

  openlpm characters new --seed 7 --out ada.png     and its references in ada_refs

  openlpm characters nearest photo.jpg
"""

MAX_SHEET = 1024
_RENDERED_TOGETHER = 16
_LISTED = range(900_000, 900_012)

app = typer.Typer(help=HELP, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def _cast(context: typer.Context) -> None:  # pyright: ignore[reportUnusedFunction]  # typer keeps it
    if context.invoked_subcommand is None:
        _list(_LISTED)
        typer.echo("There are a million: openlpm characters preview draws them, openlpm characters new keeps one.")


def _list(seeds: range) -> None:
    from openlpm.synth.look.identity import Identity, describe

    table = Table("character", "split", "description", box=None, header_style="bold")
    for seed in seeds:
        table.add_row(f"{SEED_PREFIX}{seed}", str(split_of(seed)), describe(Identity.from_seed(seed)))
    Console(highlight=False).print(table)


@app.command(help="Draw the portrait of a cast member and its reference pictures (global, views, expressions).")
def new(
    seed: Annotated[int, typer.Option(min=0, max=999_999, help="Which member of the cast.")],
    out: Annotated[Path, typer.Option(help="The portrait to write (.png).")],
    refs: Annotated[
        Path | None, typer.Option(help="The folder for references; without it NAME_refs beside the portrait.")
    ] = None,
) -> None:
    """Write a portrait and a folder of references."""
    from openlpm.media.picture import write_picture
    from openlpm.synth.look.identity import Identity, describe

    folder = out.with_name(f"{out.stem}_refs") if refs is None else refs
    named = {reference_file(key): image_HWC for key, image_HWC in drawn_references(seed).items()}
    write_picture(out, named["global.png"])
    for name, image_HWC in named.items():
        write_picture(folder / name, image_HWC)
    typer.echo(f"{out}, {folder}: {SEED_PREFIX}{seed}, {describe(Identity.from_seed(seed))}")


@app.command(help="Draw a sheet of portraits.")
def preview(
    out: Annotated[Path, typer.Option(help="The sheet to write (.png).")],
    seeds: Annotated[str, typer.Option(help="FIRST:END, END not included.")] = "900000:900064",
    columns: Annotated[int, typer.Option(min=1, max=64, help="Portraits in a row.")] = 8,
) -> None:
    """Write a sheet of neutral portraits in the order of their seeds."""
    import torch

    from openlpm.core.rig import NUM_RIG
    from openlpm.media.picture import write_picture
    from openlpm.synth.look.identity import Identity
    from openlpm.synth.look.render import Cast
    from openlpm.synth.look.sheet import contact_sheet

    chosen = parse_range(seeds)
    portraits: list[torch.Tensor] = []
    with torch.inference_mode():
        for first in range(chosen.start, chosen.stop, _RENDERED_TOGETHER):
            members = range(first, min(first + _RENDERED_TOGETHER, chosen.stop))
            cast = Cast([Identity.from_seed(seed) for seed in members], device="cpu")
            portraits.append(cast.render(torch.zeros(len(members), 1, NUM_RIG))[:, 0])
        sheet_CHW = contact_sheet(torch.cat(portraits), min(columns, len(chosen)))
    write_picture(out, as_pictures(sheet_CHW[None].numpy())[0])
    typer.echo(f"{out}: {SEED_PREFIX}{chosen.start} to {SEED_PREFIX}{chosen.stop - 1}, {columns} in a row")


def parse_range(text: str) -> range:
    """The seeds of ``FIRST:END``.

    Raises:
        InputError: no such range, or one that is empty, too long, or leaves the cast.
    """
    first, colon, end = text.partition(":")
    if not (colon and first.isdecimal() and end.isdecimal()):
        raise InputError(f"--seeds {text}: give FIRST:END, for instance 900000:900064")
    chosen = range(int(first), int(end))
    if not 1 <= len(chosen) <= MAX_SHEET or chosen.stop > 1_000_000:
        raise InputError(f"--seeds {text}: give 1 to {MAX_SHEET} seeds between 0 and 1000000")
    return chosen


@app.command(help="Find the cast members closest to a picture in colours and attributes.")
def nearest(
    picture: Annotated[str, typer.Argument(help="A PNG, JPEG or WebP file (or seed:N).")],
    count: Annotated[int, typer.Option(min=1, max=50, help="How many to list.")] = 5,
) -> None:
    """Print the closest members and whether the picture is one the model can work with."""
    from openlpm.synth.look.nearest import nearest_members

    match = nearest_members(load_character(picture).portrait_HWC, count=count)
    table = Table("character", "distance", "description", box=None, header_style="bold")
    for member in match.members:
        table.add_row(f"{SEED_PREFIX}{member.seed}", f"{member.distance:.2f}", member.description)
    Console(highlight=False).print(table)
    verdict = (
        f"unlike the cast ({match.reason})" if match.outside else "like the cast: the model should know such a face"
    )
    typer.echo(f"{picture} looks {verdict}.")
