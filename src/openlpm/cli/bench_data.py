"""``openlpm bench data``: the dataset pipeline against planted defects, known cuts and kills."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from openlpm.cli.bench_output import Device, JsonFile, Quick, publish, stages
from openlpm.cli.engine import pick_device
from openlpm.cli.output import require_writable
from openlpm.core.errors import InputError


def data(
    *,
    recordings: Annotated[
        Path | None, typer.Option(help="Folder of the real clips; without it $OPENLPM_TEST_DATA, if that is set.")
    ] = None,
    performers: Annotated[
        int | None, typer.Option(min=4, max=1000, help="Drawn performers to plant defects in.", show_default=False)
    ] = None,
    json_path: JsonFile = None,
    device: Device = "cpu",
    quick: Quick = False,
) -> None:
    """Plant defects in clean clips of unseen people, cut films, kill builds, and count.

    What is drawn are test identities; thresholds were chosen on validation identities and other recordings.
    """
    from openlpm.bench.dataset.measure import Effort, measure_data

    require_writable(json_path)
    named = os.environ.get("OPENLPM_TEST_DATA")
    folder = recordings or (Path(named) if named else None)
    if folder is not None and not folder.is_dir():
        raise InputError(f"{folder} is not a folder; give that of the recordings, or none")
    effort = Effort(performers=4, num_frames=76, recordings=2, films=2, timed=4, acted=1) if quick else Effort()
    if performers is not None:
        effort = replace(effort, performers=performers)
    notes = [
        f"{effort.performers} drawn performers, {'real recordings' if folder else 'no recordings (--recordings)'}",
        "defects of strengths of chance; precision among as many clean clips; speed at 640 x 480",
        "n counts clips (filters), films (cuts), records (speed), kills (lost, doubled)",
    ]
    with stages() as report:
        rows = measure_data(effort, folder, report)
    publish("bench data", rows, {}, pick_device(device), notes, json_path)
