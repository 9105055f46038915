"""``openlpm bench live``: the real server, measured by visitors over real WebRTC."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openlpm.cli.bench_output import JsonFile, JudgesFolder, publish, stages
from openlpm.cli.output import require_writable

if TYPE_CHECKING:
    from openlpm.bench.result import Row

_QUIET = "voices of the test split through a real peer connection on this machine; the browser's own delay is not in it"
_OFFSET = "av_skew is about its median, which is the receiver's jitter buffer for sound; a browser takes it out again"


def live(
    *,
    json_path: JsonFile = None,
    judges: JudgesFolder = None,
    quick: Annotated[bool, typer.Option("--quick", help="A few of each: two minutes.")] = False,
    model: Annotated[Path | None, typer.Option(help="A model folder; without it the bundled nano.")] = None,
    amounts: Annotated[
        list[str] | None,
        typer.Option("--set", help="FIELD=VALUE: how much of something, such as turns=50 or skew_s=60 (repeatable)."),
    ] = None,
    wanted: Annotated[
        list[str] | None,
        typer.Option("--rows", help="talk, together, tones, skew, rough, hostile, streams or tensors (repeatable)."),
    ] = None,
    device: Annotated[str, typer.Option(help="Where the server runs the model: auto, cpu or cuda.")] = "cpu",
) -> None:
    """Talk to a running server as a browser does, and measure how soon it answers, stops, and forgets."""
    from openlpm.cli.serve import require_live

    require_live()
    import torch

    from openlpm.bench.live.measure import QUICK, LiveConfig, LiveOptions, Section, measure_live
    from openlpm.bench.reading import load_judges
    from openlpm.core.errors import ConfigError
    from openlpm.core.fields import changed

    config = changed(QUICK if quick else LiveConfig(), amounts or [])
    try:
        sections = [Section(each) for each in wanted or list(Section)]
    except ValueError as error:
        raise ConfigError(f"--rows: {error}; there are {', '.join(Section)}") from error
    require_writable(json_path)
    court = load_judges(torch.device("cpu"), judges)
    rows: "list[Row]" = []
    try:
        with stages() as report:
            for some in measure_live(config, court, LiveOptions(model=model, device=device), report, sections):
                rows += some
    finally:  # hours of measuring are not lost to what comes last
        if rows:
            publish("bench live", rows, court.hashes, torch.device("cpu"), [_QUIET, _OFFSET], json_path)
