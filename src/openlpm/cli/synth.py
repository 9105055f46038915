"""``openlpm synth``: conversations of drawn performers as ordinary video files, with their exact ground truth."""

import tempfile
from collections.abc import Callable
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from openlpm.cli.conversations import Job, is_whole, write_conversation
from openlpm.cli.engine import pick_device
from openlpm.cli.progress import counted_progress, frames_progress, told
from openlpm.core.errors import InputError
from openlpm.core.seeds import Split
from openlpm.core.units import FRAME_RATE_HZ

if TYPE_CHECKING:
    from openlpm.synth.sound.speech_bank import SpeechBank

HELP = """Make two-party conversations with exact ground truth, to test pipelines and benchmarks with."""

RENDER_HELP = """Write conversations of two drawn performers as video (H.264, AAC) with the ground truth beside it.

Examples:

  openlpm synth render --out talks --count 4 --seconds 20 --seed 1 --split test

  openlpm synth render --out pairs --layout side-by-side

  openlpm synth render --out sides --layout separate --bank voices.npz

Conversation N (--seed and those after it) is NAME = conversation-00000N: NAME.mp4, or NAME-a.mp4 and NAME-b.mp4 with
--layout separate; NAME.npz holds tracks of both sides, frame by frame at 24 fps (visemes, jaw, landmarks in pixels of
the written picture, pose, gaze, lids, emotion, state, the separate voices); NAME.json says what the tracks mean, who is
seen, what is said, every event and action, and the cuts.

A command that was stopped goes on where it was: what is whole is kept, nothing is ever left half written.
"""

app = typer.Typer(no_args_is_help=True, help=HELP, rich_markup_mode=None)

_LEAST_SECONDS, _MOST_SECONDS = 1.0, 600.0
_UTTERANCES = 320
_Choice = TypeVar("_Choice", bound=StrEnum)
_CONVERSATIONS_A_BANK = 8
"""Conversations in a row that share voices; which ones follows from the seed alone."""


@app.callback()
def _synth() -> None:  # pyright: ignore[reportUnusedFunction]  # typer keeps it, and with it the name of the command
    pass


@app.command("render", help=RENDER_HELP)
def render(
    *,
    out: Annotated[Path, typer.Option(help="The folder to write to.")],
    count: Annotated[int, typer.Option(min=1, max=100_000, help="How many conversations.")] = 4,
    seconds: Annotated[
        float, typer.Option(min=_LEAST_SECONDS, max=_MOST_SECONDS, help="Length of each conversation.")
    ] = 20.0,
    seed: Annotated[int, typer.Option(min=0, max=999_999, help="The first conversation; the others follow it.")] = 0,
    split: Annotated[str, typer.Option(help="Whose faces and voices: train, validation or test.")] = "test",
    layout: Annotated[str, typer.Option(help="cut, side-by-side, or separate.")] = "cut",
    bank: Annotated[
        Path | None, typer.Option(help="A speech bank (.npz) to talk with; without it one is made (extra [tts]).")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto.")] = "auto",
) -> None:
    """Check the options, skip what is there, and render the rest."""
    from openlpm.synth.act.filming import Layout

    job = Job(
        out=out,
        seconds=seconds,
        split=_one_of(Split, split, "--split"),
        layout=_one_of(Layout, layout, "--layout"),
        device=pick_device(device),
        bank=bank,
    )
    _make_folder(out)
    seeds = range(seed, seed + count)
    missing = [number for number in seeds if not is_whole(job, number)]
    if len(missing) < count:
        told(f"{count - len(missing)} of {count} are there already")
    if missing:
        _render(job, missing)
    told(f"{out}: {job.name(seeds[0])} to {job.name(seeds[-1])}, {job.num_frames / FRAME_RATE_HZ:g} s each")


def _render(job: Job, seeds: list[int]) -> None:
    from openlpm.synth.act.filming import Layout

    sides = 1 if job.layout == Layout.CUT else 2
    total = len(seeds) * job.num_frames * sides
    done = 0

    @cache
    def bank_of(group: int) -> "SpeechBank":
        return _bank(job, group)

    for index, seed in enumerate(seeds):
        # The voices come first: their bar is a bar of its own.
        voices = bank_of(seed // _CONVERSATIONS_A_BANK if job.bank is None else 0)
        what = f"{job.name(seed)} ({index + 1} of {len(seeds)})"
        with frames_progress(what, total) as progress:
            progress(done, total)

            def report(frames: int, before: int = done, show: Callable[[int, int], None] = progress) -> None:
                show(before + frames * sides, total)

            write_conversation(job, seed, voices, report)
        done += job.num_frames * sides


def _bank(job: Job, group: int) -> "SpeechBank":
    from openlpm.synth.sound.speech_bank import build, load

    if job.bank is None:
        with counted_progress("voices", _UTTERANCES, "utterances") as progress:
            return build(job.split, _UTTERANCES, seed=group, on_progress=progress)
    bank = load(job.bank)
    if bank.split != job.split:
        raise InputError(
            f"{job.bank} holds voices of the split {bank.split}; give --split {bank.split} or another bank"
        )
    return bank


def _one_of(kind: type[_Choice], value: str, option: str) -> _Choice:
    try:
        return kind(value)
    except ValueError:
        raise InputError(f"{option} {value}: choose one of {', '.join(kind)}") from None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"{folder} cannot be written to: {error.strerror or error}") from error
