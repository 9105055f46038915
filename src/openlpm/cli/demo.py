"""``openlpm demo``: a conversation with a character that the model has never seen, from what is in the package."""

from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from openlpm.cli.character import SEED_PREFIX, cast_member
from openlpm.cli.generate import conversation
from openlpm.cli.performance import Performance, Settings, perform

HELP = """Make a character of the cast listen to a question and answer it; needs no file and no network.

The character is a test identity: the model was trained on others. Both voices lie in the package.
"""

DEMO_SEED = 900_007


def demo(
    *,
    out: Annotated[Path, typer.Option(help="The video to write (.mp4).")],
    seed: Annotated[int, typer.Option(min=0, max=999_999, help="Which member of the cast performs.")] = DEMO_SEED,
    steps: Annotated[int | None, typer.Option(min=1, max=1000, help="Denoising steps.", show_default=False)] = None,
    model: Annotated[Path | None, typer.Option(help="A model folder; without it the bundled nano.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto.")] = "auto",
    report: Annotated[Path | None, typer.Option(help="Write settings, speed and warnings to this JSON file.")] = None,
) -> None:
    """Write the demo video."""
    sounds = resources.files("openlpm.cli") / "demo_sounds"
    with resources.as_file(sounds / "question.opus") as question, resources.as_file(sounds / "reply.opus") as reply:
        perform(
            Performance(
                character=cast_member(seed),
                turns=conversation(speak=reply, listen=question, timeline=None),
                settings=Settings(steps=steps, model=model, device=device),
                out=out,
                report=report,
            )
        )
    typer.echo(f"{SEED_PREFIX}{seed} performs in {out}")
