"""The ``openlpm`` command."""

import typer

from openlpm.cli.models import models

app = typer.Typer(name="openlpm", no_args_is_help=True, help="Make a character perform a conversation.")
app.command("models")(models)


def main() -> None:
    """Entry point of the console script."""
    app()
