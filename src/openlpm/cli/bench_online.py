"""``openlpm bench online``: a streaming model beside Base, over hours, and against the clock."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openlpm.cli.bench_output import Device, JsonFile, JudgesFolder, Quick, publish, stages
from openlpm.cli.engine import pick_device
from openlpm.cli.errors import Stopped
from openlpm.cli.output import require_writable
from openlpm.core.errors import InputError

if TYPE_CHECKING:
    import torch

    from openlpm.bench.online.performer import Column
    from openlpm.rollout.online import OnlineConfig


def online(
    *,
    model: Annotated[Path | None, typer.Option(help="A folder of a model that streams; without it nano.")] = None,
    base: Annotated[Path | None, typer.Option(help="The model beside it; without it the bundled nano.")] = None,
    undistilled: Annotated[
        bool, typer.Option("--undistilled", help="Stream a model that was never taught to, to try the benchmark.")
    ] = False,
    rows: Annotated[str, typer.Option(help="Only these: beginnings of row names, with commas between.")] = "",
    streams: Annotated[int | None, typer.Option(min=2, help="Long streams.", show_default=False)] = None,
    minutes: Annotated[int, typer.Option(min=2, max=600, help="Length of long streams.")] = 60,
    first: Annotated[int, typer.Option(min=0, help="First character of the long streams.")] = 0,
    streams_from: Annotated[
        list[Path] | None, typer.Option(help="Take long streams from tables of earlier runs (--first apart).")
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(
            help="free, planned (the planner leads), both, or bare (no choreographer); quick: free.", show_default=False
        ),
    ] = None,
    clips: Annotated[int | None, typer.Option(min=2, max=4096, help="Clips beside Base.", show_default=False)] = None,
    group_clips: Annotated[int | None, typer.Option(min=2, max=4096, help="At most so many a group.")] = None,
    controls: Annotated[bool, typer.Option(help="Also render the truth, whole and broken, as long streams.")] = True,
    precision: Annotated[str, typer.Option(help="float32, bfloat16, or auto (bfloat16 on a GPU).")] = "auto",
    plots: Annotated[Path | None, typer.Option(help="Draw the curves of --json into this folder.")] = None,
    json_path: JsonFile = None,
    device: Device = "auto",
    quick: Quick = False,
    judges: JudgesFolder = None,
) -> None:
    """Measure a streaming model: speed, cost over an hour, quality beside Base, drift, survival, reaction, capacity.

    Rows of the processor are timed on two cores in processes of their own, whatever the device.
    """
    from openlpm.bench.online.curves import joined_curves, load_curves, rows_of
    from openlpm.bench.online.measure import Subject, full_effort, measure_online, quick_effort
    from openlpm.bench.online.sections import JUDGED, Section, kept, sections_of
    from openlpm.bench.online.streams import quick_streams, streams_config
    from openlpm.bench.reading import load_judges
    from openlpm.weights import bundled

    asked = [name.strip() for name in rows.split(",") if name.strip()]
    sections = sections_of(asked)
    require_writable(json_path)
    if plots is not None and json_path is None:
        raise InputError("--plots draws what --json keeps: give --json FILE too")
    earlier = joined_curves([load_curves(path) for path in streams_from]) if streams_from else None
    if earlier is not None:
        sections = tuple(section for section in sections if section is not Section.STREAMS)
    place, nano = pick_device(device), bundled.folder("nano")
    subject = Subject(
        folder=model or nano,
        base=base or nano,
        device=place,
        undistilled=_as_if_taught() if undistilled else None,
        judges=judges,
        columns=_columns(column or ("free" if quick else "both")),
        precision=_precision(precision, place),
    )
    if quick:
        effort = quick_effort(quick_streams(count=streams or 2), clips=clips)
    else:
        lengths = streams_config(count=streams or 32, first=first, minutes=minutes, controls=controls)
        effort = full_effort(lengths, clips=clips, group_clips=group_clips, batch=8 if place.type == "cpu" else 32)
    court = load_judges(place, judges) if any(section in JUDGED for section in sections) else None
    notes = _notes(subject.folder, undistilled=undistilled, quick=quick, precision=str(subject.precision))
    found, curves, stopped = [], earlier, False
    with stages() as report:
        try:
            for part in measure_online(subject, sections, effort, judges=court, on_progress=report):
                found += part.rows
                curves = part.curves or curves
        except KeyboardInterrupt:
            notes.append("stopped before the end: rows are missing")
            stopped = True
    found += rows_of(earlier) if earlier is not None else []
    title = "bench online, UNDISTILLED" if undistilled else "bench online"
    told = curves.as_json() if curves else None
    publish(title, kept(found, asked), court.hashes if court else {}, place, notes, json_path, curves=told)
    if stopped:
        raise Stopped("stopped before the end; the rows that are there were printed")
    if plots is not None and json_path is not None:
        from openlpm.bench.online.plots import draw

        for picture in draw(json_path, plots):
            typer.echo(f"drew {picture}")


def _as_if_taught() -> "OnlineConfig":
    from openlpm.recipes.online import online as recipe

    return recipe(refiner=True)


def _columns(name: str) -> "tuple[Column, ...]":
    from openlpm.bench.online.performer import Column

    if name == "both":
        return (Column.FREE, Column.PLANNED)
    if name not in [each.value for each in Column]:
        raise InputError(f"--column: there is no column {name!r}; give free, planned, bare or both")
    return (Column(name),)


def _precision(name: str, device: "torch.device") -> "torch.dtype":
    import torch

    if name == "auto":
        name = "bfloat16" if device.type == "cuda" else "float32"
    types = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    if name not in types:
        raise InputError(f"--precision: {name!r} is none; give float32, bfloat16 or auto")
    return types[name]


def _notes(folder: Path, *, undistilled: bool, quick: bool, precision: str) -> list[str]:
    numbers = precision.removeprefix("torch.")
    notes = [f"{folder.name}, {numbers}; rows of the processor on two cores, in the numbers that are fastest there"]
    if undistilled:
        notes.append("UNDISTILLED: a model that was never taught to stream, streamed as if it had been. Speed is real;")
        notes.append("quality says nothing of Online, only that the benchmark works")
    if quick:
        notes.append("quick: seconds stand for minutes, nothing is warm, no groups; only to see that it works")
    return notes
