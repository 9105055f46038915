"""How long the demo takes on two cores, as a newcomer's machine would run it."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from openlpm.bench.result import Bar, Row
from openlpm.bench.statistics import Estimate
from openlpm.core.errors import OpenLPMError

DEMO_BAR = Bar(at_most=300.0)
_CORES = 2
_GIVE_UP_S = 1800
# The child confines itself, so that it has two cores wherever the benchmark runs.
_PROGRAM = f"""
import os, sys
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:{_CORES}])
from openlpm.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def time_demo(model: Path | None = None) -> Row:
    """Run ``openlpm demo`` in a process of its own on two cores, start to finished video, and time it.

    Raises:
        OpenLPMError: the demo fails; its own words are in the message.
    """
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["demo", "--out", str(Path(folder) / "demo.mp4"), "--device", "cpu"]
        if model is not None:
            arguments += ["--model", str(model)]
        environment = {**os.environ, "OMP_NUM_THREADS": str(_CORES), "CUDA_VISIBLE_DEVICES": ""}
        started = time.monotonic()
        finished = subprocess.run(
            [sys.executable, "-c", _PROGRAM, *arguments],
            check=False,
            capture_output=True,
            text=True,
            env=environment,
            timeout=_GIVE_UP_S,
        )
        seconds = time.monotonic() - started
    if finished.returncode != 0:
        raise OpenLPMError(f"the demo fails: {finished.stderr.strip() or finished.returncode}")
    return Row.of("demo_seconds", Estimate.single(seconds), unit="s", bar=DEMO_BAR)


def untimed_demo() -> Row:
    """The row of a table in which the demo was not run."""
    return Row(name="demo_seconds", value=None, n=0, unit="s", bar=str(DEMO_BAR))
