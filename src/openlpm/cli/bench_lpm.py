"""``openlpm bench make | run | score | certify | carry | report``: LPM-Bench, cases to page (docs/bench.md)."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from openlpm.cli.bench_output import Device, JudgesFolder, stages
from openlpm.cli.engine import pick_device
from openlpm.cli.progress import note, told
from openlpm.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import torch
    from numpy.typing import NDArray

    from openlpm.bench.lpm.case import Case
    from openlpm.bench.lpm.certificate import Certificate
    from openlpm.bench.lpm.reading import Performing
    from openlpm.bench.lpm.summing import Line

BenchFolder = Annotated[Path, typer.Option("--bench", help="A folder of `openlpm bench make`.")]
TierName = Annotated[
    str | None, typer.Option("--tier", help="smoke, core, full or human; all cases of the folder without it.")
]
Limit = Annotated[int | None, typer.Option(min=1, help="Only a few cases, of all tracks in turn.", show_default=False)]
Tracks = Annotated[str | None, typer.Option(help="Only these tracks, such as S,L,C.", show_default=False)]
Certificates = Annotated[
    Path | None, typer.Option("--certificates", help="Of `openlpm bench certify`; without it BENCH/controls.")
]
_LIMIT_VOICES = 24
_CASES_AT_ONCE = 12
"""That a model performs together on a GPU."""


def make(
    *,
    tier: Annotated[str, typer.Option(help="smoke (60 cases), core (300) or full (800 and 200 sealed ones).")],
    out: Annotated[Path, typer.Option(help="The folder to make, or to go on with.")],
    sealed_seed: Annotated[
        str | None, typer.Option(help="Also make the sealed cases, from this secret.", show_default=False)
    ] = None,
    voices: Annotated[
        Path | None, typer.Option(help="Recorded voices: cases of test speakers, without a truth.", show_default=False)
    ] = None,
    limit: Limit = None,
) -> None:
    """Make the cases: assets, truth, lists and a version, the same byte for byte every time."""
    from openlpm.bench.lpm.making import make as make_bench
    from openlpm.bench.lpm.strata import Tier

    if tier not in {each.value for each in Tier}:
        raise InputError(f"--tier: {tier!r} is none; give {', '.join(Tier)}")
    with stages() as report:
        count = make_bench(
            out,
            Tier(tier),
            sealed_seed=sealed_seed,
            voices=_human_voices(voices),
            limit=limit,
            report=lambda done, total: report("cases", done, total),
        )
    version = (out / "VERSION").read_text(encoding="utf-8").split()
    typer.echo(f"{count} cases in {out}: version {version[0]}, sha256 {version[2]}")


def run(
    *,
    system: Annotated[
        str,
        typer.Option(help="base, online, truth, freeze, loop, lip-flap, a folder of videos, or ws://HOST of a server."),
    ],
    bench: BenchFolder,
    out: Annotated[Path, typer.Option(help="The folder of the entry; a run that was stopped goes on there.")],
    model: Annotated[Path | None, typer.Option(help="A model folder; without it the bundled nano.")] = None,
    stream: Annotated[
        list[str] | None, typer.Option("--set", help="FIELD=VALUE: stream otherwise, such as refiner_time=none.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=100, help="Videos of every case.")] = 1,
    tier: TierName = None,
    limit: Limit = None,
    tracks: Tracks = None,
    before_encoding: Annotated[
        bool, typer.Option("--before-encoding", help="Keep what judges see in place of videos; the manifest says so.")
    ] = False,
    name: Annotated[
        str | None, typer.Option(help="What a streamed entry is called; without it as its address.", show_default=False)
    ] = None,
    device: Device = "auto",
    judges: JudgesFolder = None,
) -> None:
    """Perform the cases with a system; a folder of videos is only looked through for what it lacks."""
    from openlpm.bench.lpm.certifying import VIEWS
    from openlpm.bench.lpm.folder import Bench
    from openlpm.bench.lpm.reading import Reader
    from openlpm.bench.lpm.running import collect
    from openlpm.bench.lpm.running import run as run_system
    from openlpm.bench.lpm.systems import DRAWN, can_draw
    from openlpm.bench.lpm.wired import Server, run_wired
    from openlpm.bench.reading import load_judges

    opened = Bench.open(bench)
    cases = opened.chosen(tier, limit, tracks)
    if Path(system).is_dir():
        submission, missing = collect(Path(system), cases)
        note(f"{submission.name}: {len(cases) - len(missing)} of {len(cases)} videos are there")
        for case_id in missing:
            told(f"missing: {case_id}")
        return
    with stages() as report:

        def heard(done: int, total: int) -> None:
            report("videos", done, total)

        if system.startswith(("ws://", "wss://", "http://", "https://")):
            run_wired(Server.at(system), opened, cases, out, heard, name=name)
        else:
            place = pick_device(device)
            if system in DRAWN:
                cases = tuple(case for case in cases if can_draw(system, case))
            performer = _system(system, place, model, stream or [])
            if before_encoding:
                at_once = 1 if system in DRAWN or place.type == "cpu" else _CASES_AT_ONCE
                reader = Reader(bench=opened, judges=load_judges(place, judges), at_once=at_once)
                if system in ("truth", "freeze"):
                    truths = bench / "controls" / VIEWS / "truth"
                    known = reader.keep(performer.manifest, cases, truths, out, frozen=system == "freeze")
                    heard(known, len(cases))
                reader.read(performer, cases, out, heard)
            else:
                run_system(performer, opened, cases, out, seeds=seeds, report=heard)
    typer.echo(f"{len(cases)} cases in {out}")


def score(
    submission: Annotated[Path, typer.Argument(help="The folder of an entry.")],
    *,
    bench: BenchFolder,
    out: Annotated[Path, typer.Option(help="The folder of the results.")],
    certificates: Certificates = None,
    tier: TierName = None,
    limit: Limit = None,
    tracks: Tracks = None,
    device: Device = "auto",
    judges: JudgesFolder = None,
) -> None:
    """Score an entry: every metric that has a certificate, beside truth and worst control; failures by name."""
    from openlpm.bench.lpm.certificate import read_certificates
    from openlpm.bench.lpm.certifying import VIEWS, YARDSTICK, origin_of
    from openlpm.bench.lpm.folder import Bench
    from openlpm.bench.lpm.scoring import failures, score_submission, write_results
    from openlpm.bench.lpm.submission import Submission
    from openlpm.bench.lpm.summing import lives_of, summarise, write_summary
    from openlpm.bench.lpm.tasks import Tasks
    from openlpm.bench.lpm.yardstick import Yardstick
    from openlpm.bench.origin import describe_commit, describe_machine
    from openlpm.bench.reading import load_judges

    entry, opened, place = Submission.open(submission), Bench.open(bench), pick_device(device)
    cases, court = opened.chosen(tier, limit, tracks), load_judges(place, judges)
    folder = certificates or bench / "controls"
    known = read_certificates(folder, origin_of(court))
    if not known:
        raise InputError(f"{folder} holds no certificate: run `openlpm bench certify --bench {bench}` first")
    tasks = Tasks(opened, court, Yardstick.load(folder / YARDSTICK), folder / VIEWS / "truth")
    with stages() as report:
        results = score_submission(entry, opened, cases, tasks, court, lambda done, total: report("cases", done, total))
    lines, withheld = summarise(results, cases, known)
    out.mkdir(parents=True, exist_ok=True)
    write_results(out / "per_case.jsonl", results)
    failed = failures(results)
    about = {
        "system": entry.name,
        "manifest": entry.manifest(),
        "submission": _beside(submission, out),
        "bench": opened.digest,
        **origin_of(court),
        "machine": describe_machine(place),
        "commit": describe_commit(),
        "failed": dict(failed),
        "lives": asdict(lives_of(results, cases)),
    }
    write_summary(out / "summary.json", lines, withheld, about)
    _print_lines(entry.name, lines)
    for name, why in failed.items():
        told(f"scored worst: {name}: {why}")
    for sentence in withheld:
        told(f"withheld: {sentence}")
    for certificate in known.values():
        _tell_certificate(certificate, only_primary=True)


def certify(
    *,
    bench: BenchFolder,
    out: Certificates = None,
    model: Annotated[Path | None, typer.Option(help="Whose autoencoder is the codec; without it nano's.")] = None,
    tier: TierName = None,
    limit: Limit = None,
    reencoded: Annotated[
        int | None,
        typer.Option(min=0, help="Of how many cases re-encoding is made; of all without it.", show_default=False),
    ] = None,
    device: Device = "auto",
    judges: JudgesFolder = None,
) -> None:
    """Make every control, and say of every metric and domain whether it has shown that it can fail."""
    from openlpm.bench.lpm.certifying import (
        VIEWS,
        YARDSTICK,
        check_truth,
        gather,
        origin_of,
        show,
        yardstick_of,
    )
    from openlpm.bench.lpm.certifying import certify as judge
    from openlpm.bench.lpm.drawing import Drawing
    from openlpm.bench.lpm.folder import Bench
    from openlpm.bench.lpm.showing import Showing
    from openlpm.bench.lpm.tasks import Tasks
    from openlpm.bench.performer import VideoCodec
    from openlpm.bench.progress import phase
    from openlpm.bench.reading import load_judges
    from openlpm.bench.truth import reference_embedding
    from openlpm.rollout.assembly import load_model
    from openlpm.weights import bundled

    opened, place = Bench.open(bench), pick_device(device)
    cases, court = check_truth(opened.chosen(tier, limit)), load_judges(place, judges)
    folder = out or bench / "controls"
    folder.mkdir(parents=True, exist_ok=True)
    with stages() as report:
        with phase(report, "codec"):
            codec = VideoCodec(load_model(model or bundled.folder("nano"), place).own_parts().vae)
        showing = Showing(opened, court, Drawing(place), codec)
        views = show(showing, cases, folder / VIEWS, report, reencoded=reencoded)
        stick = yardstick_of(
            opened, cases, views, lambda case: reference_embedding(court, opened.reference_tensor(case)), report
        )
        stick.save(folder / YARDSTICK)
        found = judge(gather(Tasks(opened, court, stick, folder / VIEWS / "truth"), cases, views, report), cases)
    for certificate in found:
        certificate.write(folder, {**origin_of(court), "bench": opened.digest})
        _tell_certificate(certificate)
    admitted = sum(one.primary and next(iter(one.standings.values())).admitted for one in found)
    typer.echo(f"admitted_primaries {admitted} of {sum(one.primary for one in found)}")


def carry(
    *,
    bench: Annotated[
        Path | None, typer.Option("--bench", help="The benchmark to pack; with --back none.", show_default=False)
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder to carry; with --back the one with the benchmark's folders.")],
    tier: TierName = None,
    limit: Limit = None,
    tracks: Tracks = None,
    silent: Annotated[
        str, typer.Option(help="Tracks whose sounds stay here: for truth and controls alone.", show_default=True)
    ] = "H",
    part: Annotated[
        str | None, typer.Option(help="K/N, such as 1/2: only a part of the cases, every N-th.", show_default=False)
    ] = None,
    back: Annotated[
        Path | None, typer.Option(help="What runs/lpm_read.py left: unpack it.", show_default=False)
    ] = None,
) -> None:
    """Pack cases for a machine with a GPU alone (runs/lpm_read.py), or unpack what came back."""
    from openlpm.bench.lpm.carrying import pack, unpack_views
    from openlpm.bench.lpm.folder import Bench

    if back is not None:
        packed = sorted(back.glob("*.tar.xz"))
        if not packed:
            raise InputError(f"{back} holds no *.tar.xz: give the OUT of runs/lpm_read.py")
        typer.echo(f"{sum(unpack_views(path, out) for path in packed)} files in {out}")
        return
    if bench is None:
        raise InputError("--bench: say which benchmark to pack, or give --back")
    opened = Bench.open(bench)
    cases = _part_of(opened.chosen(tier, limit, tracks), part)
    size = pack(opened, cases, out, silent={case.id for case in cases if case.track in silent.split(",")})
    typer.echo(f"{len(cases)} cases in {out}, {size / 2**20:.1f} MiB")


def report(
    results: Annotated[list[Path], typer.Argument(help="Folders of `openlpm bench score`.")],
    *,
    bench: BenchFolder,
    out: Annotated[Path, typer.Option(help="The page to write (.html).")],
    certificates: Certificates = None,
    videos: Annotated[int, typer.Option(min=0, max=50, help="Cases whose videos are put side by side.")] = 3,
) -> None:
    """Compare entries: a page that needs nothing else, and beside it pairwise.json and leaderboard.csv."""
    from openlpm.bench.lpm.certificate import read_certificates
    from openlpm.bench.lpm.folder import Bench
    from openlpm.bench.lpm.report import compare, one_origin, read_entry, write_leaderboard, write_pairs
    from openlpm.bench.lpm.report_page import write_report

    opened = Bench.open(bench)
    entries = [read_entry(folder) for folder in results]
    origin = one_origin(entries)
    if origin["bench"] != opened.digest:
        raise InputError(f"{entries[0].name} was scored on other cases than {bench}: score it again")
    known = read_certificates(
        certificates or bench / "controls", {key: origin[key] for key in ("version", "critics") if origin[key]}
    )
    pairs = compare(entries, opened.cases)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_report(out, entries, pairs, opened.cases, videos=videos, certificates=known)
    write_pairs(out.with_name("pairwise.json"), pairs)
    write_leaderboard(out.with_name("leaderboard.csv"), entries, pairs)
    typer.echo(f"{len(entries)} entries, {len(pairs)} comparisons in {out}")


def register(app: typer.Typer) -> None:
    """Add the six commands."""
    commands = (make, run, score, certify, carry, report)
    for command in commands:
        app.command(command.__name__)(command)


def _part_of(cases: "tuple[Case, ...]", part: str | None) -> "tuple[Case, ...]":
    if part is None:
        return cases
    which, _, parts = part.partition("/")
    if not (which.isdigit() and parts.isdigit() and 1 <= int(which) <= int(parts) <= len(cases)):
        raise InputError(f"--part: {part!r} is none of {len(cases)} cases; give K/N, such as 1/2")
    return cases[int(which) - 1 :: int(parts)]


def _human_voices(folder: Path | None) -> "Sequence[tuple[str, NDArray[np.float32]]]":
    if folder is None:
        return ()
    from openlpm.bench.human_voices import find_voices, of_split
    from openlpm.core.seeds import Split

    found = find_voices(folder, limit=1000)
    kept = None if found is None else of_split(found, Split.TEST)
    if kept is None or not kept.names:
        raise InputError(f"{folder} holds no recording of a test speaker of eight seconds or more")
    return list(zip(kept.names, kept.voices_KA, strict=True))[:_LIMIT_VOICES]


def _system(name: str, device: "torch.device", model: Path | None, settings: list[str]) -> "Performing":
    from openlpm.bench.lpm.drawing import Drawing
    from openlpm.bench.lpm.modelled import Modelled
    from openlpm.bench.lpm.systems import DRAWN, Drawn

    if name in ("base", "online"):
        return Modelled(model, device, streams=name == "online", settings=settings)
    if name not in DRAWN:
        raise InputError(
            f"--system: {name!r} is neither base, online, {', '.join(DRAWN)}, nor a folder, nor the address of a server"
        )
    return Drawn(name, Drawing(device))


def _beside(submission: Path, out: Path) -> str:
    """Where the entry is, as seen from its results, so that both may move together."""
    import os

    return os.path.relpath(submission.resolve(), out.resolve())


def _print_lines(name: str, lines: "Sequence[Line]") -> None:
    """All domains together; what is known of each alone is in the summary."""
    from openlpm.bench.lpm.summing import TOGETHER

    table = Table(title=name, box=None, padding=(0, 1, 0, 0))
    for heading in ("dim", "metric", "domain", "mean", "95 % interval", "n", "coverage", "truth", "worst control", "s"):
        table.add_column(heading, no_wrap=True)
    for line in (one for one in lines if one.domain in TOGETHER):
        bounds = "" if line.lo is None or line.hi is None else f"{line.lo:.3g} .. {line.hi:.3g}"
        numbers = ["–" if value is None else f"{value:.3g}" for value in (line.gt, line.lb, line.s)]
        metric = line.metric if line.primary else f"  {line.metric}"
        table.add_row(
            line.dim, metric, line.domain, f"{line.mean:.3g}", bounds, str(line.n), f"{line.coverage:.0%}", *numbers
        )
    Console(width=160).print(table)


def _tell_certificate(certificate: "Certificate", *, only_primary: bool = False) -> None:
    if only_primary and not certificate.primary:
        return
    standings = list(certificate.standings.values())
    words = ", ".join(
        f"{one.domain} {'yes' if one.admitted else f'no ({one.why})'}"
        + (f" [{', '.join(one.unseen)} not made]" if one.unseen else "")
        for one in standings
        if one.n or one.admitted
    )
    kind = "primary" if certificate.primary else "guard"
    told(f"certificate of {certificate.dimension} {certificate.metric} ({kind}): {words or 'no case'}")
