"""The table of an LPM-Bench in ``benchmarks/``: certificates and entries side by side, as JSON and for people.

python3 runs/lpm_table.py --bench out/lpm/bench --results out/lpm/results/truth out/lpm/results/online --pictures
out/lpm/gpu/about.json --out benchmarks/2026-11-30-lpm-smoke
"""

import argparse
import json
from pathlib import Path
from typing import Any

from openlpm.bench.lpm.certificate import POOLED, STREAMED

_POOLED = (POOLED, STREAMED)


def number(value: float | None) -> str:
    """Three digits, or a dash."""
    return "–" if value is None else f"{value:.3g}"


def certificates_of(folder: Path) -> list[dict[str, Any]]:
    """Primaries first in each dimension; of the controls those over all domains."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")]
    found.sort(key=lambda one: (int(one["dimension"][1:]), not one["primary"], one["metric"]))
    return [
        {key: one[key] for key in ("dimension", "metric", "primary", "domains")}
        | {"controls": [control for control in one["controls"] if control["domain"] in _POOLED]}
        for one in found
    ]


def certificate_line(one: dict[str, Any]) -> str:
    """A row of the first table."""
    domain = one["domains"][0]
    reacts = [each for each in one["controls"] if each["must"] == "react"]
    stays = [each for each in one["controls"] if each["must"] == "still"]
    least = min(reacts, key=lambda each: 9.0 if each["auc"] is None else each["auc"])
    most = max(stays, key=lambda each: each["delta"], default=None)
    coded = next((each for each in stays if each["control"] == "reencode"), None)
    cells = [
        one["dimension"],
        title(one),
        "yes" if domain["admitted"] else f"no: {domain['why']}",
        number(domain["gt"]),
        f"{number(domain['lb'])} ({domain['lb_control']})",
        f"{number(least['auc'])} ({least['control']})",
        "–" if most is None else f"{number(most['delta'])} ({most['control']})",
        ("not made" if "reencode" in domain["unseen"] else "–")
        if coded is None
        else f"{number(coded['delta'])} ({coded['n']})",
        str(domain["n"]),
    ]
    return f"| {' | '.join(cells)} |"


def title(one: dict[str, Any]) -> str:
    """Primaries are bold."""
    return f"**{one['metric']}**" if one["primary"] else str(one["metric"])


def entry_line(one: dict[str, Any], entries: dict[str, dict[str, Any]]) -> str | None:
    """A row of the second table; None where the metric is withheld."""
    rows = [
        next((row for row in about["rows"] if row["metric"] == one["metric"] and row["domain"] in _POOLED), None)
        for about in entries.values()
    ]
    if all(row is None for row in rows):
        return None
    cells = [
        "–" if row is None else f"{number(row['mean'])} ({number(row['lo'])} to {number(row['hi'])})" for row in rows
    ]
    return f"| {one['dimension']} | {title(one)} | {' | '.join(cells)} |"


def page(out: str, certificates: list[dict[str, Any]], entries: dict[str, dict[str, Any]], notes: list[str]) -> str:
    """The file for people; the first note says where the pictures are from."""
    first = next(iter(entries.values()))
    admitted = sum(one["primary"] and one["domains"][0]["admitted"] for one in certificates)
    judged = sorted({str(about["manifest"].get("judged", "from videos")) for about in entries.values()})
    lines = [
        f"# LPM-Bench: {out}",
        "",
        (
            f"`admitted_primaries` **{admitted} of {sum(one['primary'] for one in certificates)}** (bar 11 of 11). "
            f"Pictures: {notes[0]}. Certificates and scores: {first['machine']}, commit `{first['commit']}`. "
            f"Benchmark {first['bench'][:12]}; judges are named in the JSON. Entries were judged {', '.join(judged)}."
        ),
        "",
        "## Certificate, all domains together",
        "",
        (
            "| | metric | admitted | truth | worst control | smallest AUC | most moved of what must stay "
            "| re-encoded, share of the gap (cases) | n |"
        ),
        "|---|---|---|---|---|---|---|---|---|",
        *(certificate_line(one) for one in certificates),
        "",
        f"## Entries: mean and 95 % interval; {max(row['n'] for row in first['rows'])} cases",
        "",
        f"| | metric | {' | '.join(entries)} |",
        f"|---|---|{'---|' * len(entries)}",
        *(line for one in certificates if (line := entry_line(one, entries)) is not None),
        "",
        *(f"- {note}" for note in notes[1:]),
    ]
    return "\n".join(lines).rstrip() + "\n"


def rounded(content: Any) -> Any:
    """The same with numbers of five digits: no interval is known better, and files are a quarter smaller."""
    if isinstance(content, float):
        return float(f"{content:.5g}")
    if isinstance(content, dict):
        return {key: rounded(value) for key, value in content.items()}
    return [rounded(value) for value in content] if isinstance(content, list) else content


def main() -> None:
    """Read what `openlpm bench certify` and `score` left, and write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, required=True)
    parser.add_argument("--results", type=Path, nargs="+", required=True)
    parser.add_argument("--pictures", type=Path, help="about.json of runs/lpm_read.py, if pictures are from there")
    parser.add_argument("--out", type=Path, required=True, help="without a suffix")
    parser.add_argument("--note", nargs="*", default=[], help="what a reader could misread")
    args = parser.parse_args()
    certificates = certificates_of(args.bench / "controls")
    entries = {path.name: json.loads((path / "summary.json").read_text(encoding="utf-8")) for path in args.results}
    pictures = "the same machine"
    if args.pictures is not None:
        about = json.loads(args.pictures.read_text(encoding="utf-8"))
        pictures = f"{about['machine']}, `runs/lpm_read.py`, {about['seconds']:.0f} s in all"
    notes = [pictures, *args.note]
    content = {"notes": notes, "certificates": certificates, "entries": entries}
    args.out.with_suffix(".json").write_text(
        json.dumps(rounded(content), ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8"
    )
    text = page(args.out.name, certificates, entries, notes)
    args.out.with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
