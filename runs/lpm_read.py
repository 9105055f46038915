"""LPM-Bench on a machine with a GPU alone: what judges see of truth, controls and our entries.

    openlpm bench carry --bench out/lpm/bench --tier smoke --out carry                     # here
    PYTHONPATH=src python3 runs/lpm_read.py --bench carry --out OUT --minutes 9            # there, without PyAV
    openlpm bench carry --back OUT --out out/lpm                                           # here again
    openlpm bench certify --bench out/lpm/bench --tier smoke --reencoded 16

The most important first: the certificate's views, then entries, judged before they are encoded. It stops in time,
leaves what it has in ``OUT/*.tar.xz`` (eight files of less than 16 MiB for the smoke tier), and goes on from there
when it is started again with the same ``--work``.
"""

import argparse
import json
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from openlpm.bench.lpm.carrying import can_perform, pack_views, unpack
from openlpm.bench.lpm.case import Case
from openlpm.bench.lpm.certifying import in_turn
from openlpm.bench.lpm.drawing import Drawing
from openlpm.bench.lpm.folder import Bench
from openlpm.bench.lpm.measures import Control
from openlpm.bench.lpm.modelled import Modelled
from openlpm.bench.lpm.reading import Reader
from openlpm.bench.lpm.showing import DRAWN_VIEWS, TRUTH, Showing, keep_views, load_views
from openlpm.bench.lpm.systems import Drawn
from openlpm.bench.origin import describe_commit, describe_machine
from openlpm.bench.performer import VideoCodec
from openlpm.bench.reading import Judges, load_judges
from openlpm.rollout.assembly import load_model
from openlpm.weights import bundled

GROUPS = ((TRUTH, Control.NOISE, Control.MORPH), (Control.CODEC, Control.JITTER), (Control.BLUR,))
"""The drawn views of a case, file by file; re-encoding is made where there is an encoder."""
DRAWN_ENTRIES = ("lip-flap", "loop")
ENTRIES = ("online", "base", "online-without-refiner", *DRAWN_ENTRIES)
AT_ONCE = 12
PACKING_S_PER_VIEW = 0.08
CASES, COMES = "bench/controls/views", "entries"
SPARE_S = 25.0
"""For the last cases that were begun; packing comes on top."""


@dataclass(frozen=True, kw_only=True)
class Bout:
    """One run: what it works on, where, and until when."""

    bench: Bench
    cases: Sequence[Case]
    judges: Judges
    device: torch.device
    work: Path
    out: Path
    until_s: float
    at_once: int
    rows: list[str]

    def say(self, what: str, done: int, total: int, seconds: float) -> None:
        """A line of the table."""
        self.rows.append(f"{what:<26}{done:>4} of {total:<4}{seconds:>8.1f} s")
        print(self.rows[-1], flush=True)


def certify(bout: Bout) -> None:
    """Truth and controls of case after case, those first that most metrics need: short ones of all domains in turn."""
    started, done = time.monotonic(), 0
    codec = VideoCodec(load_model(bundled.folder("nano"), bout.device).vae)
    showing = Showing(bout.bench, bout.judges, Drawing(bout.device), codec)
    folder = bout.work / CASES
    able = [case for case in bout.cases if case.has_truth]
    wanted = [name for name in DRAWN_VIEWS if name != Control.REENCODE]
    for case in able:
        kept = load_views(folder, case)
        lacking = [name for name in wanted if name not in kept]
        if lacking:
            if time.monotonic() > bout.until_s:
                break
            keep_views(folder, case, showing.views(case, lacking, kept))
        done += 1
        if done % 10 == 0:
            print(f"truth and controls: {done} of {len(able)} after {time.monotonic() - started:.1f} s", flush=True)
    bout.say("truth and controls", done, len(able), time.monotonic() - started)
    for number, group in enumerate(GROUPS, start=1):
        files = [path for name in group for path in sorted((folder / str(name)).glob("*.npz"))]
        pack_up(bout, f"controls-{number}", files)


def is_there(bench: Bench, case: Case) -> bool:
    """Whether a case came along, to be seen or to be performed."""
    return (bench.folder / "gt" / f"{case.id}.npz").is_file() or can_perform(bench, case)


def perform(bout: Bout, name: str) -> None:
    """An entry, several cases at once where it is a model; cases of which sounds came along."""
    started = time.monotonic()
    able = [case for case in bout.cases if can_perform(bout.bench, case)]
    if started > bout.until_s:
        return
    if name in DRAWN_ENTRIES:
        system, at_once = Drawn(name, Drawing(bout.device)), 1
    else:
        settings = ("refiner_time=none",) if name.endswith("refiner") else ()
        system, at_once = Modelled(None, bout.device, streams=name != "base", settings=settings), bout.at_once
    folder = bout.work / COMES / name
    reader = Reader(bench=bout.bench, judges=bout.judges, at_once=at_once, until_s=bout.until_s)
    done = reader.read(system, able, folder)
    bout.say(name, done, len(able), time.monotonic() - started)
    together = DRAWN_ENTRIES if name in DRAWN_ENTRIES else (name,)
    files = [path for each in together for path in sorted((bout.work / COMES / each).rglob("*")) if path.is_file()]
    pack_up(bout, "entries-drawn" if name in DRAWN_ENTRIES else f"entry-{name}", files)


def pack_up(bout: Bout, name: str, files: Sequence[Path]) -> None:
    """What there is, for the way back."""
    if files:
        packed = bout.out / f"{name}.tar.xz"
        size = pack_views(((str(path.relative_to(bout.work)), path) for path in files), packed)
        print(f"  {packed.name}: {len(files)} files, {size / 2**20:.1f} MiB", flush=True)


def tried(bout: Bout, what: str, work: Callable[[], None]) -> None:
    """A part that fails costs itself alone."""
    try:
        work()
    except Exception:  # noqa: BLE001  # the others are to run
        traceback.print_exc()
        bout.rows.append(f"{what:<26}FAILED: {traceback.format_exc().strip().splitlines()[-1]}")


def main() -> None:
    """Unpack, see, perform, and say how far it came."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, nargs="+", required=True, help="folders of `openlpm bench carry`")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, help="where views are kept until they are packed (default: OUT/../work)")
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--entries", nargs="*", default=list(ENTRIES))
    parser.add_argument("--limit", type=int, help="only a few cases, of all tracks in turn")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="cases that a model performs side by side")
    args = parser.parse_args()
    began, device = time.monotonic(), torch.device(args.device)
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False  # judges read as elsewhere
    work = args.work or args.out.resolve().parent / "lpm-work"
    args.out.mkdir(parents=True, exist_ok=True)
    bench = unpack(args.bench, work / "bench", device)
    chosen = [case for case in bench.cases if is_there(bench, case)]
    bout = Bout(
        bench=bench,
        cases=in_turn(chosen)[: args.limit],
        judges=load_judges(device),
        device=device,
        work=work,
        out=args.out,
        until_s=began + 60 * args.minutes - SPARE_S - PACKING_S_PER_VIEW * len(chosen) * 3,
        at_once=args.at_once,
        rows=[],
    )
    bout.say("unpacked, judges loaded", len(chosen), len(chosen), time.monotonic() - began)
    tried(bout, "truth and controls", lambda: certify(bout))
    for name in args.entries:
        tried(bout, name, lambda name=name: perform(bout, name))
    seconds, machine = time.monotonic() - began, describe_machine(device)
    about = {"machine": machine, "commit": describe_commit(), "seconds": seconds, "rows": bout.rows}
    (args.out / "about.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    print("\n".join(["", machine, *bout.rows, f"{seconds:.0f} s in all"]), flush=True)


if __name__ == "__main__":
    main()
