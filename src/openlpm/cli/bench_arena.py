"""``openlpm bench arena``: people compare clips of two systems without knowing whose they are."""

import contextlib
import os
import secrets
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

if TYPE_CHECKING:
    from openlpm.bench.arena.board import Board
    from openlpm.bench.arena.export import Outcome
    from openlpm.bench.arena.session import Arena
    from openlpm.bench.arena.study import Study
    from openlpm.serving.settings import ServerSettings

HELP = """Rate submissions blindly, in pairs, in the browser; and see what the votes say.

Examples:

  openlpm bench arena submissions/base/1 submissions/online/1 --bench bench --votes votes.sqlite

  openlpm bench arena export --votes votes.sqlite --out results

A server on this machine shows two clips of one case side by side and asks which is better. Votes go to an SQLite file;
a stopped or killed server goes on with the same command. docs/arena.md says how to rate and what is computed.
"""
_RATE = "rate"
_UNKNOWN = "–"


class RateUnlessNamed(TyperGroup):
    """Takes the first word for a submission unless it is one of its commands."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the usual command in front."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [_RATE, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=RateUnlessNamed, no_args_is_help=True, help=HELP, rich_markup_mode=None)
Votes = Annotated[Path, typer.Option("--votes", help="The SQLite file of votes; it is made, or gone on with.")]


@app.command(_RATE)
def rate(
    submissions: Annotated[list[Path], typer.Argument(help="Two or more folders of submissions.")],
    *,
    bench: Annotated[Path, typer.Option(help="The folder of the benchmark, with cases.jsonl and assets.")],
    votes: Votes,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8090,
    mode: Annotated[str, typer.Option(help="expert: one question a trial; crowd: overall and one other.")] = "expert",
    truth: Annotated[
        Path | None, typer.Option(help="The submission that is the truth: controls are made from it.")
    ] = None,
    votes_a_unit: Annotated[int, typer.Option(min=1, help="Raters for one question about one pair and case.")] = 3,
    native: Annotated[bool, typer.Option("--native", help="Each clip at its own size, not at the smaller's.")] = False,
    clips: Annotated[
        Path | None, typer.Option(help="Where prepared clips are kept; without it, beside the votes.")
    ] = None,
    origin: Annotated[
        list[str] | None, typer.Option(help="A web origin under which a proxy serves this page (repeatable).")
    ] = None,
) -> None:
    """Serve the page for raters on this machine until it is stopped."""
    from openlpm.cli.serve import require_live

    require_live()
    from openlpm.bench.arena.case import read_cases
    from openlpm.bench.arena.entry import read_entry, require_distinct
    from openlpm.bench.arena.rater import Anonymiser, usual_salt_file
    from openlpm.bench.arena.session import Arena
    from openlpm.bench.arena.study import Study
    from openlpm.bench.arena.votes import VoteStore
    from openlpm.serving.running import listen
    from openlpm.serving.settings import ServerSettings

    study = Study(mode=_mode(mode), votes_a_unit=votes_a_unit, native=native)
    cases = read_cases(bench)
    entries = [read_entry(folder, cases) for folder in submissions]
    require_distinct(entries)
    true_entry = None if truth is None else read_entry(truth, cases)
    settings = ServerSettings(
        port=port, server_key=secrets.token_urlsafe(24), public=bool(origin), origins=tuple(origin or ())
    )
    salt_file = usual_salt_file(os.environ)
    anonymiser = Anonymiser(salt_file)
    listener = listen(settings.host, port)
    with contextlib.closing(listener), contextlib.closing(VoteStore(votes, study)) as store:
        place = votes.with_name(f"{votes.stem}-clips") if clips is None else clips
        arena = Arena(store, cases, entries, clips=place, truth=true_entry)
        names = ", ".join(entry.name for entry in entries)
        typer.echo(f"{names}; {len(cases)} cases; {len(store.votes())} votes in {votes}")
        if true_entry is None:
            typer.echo("no --truth: controls are clips against themselves alone, and careless raters go unseen")
        typer.echo(f"rater hashes are salted from {salt_file}; delete it when the study is over")
        _serve(arena, study, anonymiser, settings, listener)


def _serve(
    arena: "Arena", study: "Study", anonymiser: Any, settings: "ServerSettings", listener: socket.socket
) -> None:
    import uvicorn

    from openlpm.cli.serve import log_to_stderr
    from openlpm.serving.arena import create_arena_app
    from openlpm.serving.running import config_of

    log_to_stderr(as_json=False)
    app = create_arena_app(arena, study.mode, anonymiser, settings)
    typer.echo(f"the arena is open at http://{settings.host}:{listener.getsockname()[1]}/ (Ctrl-C ends it)")
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn has done what the signal asks for and raises it again
        uvicorn.Server(config_of(app, settings)).run(sockets=[listener])
    typer.echo("stopped; the same command goes on")


@app.command("export")
def export(
    *,
    votes: Annotated[Path, typer.Option(help="The SQLite file of votes.")],
    out: Annotated[Path, typer.Option(help="The folder for votes.jsonl and arena.json.")],
    resamples: Annotated[int, typer.Option(min=100, max=100_000, help="Of the bootstrap over cases.")] = 1000,
) -> None:
    """Write votes.jsonl and arena.json, and print what the votes say."""
    from openlpm.bench.arena.export import ARENA, VOTES, outcome, write
    from openlpm.bench.arena.votes import VoteStore

    with contextlib.closing(VoteStore(votes)) as store:
        found = outcome(store.study, store.votes(), resamples=resamples)
    write(found, out)
    _print(found)
    typer.echo(f"{out / VOTES} and {out / ARENA} were written")


def _print(found: "Outcome") -> None:
    from openlpm.bench.arena.board import LEAST_ALPHA

    kept = sum(found.keeps(vote) for vote in found.votes)
    typer.echo(
        f"{len(found.votes)} votes of {len(found.raters)} raters; {found.dropped} raters dropped, {kept} votes kept"
    )
    table = Table("question", "track", "system", "Elo", "95 %", "rank", "votes", "alpha", box=SIMPLE_HEAD)
    for board in found.boards:
        for row in _lines(board):
            table.add_row(*row)
    Console().print(table)
    if any(not board.ranked for board in found.boards):
        typer.echo(
            f"not ranked: raters agree too little (alpha below {LEAST_ALPHA:g}), or nobody judged the same twice"
        )
    for each in found.alignments:
        low, high = each.score.low, each.score.high
        between = "" if low is None or high is None else f" [{low:.2f}, {high:.2f}]"
        typer.echo(
            f"alignment of {each.system}, {each.question}: {each.score.value:.2f}{between} of {each.votes} votes"
        )


def _lines(board: "Board") -> list[list[str]]:
    """The systems of a board, the strongest first."""
    together = sorted(zip(board.systems, board.standings, board.votes, strict=True), key=lambda each: -each[1].elo)
    alpha = _UNKNOWN if board.alpha_nominal != board.alpha_nominal else f"{board.alpha_nominal:.2f}"
    return [
        [
            board.question,
            board.track or "all",
            system,
            f"{standing.elo:+.0f}",
            _UNKNOWN
            if standing.low is None or standing.high is None
            else f"{standing.low:+.0f} to {standing.high:+.0f}",
            f"{standing.rank_low}–{standing.rank_high}" if board.ranked else "not ranked",
            str(votes),
            alpha,
        ]
        for system, standing, votes in together
    ]


def _mode(name: str) -> Any:
    from openlpm.bench.arena.question import Mode
    from openlpm.core.errors import ConfigError

    if name not in list(Mode):
        raise ConfigError(f"mode={name}: choose one of {', '.join(Mode)}")
    return Mode(name)
