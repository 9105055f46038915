"""``openlpm bench judge``: a vision-language model compares submissions; secondary to people."""

import asyncio
import contextlib
import json
import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from openlpm.core.errors import ConfigError

if TYPE_CHECKING:
    from openlpm.bench.judge.judging import Judgement

HELP = """Have a vision-language model compare submissions in pairs. Secondary: no ranking uses it.

Examples:

  openlpm bench judge submissions/base submissions/online --bench bench --out judge.jsonl

OPENLPM_JUDGE_URL (with /v1), OPENLPM_JUDGE_MODEL and OPENLPM_JUDGE_KEY name any server that speaks OpenAI's interface;
it is sent frames of the clips. Both orders are asked. Answers are kept in OUT.answers, and the same command goes on.
"""
_SECONDARY = "secondary: a model's taste, from frames without sound; no ranking may use it"


def judge(
    submissions: Annotated[list[Path], typer.Argument(help="Two or more folders of submissions.")],
    *,
    bench: Annotated[Path, typer.Option(help="The folder of the benchmark, with cases.jsonl and assets.")],
    out: Annotated[Path, typer.Option(help="The file of judgements, a line each.")],
    question: Annotated[
        list[str] | None, typer.Option(help="motion, identity, instruction or overall (repeatable); else all.")
    ] = None,
) -> None:
    """Ask the model about every pair on every case, in both orders."""
    from openlpm.cli.serve import require_live

    require_live()
    from openlpm.bench.arena.case import read_cases
    from openlpm.bench.arena.entry import read_entry, require_distinct
    from openlpm.bench.arena.question import Question
    from openlpm.bench.judge import judging
    from openlpm.bench.judge.answers import Answers
    from openlpm.bench.judge.asking import ASKABLE
    from openlpm.cli.bench_output import stages
    from openlpm.cli.output import require_writable

    try:
        questions = [Question(name) for name in question or ASKABLE]
    except ValueError:
        raise ConfigError(f"question={', '.join(question or ())}: choose among {', '.join(ASKABLE)}") from None
    judging.require_askable(questions)
    config = judging.endpoint_config(os.environ)
    require_writable(out)
    cases = read_cases(bench)
    entries = [read_entry(folder, cases) for folder in submissions]
    require_distinct(entries)
    with contextlib.closing(Answers(out.with_name(out.name + ".answers"))) as answers, stages() as report:
        work = judging.judge(
            config, cases, entries, questions, answers, lambda done, total: report("pairs", done, total)
        )
        found = asyncio.run(work)
    out.write_text("".join(json.dumps(each.line(config.model)) + "\n" for each in found), encoding="utf-8")
    _print(found, config.model)


def _print(found: "list[Judgement]", model: str) -> None:
    groups: dict[tuple[str, str, str], list[Judgement]] = defaultdict(list)
    for each in found:
        groups[each.first, each.second, each.question].append(each)
    table = Table("first", "second", "question", "good", "same", "bad", "both orders agree", box=SIMPLE_HEAD)
    for (first, second, question), group in sorted(groups.items()):
        count = [sum(each.choice == choice for each in group) for choice in "LSR"]
        agreed = sum(each.forward is each.backward for each in group)
        table.add_row(first, second, question, *map(str, count), f"{agreed} of {len(group)}")
    Console().print(table)
    typer.echo(f"{model}: {_SECONDARY}")
