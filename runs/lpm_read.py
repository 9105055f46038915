"""LPM-Bench on a machine with a GPU alone: what judges see of truth, controls and our entries.

    openlpm bench carry --bench out/lpm/bench --tier smoke --out carry                     # here
    PYTHONPATH=src python3 runs/lpm_read.py --bench carry --out OUT --side-by-side         # there, without PyAV
    openlpm bench carry --back OUT --out out/lpm                                           # here again
    openlpm bench certify --bench out/lpm/bench --tier smoke --reencoded 16

The most important first: the certificate's views, then entries, judged before they are encoded. It stops in time,
leaves what it has in ``OUT/*.tar.xz`` (of the smoke tier seven files of less than 16 MiB, and ``about.json``), and
goes on from there when it is started again with the same ``--work``. A small model waits for launches most of the
time, so ``--side-by-side`` gives every part a process of its own: certificate, baselines, each model's short cases, and
its long ones group by group.
"""

import argparse
import json
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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
from openlpm.bench.lpm.reading import Reader, groups_of
from openlpm.bench.lpm.showing import DRAWN_VIEWS, TRUTH, Showing, keep_views, load_views
from openlpm.bench.lpm.systems import Drawn
from openlpm.bench.lpm.view import LONGEST_WHOLE
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
CASES, COMES = "bench/controls/views", "entries"
SPARE_S = 25.0
"""For the last cases that were begun."""
GRACE_S = 60.0
"""How much longer than its time a process may take before it is ended."""
CONTROLS = "controls"


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one process works on."""

    label: str
    entries: Sequence[str]
    cases: Sequence[Case]

    @property
    def controls(self) -> bool:
        """Whether it sees truth and controls."""
        return self.label == CONTROLS


def parts_of(
    bench: Bench, cases: Sequence[Case], entries: Sequence[str], *, controls: bool, at_once: int
) -> list[Part]:
    """Parts that take about as long; none without a case."""
    able = [case for case in cases if can_perform(bench, case)]
    short = [case for case in able if case.num_frames <= LONGEST_WHOLE]
    long = list(groups_of([case for case in able if case.num_frames > LONGEST_WHOLE], at_once))
    found = [Part(label=CONTROLS, entries=(), cases=cases)] if controls else []
    found.append(Part(label="drawn", entries=[name for name in entries if name in DRAWN_ENTRIES], cases=able))
    for name in (name for name in entries if name not in DRAWN_ENTRIES):
        found.append(Part(label=name, entries=(name,), cases=short))
        found += [Part(label=f"{name}-long-{n}", entries=(name,), cases=group) for n, group in enumerate(long, 1)]
    return [part for part in found if part.cases and (part.controls or part.entries)]


@dataclass(frozen=True, kw_only=True)
class Bout:
    """One run: what it works on, where, and until when."""

    bench: Bench
    cases: Sequence[Case]
    judges: Judges
    device: torch.device
    work: Path
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
    codec = VideoCodec(load_model(bundled.folder("nano"), bout.device).own_parts().vae)
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


def pack_up(work: Path, out: Path, entries: Sequence[str]) -> None:
    """What there is, for the way back: the views of the controls in three files, each model in one."""
    groups = {f"controls-{n}": [f"{CASES}/{name}" for name in group] for n, group in enumerate(GROUPS, start=1)}
    groups["entries-drawn"] = [f"{COMES}/{name}" for name in entries if name in DRAWN_ENTRIES]
    groups |= {f"entry-{name}": [f"{COMES}/{name}"] for name in entries if name not in DRAWN_ENTRIES}

    def pack(name: str) -> None:
        files = [path for room in groups[name] for path in sorted((work / room).rglob("[!.]*")) if path.is_file()]
        if files:
            packed = out / f"{name}.tar.xz"
            size = pack_views(((str(path.relative_to(work)), path) for path in files), packed)
            print(f"  {packed.name}: {len(files)} files, {size / 2**20:.1f} MiB", flush=True)

    with ThreadPoolExecutor(len(groups)) as pool:
        list(pool.map(pack, groups))


def tried(bout: Bout, what: str, work: Callable[[], None]) -> None:
    """A part that fails costs itself alone."""
    try:
        work()
    except Exception:  # noqa: BLE001  # the others are to run
        traceback.print_exc()
        bout.rows.append(f"{what:<26}FAILED: {traceback.format_exc().strip().splitlines()[-1]}")


def work_on(part: Part, bout: Bout) -> None:
    """All of a part, one thing after another."""
    if part.controls:
        tried(bout, "truth and controls", lambda: certify(bout))
    for name in part.entries:
        tried(bout, name, lambda name=name: perform(bout, name))


def side_by_side(parts: Sequence[Part], args: argparse.Namespace, work: Path, until_s: float) -> list[str]:
    """A process for every part; returns their lines. What they print is in ``WORK/<part>.log``."""
    begun: list[tuple[Part, subprocess.Popen[bytes]]] = []
    for part in parts:
        command = [sys.executable, __file__, "--unpacked", "--work", str(work), "--out", str(args.out)]
        command += ["--part", part.label, "--minutes", f"{(until_s - time.monotonic()) / 60:.3f}"]
        command += ["--device", args.device, "--threads", str(args.threads or 1), "--at-once", str(args.at_once)]
        command += ["--entries", *part.entries, "--cases", *(case.id for case in part.cases)]
        with (work / f"{part.label}.log").open("wb") as file:
            begun.append((part, subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)))
    rows: list[str] = []
    for part, process in begun:
        try:
            code = process.wait(max(until_s + GRACE_S - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        told, log = work / f"{part.label}.json", work / f"{part.label}.log"
        lines = json.loads(told.read_text(encoding="utf-8")) if told.is_file() else []
        if code != 0:
            lines.append(f"FAILED ({code}): {log.read_text(encoding='utf-8', errors='replace').strip()[-300:]}")
        rows += [f"{part.label:<32}{line}" for line in lines]
        print("\n".join(rows[-len(lines) :] if lines else []), flush=True)
    return rows


def main() -> None:
    """Unpack, see, perform, pack, and say how far it came."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--bench", type=Path, nargs="+", help="folders of `openlpm bench carry`")
    source.add_argument("--unpacked", action="store_true", help="they lie in WORK/bench already")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--work", type=Path, help="where views are kept until they are packed (default: OUT/../lpm-work)"
    )
    parser.add_argument("--minutes", type=float, default=9.0, help="to see and perform; packing comes on top")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--entries", nargs="*", default=list(ENTRIES))
    parser.add_argument("--no-controls", action="store_true", help="entries alone")
    parser.add_argument("--side-by-side", action="store_true", help="a process for every part")
    parser.add_argument("--threads", type=int, help="of a processor; of processes side by side one each")
    parser.add_argument("--limit", type=int, help="only a few cases, of all tracks in turn")
    parser.add_argument("--cases", nargs="*", help="only these")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="cases that a model performs side by side")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    args = parser.parse_args()
    began, device = time.monotonic(), torch.device(args.device)
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False  # judges read as elsewhere
    work = args.work or args.out.resolve().parent / "lpm-work"
    args.out.mkdir(parents=True, exist_ok=True)
    bench = Bench.open(work / "bench") if args.unpacked else unpack(args.bench, work / "bench", device)
    chosen = [case for case in bench.cases if is_there(bench, case) and (not args.cases or case.id in args.cases)]
    cases = in_turn(chosen)[: args.limit]
    rows = [f"unpacked {len(cases)} cases in {time.monotonic() - began:.1f} s"]
    if args.side_by_side:
        parts = parts_of(bench, cases, args.entries, controls=not args.no_controls, at_once=args.at_once)
        rows += side_by_side(parts, args, work, began + 60 * args.minutes)
    else:
        bout = Bout(
            bench=bench,
            cases=cases,
            judges=load_judges(device),
            device=device,
            work=work,
            until_s=began + 60 * args.minutes - SPARE_S,
            at_once=args.at_once,
            rows=[],
        )
        label = args.part or ("entries" if args.no_controls else CONTROLS)
        work_on(Part(label=label, entries=args.entries, cases=cases), bout)
        rows += bout.rows
    if args.part:
        (work / f"{args.part}.json").write_text(json.dumps(rows[1:]), encoding="utf-8")
        return
    pack_up(work, args.out, args.entries)
    seconds, machine = time.monotonic() - began, describe_machine(device)
    about = {"machine": machine, "commit": describe_commit(), "seconds": seconds, "rows": rows}
    (args.out / "about.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    print("\n".join(["", machine, *rows, f"{seconds:.0f} s in all"]), flush=True)


if __name__ == "__main__":
    main()
