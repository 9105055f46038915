"""``openlpm doctor``: what works on this machine, and what to do about the rest."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from openlpm import __version__
from openlpm.cli.checks.finding import Looked, Need, Verdict, run_check
from openlpm.cli.output import require_writable

if TYPE_CHECKING:
    from collections.abc import Sequence

HELP = """See what works on this machine, and what to do about the rest.

The exit code is 0 unless something is missing that `openlpm generate` needs; nothing is changed, and nothing is sent
anywhere unless --online is given.

Examples:

  openlpm doctor

  openlpm doctor --quick --json doctor.json
"""

_UNFIT = 1
_SHOWN = {
    Verdict.OK: "[green]ok[/green]",
    Verdict.WEAK: "[yellow]less well[/yellow]",
    Verdict.MISSING: "[red]missing[/red]",
    Verdict.LEFT_OUT: "[dim]left out[/dim]",
}


def doctor(
    *,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out what takes more than two seconds.")] = False,
    online: Annotated[bool, typer.Option("--online", help="Ask the agent's servers whether they answer.")] = False,
    model: Annotated[Path | None, typer.Option(help="A model folder; without it the one in the package.")] = None,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write what was found to this file.")] = None,
) -> None:
    """Look at everything once."""
    from openlpm.cli.checks.catalogue import checks

    require_writable(json_path)
    console = Console()
    looked: list[Looked] = []
    for check in checks(model, online=online):
        with console.status(f"looking at: {_plain(check.name)}"):
            looked.append(run_check(check, quick=quick))
        if not console.is_terminal:
            _say_plainly(looked[-1])
    if console.is_terminal:
        console.print(_table(looked))
    missing = missing_of(looked)
    for need in (Need.GENERATE, Need.SERVE):
        lacks = missing[need]
        typer.echo(f"openlpm {need.value}: {'lacks ' + ', '.join(lacks) if lacks else 'works here'}")
    if json_path is not None:
        json_path.write_text(json.dumps(report_of(looked), indent=1) + "\n")
    if missing[Need.GENERATE]:
        raise typer.Exit(_UNFIT)


def missing_of(looked: "Sequence[Looked]") -> dict[Need, list[str]]:
    """Names of the checks that found something missing, by what needs them; serving needs what ``generate`` needs."""
    found = {
        need: [
            each.check.name for each in looked if each.check.need is need and each.finding.verdict is Verdict.MISSING
        ]
        for need in Need
    }
    found[Need.SERVE] = found[Need.GENERATE] + found[Need.SERVE]
    return found


def report_of(looked: "Sequence[Looked]") -> dict[str, object]:
    """All of it as JSON."""
    return {
        "openlpm": __version__,
        "works": {need.value: not lacks for need, lacks in missing_of(looked).items()},
        "checks": [
            {
                "name": each.check.name,
                "needed_by": each.check.need.value,
                "verdict": each.finding.verdict.value,
                "found": each.finding.found,
                "todo": each.finding.todo,
                "seconds": round(each.seconds, 3),
            }
            for each in looked
        ],
    }


def _say_plainly(looked: Looked) -> None:
    finding = looked.finding
    typer.echo(f"{finding.verdict.value}: {looked.check.name}: {finding.found}")
    if finding.todo:
        typer.echo(f"  -> {finding.todo}")


def _table(looked: "Sequence[Looked]") -> Table:
    table = Table(title=f"OpenLPM {__version__} on this machine")
    for heading in ("", "what", "for", "found", "what to do"):
        table.add_column(heading)
    for each in looked:
        finding = each.finding
        row = (_plain(each.check.name), each.check.need.value, _plain(finding.found), _plain(finding.todo))
        table.add_row(_SHOWN[finding.verdict], *row)
    return table


def _plain(text: str) -> str:
    """Text as it is: rich takes ``[live]`` for a style."""
    return text.replace("[", "\\[")
