"""``openlpm data``: raw videos become a dataset, stage by stage, and every decision can be looked at."""

import contextlib
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from openlpm.cli.errors import Stopped
from openlpm.cli.output import require_writable
from openlpm.cli.progress import console, counted_progress, told
from openlpm.core.errors import InputError
from openlpm.core.processors import usable_cores

if TYPE_CHECKING:
    from openlpm.data.runner import Progress as StageProgress
    from openlpm.data.runner import Running

HELP = """Turn raw videos into a dataset: ingest, shots, filters, and whatever stages follow (extra [data]).

Each stage reads a manifest (JSON Lines, a record a line) and writes one. Nothing is thrown away: a record that is not
kept stays in the manifest of the stage that dropped it, with its scores and reasons.
"""

BUILD_HELP = """Run all stages over files and folders. The same command goes on where a stopped or killed one was.

Examples:

  openlpm data build recordings --out dataset

  openlpm data build talks more/one.mp4 --out dataset --workers 8 --set shots.shortest_s=5

  openlpm data build recordings --out dataset --limit 20 --stop-after shots

  openlpm data build recordings --out dataset --on ray://head:10001 --workers 64

Licence and consent come from sidecar files: FILE.rights.json beside a file, or rights.json in its folder or one above,
such as {"licence": "CC-BY-4.0", "consent": "given", "credit": "...", "may_train": true}. What cannot be read goes to
quarantine with a reason and stops nothing. --show prints every field with its value; --set changes one. The same files
and fields give the same manifests, byte for byte, whatever the number of workers. Then: openlpm data report.
"""

RUN_HELP = """Run one stage alone, over what the stage before it has kept; later manifests stay as they were.

Examples:

  openlpm data run filters --dataset dataset --set blur.at_most=0.7

  openlpm data run shots --dataset dataset --anew
"""

INSPECT_HELP = """Show how many records of a stage were kept and why others were not, or records with all scores.

Examples:

  openlpm data inspect filters --dataset dataset

  openlpm data inspect filters --dataset dataset --reason filters.blur --records 5

  openlpm data inspect ingest --dataset dataset --decision quarantine --records 20
"""

REPORT_HELP = """Write a page that shows what became of the hours: a funnel, scores with thresholds, and picture sheets.

The page holds its pictures itself and loads nothing from anywhere.

Example:

  openlpm data report --dataset dataset --out report.html
"""

VERIFY_HELP = """See that shards are whole: every byte, every sample once, every member as it should be.

Examples:

  openlpm data verify --dataset dataset

  openlpm data verify --dataset brought/shards --quick

The folder may also be one of shards alone (index.json and *.tar) that was brought here without its dataset. What is
wrong is said in a sentence each, and the exit code is 1.
"""

app = typer.Typer(no_args_is_help=True, help=HELP, rich_markup_mode=None)

Settings = Annotated[list[str] | None, typer.Option("--set", help="STAGE.FIELD=VALUE; may be repeated.")]
Workers = Annotated[int, typer.Option(min=1, max=4096, help="Processes.")]
Memory = Annotated[int, typer.Option(help="MiB of address space that a worker may take; 0 sets no limit.")]
Place = Annotated[str, typer.Option("--on", help="local, ray, or ray://HOST:PORT (extra [ray]).")]
Folder = Annotated[Path, typer.Option("--dataset", help="The folder of the dataset.")]
_CORES = usable_cores()


@app.command("build", help=BUILD_HELP)
def build(
    *,
    sources: Annotated[list[Path], typer.Argument(metavar="RAW...", help="Videos, and folders of videos.")],
    out: Annotated[Path, typer.Option(help="The folder of the dataset; made if it is not there.")],
    settings: Settings = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only so many files, the first by name.", show_default=False)
    ] = None,
    stop_after: Annotated[str | None, typer.Option(help="The last stage to run.", show_default=False)] = None,
    workers: Workers = _CORES,
    memory_mib: Memory = 4096,
    on: Place = "local",
    show: Annotated[bool, typer.Option("--show", help="Print the fields of all stages, and stop.")] = False,
) -> None:
    """Check everything that can be checked, then run stage after stage."""
    from openlpm.core.fields import told as told_fields
    from openlpm.data.build import build as build_dataset
    from openlpm.data.dataset import Dataset
    from openlpm.data.recipe import configs_for
    from openlpm.data.registry import names, place

    wanted = names()
    if stop_after is not None:
        place(stop_after)
        wanted = wanted[: wanted.index(stop_after) + 1]
    configs = configs_for(wanted, settings or ())
    if show:
        for name, config in configs.items():
            print(f"{name}\n" + "".join(f"  {line}\n" for line in told_fields(config).splitlines()))
        return
    running = _running(workers, memory_mib, on)
    with _going_on(out), stage_progress() as report:
        build_dataset(Dataset(folder=out), sources, configs, running, limit=limit, report=report)
    _summarise(out)


@app.command("run", help=RUN_HELP)
def run(
    *,
    stage: Annotated[str, typer.Argument(help="The stage.")],
    dataset: Folder,
    settings: Settings = None,
    anew: Annotated[bool, typer.Option("--anew", help="Make again what is there.")] = False,
    workers: Workers = _CORES,
    memory_mib: Memory = 4096,
    on: Place = "local",
) -> None:
    """One stage with its own configuration."""
    from openlpm.data.build import run_alone
    from openlpm.data.dataset import Dataset
    from openlpm.data.recipe import configs_for

    config = configs_for([stage], settings or ())[stage]
    with _going_on(dataset), stage_progress() as report:
        run_alone(Dataset(folder=dataset), stage, config, _running(workers, memory_mib, on), anew=anew, report=report)
    _summarise(dataset)


@app.command("inspect", help=INSPECT_HELP)
def inspect(
    *,
    stage: Annotated[str, typer.Argument(help="The stage.")],
    dataset: Folder,
    decision: Annotated[str, typer.Option(help="keep, drop, quarantine, or all.")] = "all",
    reason: Annotated[str, typer.Option(help="Only records with this reason.")] = "",
    records: Annotated[int, typer.Option(min=0, help="Print so many records as JSON.")] = 0,
) -> None:
    """Counts to read, records as JSON Lines to go on with."""
    from openlpm.data.dataset import Dataset, read_manifest
    from openlpm.data.funnel import count
    from openlpm.data.records import Decision

    if decision not in ("all", *Decision):
        raise InputError(f"--decision {decision}: give all, {', '.join(Decision)}")
    path = Dataset(folder=dataset).current(stage)
    found = (
        record
        for record in read_manifest(path)
        if decision in ("all", record.decision) and (not reason or reason in record.reasons)
    )
    if records:
        for _, record in zip(range(records), found, strict=False):
            print(record.line())
        return
    for line in count(stage, found).lines():
        print(line)


@app.command("report", help=REPORT_HELP)
def report(
    *,
    dataset: Folder,
    out: Annotated[Path | None, typer.Option(help="The page; without it report.html in the dataset.")] = None,
    pictures: Annotated[int, typer.Option(min=0, max=200, help="Most pictures of a sheet.")] = 24,
) -> None:
    """Funnel, histograms and sheets."""
    from openlpm.data.dataset import Dataset
    from openlpm.data.report import write_report

    target = out or dataset / "report.html"
    require_writable(target)
    write_report(Dataset(folder=dataset), target, pictures=pictures)
    told(f"{target}")


@app.command("verify", help=VERIFY_HELP)
def verify(
    *,
    dataset: Folder,
    quick: Annotated[bool, typer.Option("--quick", help="Hashes and headers only; nothing is decoded.")] = False,
) -> None:
    """Every fault on a line of its own."""
    from openlpm.data.shards.checking import faults_of
    from openlpm.data.shards.reading import ShardSet

    index = ShardSet.opened(dataset).index
    with counted_progress("shards", len(index.shards), "shards") as progress:
        faults = list(faults_of(dataset, deep=not quick, on_progress=progress))
    for fault in faults:
        print(fault)
    told(f"{len(index.shards)} shards, {index.num_samples} samples, {index.seconds:.1f} s: {len(faults)} faults")
    if faults:
        raise typer.Exit(1)


@contextlib.contextmanager
def stage_progress() -> "Generator[Callable[[StageProgress], None]]":
    """A bar a stage with how many times faster than real time it goes."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=console()) as progress:
        tasks: dict[str, TaskID] = {}

        def report(now: "StageProgress") -> None:
            if now.stage not in tasks:
                tasks[now.stage] = progress.add_task(now.stage, total=now.total, speed="")
            speed = f"{now.media_s / now.wall_s:.1f} x real time" if now.wall_s > 0 and now.media_s > 0 else ""
            progress.update(tasks[now.stage], completed=now.done, total=now.total, speed=speed)

        yield report


@contextlib.contextmanager
def _going_on(folder: Path) -> Generator[None]:
    try:
        yield
    except KeyboardInterrupt as stop:
        raise Stopped(f"stopped; the same command goes on with what is missing in {folder}") from stop


def _running(workers: int, memory_mib: int, on: str) -> "Running":
    from openlpm.data.runner import Running

    return Running(workers=workers, memory_mib=memory_mib, on=on)


def _summarise(folder: Path) -> None:
    from openlpm.data.dataset import Dataset
    from openlpm.data.funnel import funnel

    for step in funnel(Dataset(folder=folder)):
        for line in step.lines():
            told(line)
