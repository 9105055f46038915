"""``openlpm train``: the stages of a training, from footage to a model that streams."""

import contextlib
import os
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openlpm.cli.errors import Stopped
from openlpm.cli.progress import training_progress
from openlpm.cli.train_plan import show_plan
from openlpm.core.errors import InputError

if TYPE_CHECKING:
    from openlpm.recipes.plan import Plan
    from openlpm.recipes.running import Report
    from openlpm.recipes.stage import Stage

HELP = """Train a model on procedural footage, stage by stage: what is there is not made again, what was killed goes on.

Stages, each from what those before it have left in --out:

  vae         the autoencoder, on freshly rendered pictures

  judges      the critic and the mouth predictor of the benchmark

  choreographer  what decides what is done: the motion of all footage, of which it sees no picture

  base        transformer and encoders, on windows of all footage (--curriculum: lesson by lesson)

  sft         Base goes on with expressive clips, above all listeners; by name alone, no part of all

  dpo         Base comes to prefer the better of its own takes; the same

  causal      Online learns to denoise a chunk from its past alone

  ode         to jump to where Base would have ended

  off-policy  to make what Base finds likely, behind real history (two scores)

  on-policy   the same behind its own history

  refine      a second network goes over what the first has made

  all         all but sft and dpo; several can be named

  latents     trains nothing: what lpm-1.3b and lpm-17b learn from, of --shards, into --out

  report      trains nothing: OUT/report.html, one page with curves, samples and recipes of all runs in --out

  plan        trains nothing: memory, step time, tokens and days of the whole programme on --gpus GPUs

Examples:

  openlpm train plan --recipe lpm-17b --gpus 512

  torchrun --nproc-per-node 8 -m openlpm.cli.main train speak --recipe lpm-17b --init wan --latents latents --out out

  openlpm train all --tiny --out out/tiny

  openlpm train vae judges base --out out/nano --seconds vae=300,judges=90,base=900

  openlpm train causal ode off-policy on-policy --out out/nano --seconds 300

  openlpm train on-policy --out out/other --init out/nano --student out/nano/online/ode --set fake_steps=5

  openlpm train refine --out out/nano --set rank=8 --set guidance.speak=3 --set fake.lr=1e-4

  openlpm train base --out out/nano --set footage.num_clips=4096 --set footage.seed=1 --set footage.human=human.npz

  openlpm train base --out out/nano --shards dataset --set shards.share=0.5

  torchrun --standalone --nproc-per-node 4 -m openlpm.cli.main train all --out out/nano

--tiny shows on a CPU in minutes that the whole way works. --show prints every field of the stages with its value and
trains nothing; --set changes one. Base, judges and autoencoder lie in --out itself, Online's stages in --out/online; a
run keeps its curves (curves.jsonl), its recipe and its checkpoints in run-STAGE. Ship the result by openlpm package.

Without a stage of their own ablations are fields: online.memory.sink_frames=0, online.memory.placing=absolute,
online.history_time=0 (no noise on the history), online.backbone_times=1 (one step), or refine left out.

Compiled graphs (--compile-cache, and torch's own cache) know a GPU by its number; so that what one process compiled
fits all, let each see its own alone: torchrun ... --no-python bash -c 'CUDA_VISIBLE_DEVICES=$LOCAL_RANK LOCAL_RANK=0
exec openlpm train "$@"' train all --out out/nano
"""

ALL, PLAN, REPORT, LATENTS = "all", "plan", "report", "latents"


def train(
    stages: Annotated[list[str], typer.Argument(help="Stages to train, or all; or plan.", metavar="STAGE...")],
    *,
    out: Annotated[Path | None, typer.Option(help="The folder of the training; give the same to go on.")] = None,
    recipe: Annotated[str, typer.Option(help="Whose settings: nano, lpm-1.3b or lpm-17b.")] = "nano",
    gpus: Annotated[int, typer.Option(min=1, max=65536, help="For plan: on how many GPUs.")] = 8,
    json_path: Annotated[Path | None, typer.Option("--json", help="For plan: write it to this file too.")] = None,
    init: Annotated[
        Path | None, typer.Option(help="Begin with this model's weights; for Online: its Base, if --out has none.")
    ] = None,
    init_judges: Annotated[
        Path | None,
        typer.Option(help="Begin with the critic and critic-mouth of this folder (with --init: the bundled ones)."),
    ] = None,
    student: Annotated[
        Path | None, typer.Option(help="What the first stage of Online goes on from, if not from the stage before it.")
    ] = None,
    seconds: Annotated[
        str, typer.Option(help="A stage's time on the clock: 300, or vae=300,base=900.", show_default=False)
    ] = "",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="[STAGE.]FIELD=VALUE of the recipe, or footage.FIELD=VALUE; may be repeated."),
    ] = None,
    curriculum: Annotated[bool, typer.Option("--curriculum", help="Base learns lesson by lesson.")] = False,
    tiny: Annotated[bool, typer.Option("--tiny", help="A few steps at a tiny size, to see that it works.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Print the fields of what would be trained, and stop.")] = False,
    compile_cache: Annotated[
        Path | None, typer.Option(help="Compiled graphs of an earlier run; written at the end.")
    ] = None,
    shards: Annotated[
        Path | None, typer.Option(help="A dataset (openlpm data build) to learn from instead of drawn performers.")
    ] = None,
    latents: Annotated[
        Path | None, typer.Option(help="For lpm-1.3b and lpm-17b: the folder of stored latents to learn from.")
    ] = None,
    wan: Annotated[Path | None, typer.Option(help="For latents: a release of Wan2.1 with its encoders.")] = None,
    speech: Annotated[Path | None, typer.Option(help="For latents: a folder of Whisper.")] = None,
    board: Annotated[bool, typer.Option("--board", help="Write curves and samples for TensorBoard too.")] = False,
    bank: Annotated[
        Path | None,
        typer.Option(help="Clips as latents: read from this file if it is there (no footage is made), else written."),
    ] = None,
    wait_for: Annotated[
        Path | None, typer.Option(help="Begin on the GPU only when this file is there (footage is made meanwhile).")
    ] = None,
) -> None:
    """Plan first, so that what is wrong is said before anything is made; then train."""
    from openlpm.recipes.chain import Machine, run
    from openlpm.recipes.plan import Request, plan

    if PLAN in stages:
        show_plan(recipe, gpus, json_path)
        return
    if out is None:
        raise InputError("--out: name the folder of the training")
    if REPORT in stages:
        from openlpm.recipes.run_page import write_run_page

        print(f"{write_run_page(out, out / 'report.html')} runs in {out / 'report.html'}")
        return
    if LATENTS in stages:
        encode(recipe, out, shards=shards, wan=wan, speech=speech)
        return
    if recipe != "nano":
        train_wide(
            recipe, stages, out, latents=latents, init=init, settings=settings or [], tiny=tiny, show=show, board=board
        )
        return
    named = stages_named(stages)
    request = Request(
        stages=named,
        out=out,
        init=init,
        init_judges=init_judges,
        student=student,
        seconds=seconds_by_stage(seconds, named),
        assignments=tuple(settings or ()),
        curriculum=curriculum,
        tiny=tiny,
        shards=shards,
        board=board,
    )
    planned = plan(request)
    if show:
        _show(planned)
        return
    rank = int(os.environ.get("RANK", "0"))
    try:
        with report_of(first=rank == 0) as report:
            run(planned, report, Machine(rank=rank, wait_for=wait_for, compile_cache=compile_cache, bank=bank))
    except KeyboardInterrupt as stop:
        raise Stopped(f"stopped; the same command goes on from the last checkpoint in {out}") from stop


def stages_named(words: list[str]) -> "tuple[Stage, ...]":
    """The stages that the words name, in their order of training.

    Raises:
        InputError: there is no such stage.
    """
    from openlpm.recipes.stage import POST_STAGES, Stage

    for word in words:
        if word not in (ALL, *Stage):
            raise InputError(f"there is no stage {word!r}; there are {', '.join(Stage)}, and all")
    return tuple(stage for stage in Stage if (ALL in words and stage not in POST_STAGES) or stage in words)


def seconds_by_stage(text: str, stages: "tuple[Stage, ...]") -> "dict[Stage, float]":
    """One time for each of the stages, or ``stage=time`` with commas between them.

    Raises:
        InputError: no positive number, or a stage that is not to be trained.
    """
    made: dict[Stage, float] = {}
    for part in filter(None, text.split(",")):
        name, sign, number = part.rpartition("=")
        if sign and name not in stages:
            raise InputError(f"--seconds {part}: {name!r} is not among the stages to train ({', '.join(stages)})")
        try:
            value = float(number)
        except ValueError:
            value = 0.0
        if not 0 < value < float("inf"):
            raise InputError(f"--seconds {part}: give a positive number, such as 300 or base=300")
        made |= {stage: value for stage in stages if not sign or stage == name}
    return made


def encode(recipe: str, out: Path, *, shards: Path | None, wan: Path | None, speech: Path | None) -> None:
    """What a large size learns from."""
    from openlpm.cli.engine import pick_device
    from openlpm.recipes.latents import LatentRequest, make_latents

    given = {"--shards": shards, "--wan": wan, "--speech": speech}
    missing = [name for name, folder in given.items() if folder is None]
    if missing:
        raise InputError(f"{missing[0]}: latents are made of shards, with the encoders of Wan2.1 and Whisper; give all")
    assert shards is not None
    assert wan is not None
    assert speech is not None
    request = LatentRequest(recipe=recipe, shards=shards, wan=wan, speech=speech, out=out)
    with report_of(first=True) as report:
        print(f"{make_latents(request, pick_device('auto'), report)} clips in {out}")


def train_wide(
    recipe: str,
    stages: list[str],
    out: Path,
    *,
    latents: Path | None,
    init: Path | None,
    settings: list[str],
    tiny: bool,
    show: bool,
    board: bool,
) -> None:
    """The lessons of a large size."""
    from openlpm.core.fields import told
    from openlpm.recipes.wide import LESSONS, WideRequest, run_wide, size_named, wide_recipe

    size_named(recipe)

    for word in stages:
        if word not in (ALL, *LESSONS):
            raise InputError(f"{recipe} has no stage {word!r}; it has {', '.join(LESSONS)}, and all")
    lessons = tuple(lesson for lesson in LESSONS if ALL in stages or lesson in stages)
    if show:
        for lesson in lessons:
            print(
                f"{lesson}\n"
                + "".join(f"  {line}\n" for line in told(wide_recipe(recipe, lesson, small=tiny)).splitlines())
            )
        return
    if latents is None:
        raise InputError(f"--latents: {recipe} learns from stored latents; name their folder")
    request = WideRequest(
        recipe=recipe,
        lessons=lessons,
        out=out,
        latents=latents,
        init=init,
        small=tiny,
        assignments=tuple(settings),
        board=board,
    )
    with report_of(first=int(os.environ.get("RANK", "0")) == 0) as report:
        run_wide(request, report)


@contextlib.contextmanager
def report_of(*, first: bool) -> "Generator[Report]":
    """Only the first process speaks: lines on stdout, and where somebody looks on a line that moves."""
    from openlpm.recipes.running import Report

    if not first:
        yield Report(say=lambda text: None, progress=lambda name, entry: None)
        return
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:7.1f} s  {text}", flush=True)

    with training_progress(say, moving=sys.stderr.isatty()) as progress:
        yield Report(say=say, progress=progress)


def _show(planned: "Plan") -> None:
    from openlpm.core.fields import told

    shown: dict[str, object] = {
        "footage": planned.footage,
        "shards": planned.shards,
        "vae": planned.autoencoder,
        "judges": planned.judges,
    }
    shown["choreographer"] = planned.choreographer
    shown |= {f"base ({lesson})": recipe for lesson, recipe in (planned.base or {}).items()}
    shown |= {str(stage): recipe for stage, recipe in (*planned.post.items(), *planned.online.items())}
    for name, config in shown.items():
        if config is not None:
            print(f"{name}\n" + "".join(f"  {line}\n" for line in told(config).splitlines()))
