"""``openlpm bench``: measure the model and the judges, and print every number beside its controls."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openlpm.cli import (
    bench_arena,
    bench_classic,
    bench_data,
    bench_judge,
    bench_live,
    bench_lpm,
    bench_online,
    bench_speed,
    bench_training,
)
from openlpm.cli.bench_output import Device, JsonFile, JudgesFolder, Quick, publish, stages
from openlpm.cli.engine import pick_device
from openlpm.cli.errors import Stopped
from openlpm.cli.output import require_writable
from openlpm.core.errors import InputError

if TYPE_CHECKING:
    from openlpm.bench.footage import Footage
    from openlpm.bench.human_voices import HumanVoices

app = typer.Typer(no_args_is_help=True, help="Measure; each command prints a table and takes --json FILE.")
app.command("online")(bench_online.online)
app.command("live")(bench_live.live)
app.command("data")(bench_data.data)
app.command("speed")(bench_speed.speed)
app.command("training")(bench_training.training)
bench_lpm.register(app)
app.add_typer(bench_arena.app, name="arena")
app.command("classic", help=bench_classic.HELP)(bench_classic.classic)
app.command("judge", help=bench_judge.HELP)(bench_judge.judge)

Landmarks = Annotated[Path | None, typer.Option(help="Python with mediapipe 0.10.21, an environment of its own.")]
_VOICES_LIMIT = 64
_QUICK_STEPS = 4
_NO_JOINS = "quick clips end before windows meet: no seam_ratio, and no clips for one purpose"


@app.command("base")
def base(
    *,
    model: Annotated[Path | None, typer.Option(help="A model folder; without it the bundled nano.")] = None,
    json_path: JsonFile = None,
    device: Device = "auto",
    quick: Quick = False,
    clips: Annotated[int | None, typer.Option(min=2, max=4096, help="Number of clips.", show_default=False)] = None,
    group_clips: Annotated[
        int | None,
        typer.Option(min=0, max=4096, help="At most so many clips for each single purpose.", show_default=False),
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, max=1000, help="Denoising steps.", show_default=False)] = None,
    unplanned: Annotated[bool, typer.Option("--unplanned", help="Without the choreographer.")] = False,
    scale: Annotated[
        float | None, typer.Option(min=0.0, max=20.0, help="Guidance of text and voice, both.", show_default=False)
    ] = None,
    voices: Annotated[
        Path | None, typer.Option(help="Human voices: a folder of sound files or an .npz of `openlpm bench voices`.")
    ] = None,
    footage: Annotated[
        Path | None, typer.Option(help="Filmed lips of `openlpm bench footage`, which prove the judge of synchrony.")
    ] = None,
    judges: JudgesFolder = None,
    demo: Annotated[bool, typer.Option(help="Also time the demo on two cores (never with --quick).")] = True,
) -> None:
    """Generate test characters with held-out voices and compare with the truth, as a critic reads both."""
    from openlpm.bench.base import full_config, measure, quick_config
    from openlpm.bench.cases import build_cases
    from openlpm.bench.crew import call_the_crew
    from openlpm.bench.footage import with_footage
    from openlpm.bench.human_voices import can_decode
    from openlpm.bench.joins import measure_joins
    from openlpm.bench.performer import ModelPerformer
    from openlpm.bench.progress import phase, within
    from openlpm.bench.reading import load_judges
    from openlpm.bench.wide import StoppedWide, measure_wide
    from openlpm.flow.guidance import GuidanceScales
    from openlpm.rollout.assembly import load_model
    from openlpm.rollout.request import DEFAULT_STEPS
    from openlpm.weights import bundled

    require_writable(json_path)
    place = pick_device(device)
    folder = bundled.folder("nano") if model is None else model
    notes = _how(scale, unplanned=unplanned)
    config = quick_config(clips=clips or 3) if quick else full_config(clips=clips or 128, group_clips=group_clips)
    chosen_steps = steps or (_QUICK_STEPS if quick else DEFAULT_STEPS)
    with stages() as report:
        call_the_crew()
        with phase(report, "model and judges"):
            scales = None if scale is None else GuidanceScales(text=scale, speak=scale)
            performer = ModelPerformer(
                load_model(folder, place), steps=chosen_steps, guidance=scales, planned=not unplanned
            )
            court = load_judges(place, judges)
        with phase(report, "recordings"):
            found, filmed = _recordings(voices, footage, config.human_clips + 9, notes)
        cases = build_cases(config.cases, on_progress=report)
        rows = measure(performer, court, cases, config, voices=found, on_progress=report)
        with phase(report, "footage"):
            rows = with_footage(rows, court.mouth, filmed)
        try:
            longer = () if config.long is None else build_cases(config.long, on_progress=within(report, "long clips"))
            rows += measure_joins(performer, court, longer, batch=config.batch, on_progress=report)
            rows += measure_wide(performer, court, config, on_progress=report)
        except KeyboardInterrupt as stop:
            rows += stop.rows if isinstance(stop, StoppedWide) else []
            notes.append("stopped before the end: rows are missing")
            publish("bench base", rows, court.hashes, place, notes, json_path)
            raise Stopped("stopped before the end; the rows that are there were printed") from None
    if not quick and demo and can_decode():
        from openlpm.bench.demo_time import time_demo

        rows.append(time_demo(model))
    else:
        from openlpm.bench.demo_time import untimed_demo

        rows.append(untimed_demo())
        notes.append("the demo was not timed here")
    publish("bench base", rows, court.hashes, place, notes, json_path)


def _how(scale: float | None, *, unplanned: bool) -> list[str]:
    """What is not as the product does it."""
    notes = ["without the choreographer"] if unplanned else []
    return notes if scale is None else [*notes, f"guidance {scale:g} on text and voice"]


def _recordings(
    voices: Path | None, footage: Path | None, limit: int, notes: list[str]
) -> "tuple[HumanVoices | None, Footage | None]":
    from openlpm.bench.footage import load_footage
    from openlpm.bench.human_voices import find_voices

    found = find_voices(voices, limit=limit)
    filmed = None if footage is None else load_footage(footage)
    if found is None:
        notes.append("no human voices found: give --voices for sync_win_rate_human")
    if filmed is None:
        notes.append("no --footage: sync_win_rate_human does not count")
    return found, filmed


@app.command("critic")
def critic(
    json_path: JsonFile = None,
    device: Device = "auto",
    quick: Quick = False,
    clips: Annotated[int | None, typer.Option(min=4, max=4096, help="Number of clips.", show_default=False)] = None,
    judges: JudgesFolder = None,
    validation: Annotated[bool, typer.Option("--validation", help="Validation people instead of test people.")] = False,
) -> None:
    """The judges' own errors, on people and voices that they have never seen."""
    from openlpm.bench.cases import CaseConfig, build_cases
    from openlpm.bench.critic_report import critic_rows, num_parameters
    from openlpm.bench.reading import load_judges
    from openlpm.core.seeds import Split

    require_writable(json_path)
    place = pick_device(device)
    court = load_judges(place, judges)
    config = CaseConfig(
        count=clips or (8 if quick else 64),
        num_frames=48 if quick else 144,
        split=Split.VALIDATION if validation else Split.TEST,
    )
    with stages() as report:
        cases = build_cases(config, on_progress=report)
        rows = critic_rows(court, cases, on_progress=lambda done, total: report("clips", done, total))
    notes = [f"{num_parameters(court) / 1e6:.2f} M parameters; {config.count} clips of {config.num_frames / 24:g} s"]
    publish("bench critic", rows, court.hashes, place, notes, json_path)


@app.command("voices")
def voices(
    folder: Annotated[Path, typer.Argument(help="A folder of sound files, searched in depth.")],
    out: Annotated[Path, typer.Option(help="The archive to write (.npz).")],
    limit: Annotated[int, typer.Option(min=10, max=1000, help="At most so many voices.")] = _VOICES_LIMIT,
) -> None:
    """Pack human voices for `bench base --voices` on a machine without PyAV."""
    from openlpm.bench.human_voices import decode_folder

    require_writable(out)
    found = decode_folder(folder, limit=limit)
    if found is None:
        raise InputError(f"{folder} holds no sound files of eight seconds or more")
    found.save(out)
    typer.echo(f"{len(found.names)} voices in {out}")


@app.command("footage")
def footage(
    videos: Annotated[list[Path], typer.Argument(help="Videos of one speaking face each, of three seconds or more.")],
    out: Annotated[Path, typer.Option(help="The archive to write (.npz).")],
    landmarks: Landmarks = None,
) -> None:
    """Pack filmed lips and their sound for `bench base --footage`."""
    from openlpm.bench.footage import pack
    from openlpm.data.people.landmark_link import landmarks_python

    require_writable(out)
    found = pack(videos, landmarks_python(landmarks))
    found.save(out)
    typer.echo(f"{len(found.names)} clips in {out}")


@app.command("aligner")
def aligner(
    videos: Annotated[list[Path], typer.Argument(help="Videos of one speaking face each, with their sound.")],
    landmarks: Landmarks = None,
    json_path: JsonFile = None,
) -> None:
    """Compare the mouth derived from a recording with the lips of whoever was filmed saying it."""
    from openlpm.bench.aligner import chance_of, correlation_at, lip_rows, read_clip
    from openlpm.data.people.landmark_link import landmarks_python
    from openlpm.synth.sound.aligner import load_aligner

    require_writable(json_path)
    python = landmarks_python(landmarks)
    align = load_aligner()
    with stages() as report:
        clips = []
        for done, video in enumerate(videos, start=1):
            clips.append(read_clip(video, python, align))
            report("clips", done, len(videos))
    notes = [
        f"{clip.name}: r {correlation_at(clip.predicted, clip.lips_F, 0):.2f}, "
        f"as good when rolled: {100 * chance_of(clip):.0f} %"
        for clip in clips
    ]
    publish("bench aligner", lip_rows(clips), {}, pick_device("cpu"), notes, json_path)
