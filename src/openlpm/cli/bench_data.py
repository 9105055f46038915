"""``openlpm bench data``: the dataset pipeline against planted defects, known cuts and kills."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from openlpm.cli.bench_output import Device, JsonFile, Quick, publish, stages
from openlpm.cli.engine import pick_device
from openlpm.cli.errors import Stopped
from openlpm.cli.output import require_writable
from openlpm.core.errors import ConfigError, InputError


def data(
    *,
    recordings: Annotated[
        Path | None, typer.Option(help="Folder of the real clips; without it $OPENLPM_TEST_DATA, if that is set.")
    ] = None,
    performers: Annotated[
        int | None, typer.Option(min=4, max=1000, help="Drawn performers to plant defects in.", show_default=False)
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(help="Minutes of drawn conversations for states and pairs; 60 in full.", show_default=False),
    ] = None,
    talks: Annotated[
        Path | None, typer.Option(help="Conversations that openlpm synth render has made of test people, instead.")
    ] = None,
    landmarks: Annotated[
        Path | None,
        typer.Option(help="An interpreter with mediapipe, for filmed faces; else $OPENLPM_LANDMARKS_PYTHON."),
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option(help="Folder where drawn conversations and what is built of them stay: a stopped run goes on."),
    ] = None,
    rows: Annotated[
        list[str] | None,
        typer.Option("--rows", help="filters, cuts, desync, captions, faces, talks, real or running (repeatable)."),
    ] = None,
    json_path: JsonFile = None,
    device: Device = "cpu",
    quick: Quick = False,
) -> None:
    """Plant defects in clean clips of unseen people, cut films, judge conversations, kill builds, and count.

    What is drawn are test identities; thresholds were chosen on validation identities and other recordings.
    """
    from openlpm.bench.dataset.measure import Effort, Material, Part, measure_data
    from openlpm.bench.result import Row
    from openlpm.data.people.landmark_link import INTERPRETER_VARIABLE, landmarks_python

    require_writable(json_path)
    drawing = pick_device(device)
    try:
        parts = [Part(name) for name in rows] if rows else list(Part)
    except ValueError as error:
        raise ConfigError(f"--rows: {error}; there are {', '.join(Part)}") from error
    named = os.environ.get("OPENLPM_TEST_DATA")
    folder = recordings or (Path(named) if named else None)
    if folder is not None and not folder.is_dir():
        raise InputError(f"{folder} is not a folder; give that of the recordings, or none")
    python = landmarks_python(landmarks) if landmarks or os.environ.get(INTERPRETER_VARIABLE) else None
    small = Effort(
        performers=4, num_frames=76, recordings=2, films=2, timed=4, minutes=0.4, faces=6, acted=1, acted_s=4
    )
    effort = small if quick else Effort()
    effort = replace(
        effort, performers=performers or effort.performers, minutes=minutes if minutes is not None else effort.minutes
    )
    notes = [
        f"{effort.performers} drawn performers, {'real recordings' if folder else 'no recordings (--recordings)'}",
        "defects of strengths of chance; precision among as many clean clips; speed at 640 x 480",
        "n counts clips (filters), films (cuts), records (speed), kills (lost, doubled)",
        f"states and pairs: {f'the conversations of {talks.name}' if talks else f'{effort.minutes:g} min drawn'}",
        "there n counts persons of clips (states, switches), units (pairing, leakage), faces (detector)",
        "filmed faces by mediapipe" if folder and python else "no filmed faces (--recordings, --landmarks)",
    ]
    with stages() as report:
        material = Material(
            recordings=folder, talks=talks, landmarks=python if folder else None, work=work, device=drawing.type
        )
        found: list[Row] = []
        try:
            for row in measure_data(effort, material, report, parts):
                found.append(row)  # noqa: PERF402 (who stops keeps what was found)
        except KeyboardInterrupt:
            if found:
                notes.append("stopped before the end: rows are missing")
                publish("bench data", found, {}, drawing, notes, json_path)
                raise Stopped("stopped before the end; the rows that are there were printed") from None
            raise
    publish("bench data", found, {}, drawing, notes, json_path)
