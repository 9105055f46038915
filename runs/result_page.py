"""Write the page for people beside a benchmark's JSON: the same rows as a Markdown table.

    python runs/result_page.py benchmarks/2026-11-22-aligner-cpu.json --title "Aligner" --note "Twelve clips ..."

What a reader could misread goes into ``--note`` (after the table) and ``--about`` (before it).
"""

import argparse
import json
from pathlib import Path
from typing import Any

HEAD = "| row | value | 95 % | n | unit | bar | met |\n|---|---|---|---|---|---|---|"


def line(row: dict[str, Any]) -> str:
    """One row of the table."""
    value = "" if row["value"] is None else f"{row['value']:.3f}"
    interval = "" if row["low"] is None else f"{row['low']:.3f} to {row['high']:.3f}"
    met = {True: "yes", False: "**no**", None: ""}[row["met"]]
    return f"| `{row['name']}` | {value} | {interval} | {row['n']} | {row['unit']} | {row['bar'] or ''} | {met} |"


def page(result: dict[str, Any], *, title: str, date: str, about: str, note: str) -> str:
    """The whole page."""
    told = f"{date}. {result['machine']}. Commit `{result['commit']}`. Command:\n`{result['command']}`."
    table = "\n".join([HEAD, *map(line, result["rows"])])
    parts = [f"# {title}", told, about, table, f"**Reading it.** {note}" if note else ""]
    return "\n\n".join(part for part in parts if part) + "\n"


def main() -> None:
    """Read the JSON, write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("json", type=Path)
    parser.add_argument("--title", required=True)
    parser.add_argument("--about", default="")
    parser.add_argument("--note", default="")
    args = parser.parse_args()
    result = json.loads(args.json.read_text())
    date = "-".join(args.json.stem.split("-")[:3])
    text = page(result, title=args.title, date=date, about=args.about, note=args.note)
    args.json.with_suffix(".md").write_text(text)


if __name__ == "__main__":
    main()
