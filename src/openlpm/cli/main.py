"""The ``openlpm`` command."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from openlpm import __version__
from openlpm.cli import bench, characters, data, demo, doctor, generate, package, serve, stream, synth, train, weights
from openlpm.cli.errors import run
from openlpm.cli.models import models

HELP = """From a picture of a character and a voice to a performance: it listens, speaks and idles, as video with sound.

Examples:

  openlpm demo --out demo.mp4

  openlpm doctor

  openlpm characters preview --out sheet.png

  openlpm characters new --seed 7 --out ada.png --refs ada_refs

  openlpm generate --character ada.png --listen question.wav --speak reply.wav --out out.mp4

  openlpm synth render --out talks --count 4

  openlpm train all --tiny --out out/tiny

  openlpm data build recordings --out dataset

  openlpm weights inspect wan2.1-i2v-14b-480p

Every command explains itself: openlpm generate --help.
"""

app = typer.Typer(name="openlpm", help=HELP, add_completion=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def _root(  # pyright: ignore[reportUnusedFunction]  # typer keeps it
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False
) -> None:
    if version:
        typer.echo(f"openlpm {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


app.command("generate", help=generate.HELP)(generate.generate)
app.add_typer(characters.app, name="characters")
app.command("demo", help=demo.HELP)(demo.demo)
app.command("doctor", help=doctor.HELP)(doctor.doctor)
app.command("models")(models)
app.command("serve", help=serve.HELP)(serve.serve)
app.command("stream", help=stream.HELP)(stream.stream)
app.command("train", help=train.HELP)(train.train)
app.command("package", help=package.HELP)(package.package)
app.add_typer(bench.app, name="bench")
app.add_typer(data.app, name="data")
app.add_typer(synth.app, name="synth")
app.add_typer(weights.app, name="weights")


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of the console script: run a command, return its exit code."""
    return run(app, arguments)


if __name__ == "__main__":  # torchrun -m openlpm.cli.main
    sys.exit(main())
