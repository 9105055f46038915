"""``openlpm weights fetch``: a release from the Hugging Face hub, because somebody asked for it."""

from pathlib import Path
from typing import Annotated

import typer

from openlpm.cli.progress import told
from openlpm.core.errors import InputError


def fetch(
    name: Annotated[str, typer.Argument(help="A release such as wan2.1-t2v-1.3b, or an encoder such as umt5-xxl.")],
    out: Annotated[Path, typer.Argument(help="The folder to write.")],
    *,
    layout: Annotated[str, typer.Option(help="original or diffusers.")] = "original",
    revision: Annotated[str | None, typer.Option(help="Commit, tag or branch on the hub.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be fetched from where; no network.")
    ] = False,
) -> None:
    """Fetch a transformer of Wan2.1, its autoencoder or an encoder from the Hugging Face hub.

    Nothing else in OpenLPM downloads weights. What is fetched has licences of its own.
    """
    from openlpm.recipes.hub import fetched, release

    if layout not in ("original", "diffusers"):
        raise InputError(f"--layout {layout}: give original or diffusers")
    wanted = release(name, diffusers=layout == "diffusers")
    told(f"{wanted.repository} ({', '.join(wanted.patterns)}), about {wanted.size_gb:g} GB, into {out}")
    if not dry_run:
        told(f"fetched to {fetched(wanted, out, revision)}")
