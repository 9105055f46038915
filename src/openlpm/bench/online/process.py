"""What is timed in a process of its own: two cores, one type of machine, nothing else in its memory.

``python -m openlpm.bench.online.process`` reads a job as JSON from its input and prints what it measured as JSON.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from openlpm.core.errors import OpenLPMError

CORES = 2
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
"""Makes all three libraries compute as on a laptop of ten years ago."""
_PROGRAM = f"""
import os
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:{CORES}])
from openlpm.bench.online.process import main
main()
"""


class Job(StrEnum):
    """What is measured."""

    SPEED = "speed"
    REACTION = "reaction"
    HOUR = "hour"


def measured(job: Job, environment: Mapping[str, str] | None = None, **arguments: Any) -> dict[str, Any]:
    """Do a job in a process of its own on two cores, without any accelerator.

    Raises:
        OpenLPMError: it fails; its last words are in the message.
    """
    told = {"OMP_NUM_THREADS": str(CORES), "CUDA_VISIBLE_DEVICES": ""}
    finished = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        check=False,
        input=json.dumps({"job": job, "arguments": arguments}),
        capture_output=True,
        text=True,
        env={**os.environ, **told, **(environment or {})},
    )
    if finished.returncode != 0:
        words = finished.stderr.strip().splitlines()
        raise OpenLPMError(f"measuring {job} fails: {words[-1] if words else finished.returncode}")
    return json.loads(finished.stdout.splitlines()[-1])


def main() -> None:
    """Do the job that the input asks for."""
    from openlpm.bench.online import hour, reaction, speed

    asked = json.loads(sys.stdin.read())
    work = {Job.SPEED: speed.work, Job.REACTION: reaction.work, Job.HOUR: hour.work}[Job(asked["job"])]
    sys.stdout.write(json.dumps(work(**asked["arguments"])) + "\n")
