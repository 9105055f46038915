"""The ``openlpm`` command."""

import typer

app = typer.Typer(name="openlpm", no_args_is_help=True, help="Make a character perform a conversation.")


def main() -> None:
    """Entry point of the console script."""
    app()
