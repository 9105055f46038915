"""Every row of the speed of LPM-17B that this machine's GPUs allow, in one call of less than ten minutes.

    PYTHONPATH=src python3 runs/speed_17b.py --out out/speed

First the kernel of 8-bit floating point is compared with its emulation; then settings are timed one after another, the
most important first, each by `openlpm bench speed` in a process of its own, which owns all memory and gives it back.
What does not fit into ``--minutes`` is named and left out. OUT gets a table and a log for each setting, and
``speed.json`` with all rows; a short table is printed last. On a copy of the tree without history give OPENLPM_COMMIT.
``--rehearse`` goes through all of it at tiny size on a CPU.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

from openlpm.nn.fp8 import Fp8Linear, is_supported
from openlpm.parallel.narrow import relative_difference

LONG, SHORT = "60", "20"
SETTINGS: dict[int, list[tuple[str, list[str]]]] = {
    1: [
        ("832x480", ["--resolution", "832x480", "--seconds", LONG]),
        ("720x416", ["--resolution", "720x416", "--context", "narrow", "--seconds", LONG, "--no-error"]),
        ("832x480-paper", ["--resolution", "832x480", "--context", "paper", "--seconds", SHORT, "--no-error"]),
        ("832x480-bf16", ["--resolution", "832x480", "--no-fp8", "--seconds", SHORT]),
        ("832x480-wan-vae", ["--resolution", "832x480", "--decoder", "wan", "--seconds", SHORT, "--no-error"]),
    ],
    2: [
        ("832x480", ["--resolution", "832x480", "--gpus", "2", "--seconds", LONG]),
        ("832x480-columns", ["--resolution", "832x480", "--gpus", "2", "--plan", "columns", "--seconds", SHORT]),
        (
            "832x480-paper",
            ["--resolution", "832x480", "--gpus", "2", "--context", "paper", "--seconds", SHORT, "--no-error"],
        ),
    ],
    4: [
        ("832x480", ["--resolution", "832x480", "--gpus", "4", "--seconds", LONG]),
        ("832x480-paper", ["--resolution", "832x480", "--gpus", "4", "--context", "paper", "--seconds", SHORT]),
        ("1280x720", ["--resolution", "1280x720", "--gpus", "4", "--seconds", SHORT]),
    ],
}
SHOWN = (
    "/fps",
    "/first_frame_s",
    "/cost_ratio_minute60",
    "/memory",
    "/fp8_error",
    "/ceiling_fraction/",
    "/share/",
    "/step/",
)
CALL = "import sys; from openlpm.cli.main import main; sys.exit(main())"


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="lpm-17b")
    parser.add_argument("--gpus", type=int, nargs="*", help="by default 1, and as many as there are")
    parser.add_argument("--minutes", type=float, default=9.3)
    parser.add_argument("--rehearse", action="store_true", help="tiny, on the CPU: says nothing of speed")
    return parser.parse_args()


def kernel_error() -> float | None:
    """How far the kernel of 8-bit floating point is from its emulation; None where there is none."""
    if not torch.cuda.is_available() or not is_supported(torch.device("cuda")):
        return None
    torch.manual_seed(0)
    layer = Fp8Linear(nn.Linear(5120, 1536))
    x = torch.randn(1560, 5120, dtype=torch.bfloat16)
    wanted = layer(x.float())
    return relative_difference(layer.cuda()(x.cuda()).float().cpu(), wanted)


def timed(options: argparse.Namespace, name: str, words: list[str], limit_s: float) -> tuple[list[dict[str, Any]], str]:
    """Rows of one setting, and what went wrong if there are none."""
    table = options.out / f"{name}.json"
    call = [sys.executable, "-c", CALL, "bench", "speed", "--model", "tiny" if options.rehearse else options.model]
    if options.rehearse:
        words = [*words, "--device", "cpu", "--resolution", "64x64", "--seconds", "1"]
    # Multicast over NVLink fails inside some containers, and neither all-to-all nor all-gather needs it.
    around = {"NCCL_NVLS_ENABLE": "0", "COLUMNS": "160"} | os.environ
    call += [*words, "--json", str(table)]
    with (options.out / f"{name}.log").open("w") as log:
        try:
            done = subprocess.run(call, stdout=log, stderr=log, timeout=limit_s, check=False, env=around)
        except subprocess.TimeoutExpired:
            return [], "ran out of time"
    if done.returncode or not table.is_file():
        last = (options.out / f"{name}.log").read_text().strip().splitlines()
        return [], last[-1] if last else f"exit status {done.returncode}"
    return json.loads(table.read_text())["rows"], ""


def main() -> None:
    """Time what there is time for, and print what was found."""
    options = read_options()
    options.out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    there = 2 if options.rehearse else torch.cuda.device_count()
    counts = options.gpus or sorted({1, *(count for count in (2, 4) if count == there)}, reverse=True)
    error = kernel_error()
    print(f"fp8 kernel beside its emulation: {'none here' if error is None else f'{error:.4f}'}", flush=True)
    rows: list[dict[str, Any]] = []
    said: list[str] = []
    for count in counts:
        for name, words in SETTINGS[count]:
            left_s = 60 * options.minutes - (time.monotonic() - started)
            whole = f"{count}x-{name}"
            found, fault = timed(options, whole, words, left_s) if left_s > 30 else ([], "no time was left")
            rows += found
            said += [f"{whole}: {fault}"] if fault else []
            print(f"{whole}: {len(found)} rows after {time.monotonic() - started:.0f} s {fault}", flush=True)
            (options.out / "speed.json").write_text(json.dumps({"fp8_kernel": error, "rows": rows}, indent=1) + "\n")
    print()
    for row in rows:
        if any(part in row["name"] for part in SHOWN) and row["value"] is not None:
            met = {True: "met", False: "missed", None: ""}[row["met"]]
            print(f"{row['name']:64} {row['value']:10.4g} {row['unit']:8} {row['bar'] or '':12} {met}")
    print("\n".join(said))


if __name__ == "__main__":
    main()
