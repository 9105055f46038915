"""A page about entries: vectors with intervals, ties as intervals of ranks, and nothing loaded from elsewhere."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from openlpm.bench.lpm.case import Case
from openlpm.bench.lpm.certificate import Certificate, Shown, Standing
from openlpm.bench.lpm.report import compare, one_origin, ranks, read_entry, write_leaderboard, write_pairs
from openlpm.bench.lpm.report_page import write_report
from openlpm.bench.lpm.scoring import Result, write_results
from openlpm.bench.lpm.summing import Line, write_summary
from openlpm.core.errors import InputError

pytestmark = pytest.mark.unit

CASES = [
    Case(
        id=f"k{index}", track="S", sub="emotion", domain="soft", dur=8.0, lang="en-us", frame="portrait",
        layer="synthetic", char=f"c{index}", script=f"s{index}", seed_base=index, refs=(), ref_kinds=(),
        prompt={"text": "Speak <loudly>."},
    )
    for index in range(12)
]  # fmt: skip


def write_entry(folder: Path, name: str, level: float) -> Path:
    """Results of an entry whose cases all lie near a level."""
    entry, results = folder / "entries" / name, folder / "results" / name
    (entry / "video").mkdir(parents=True)
    results.mkdir(parents=True)
    (entry / "manifest.json").write_text(json.dumps({"name": name}))
    for case in CASES:
        (entry / "video" / f"{case.id}.s0.mp4").write_bytes(b"no video")
    rows = [
        Result(case=one.id, seed=0, metric=metric, value=level + 0.01 * k % 0.05, status="ok", why="", extractor_sha="")
        for metric in ("sync_win_rate", "viseme_f1")
        for k, one in enumerate(CASES)
    ]
    write_results(results / "per_case.jsonl", rows)
    lines = [
        Line(
            dim="D1", metric=metric, primary=metric == "sync_win_rate", domain="synthetic", mean=level, lo=level - 0.05,
            hi=level + 0.05, n=12, coverage=1.0, gt=1.0, lb=0.1, s=level, seed_share=None,
        )
        for metric in ("sync_win_rate", "viseme_f1")
    ]  # fmt: skip
    about = {"system": name, "manifest": {"hw": "a machine"}, "submission": f"../../entries/{name}"}
    write_summary(results / "summary.json", lines, ["D7 picture_distance: not admitted (codec)"], about)
    return results


def test_three_entries_of_which_two_cannot_be_told_apart(tmp_path: Path) -> None:
    levels = {"good": 0.9, "as-good": 0.9, "bad": 0.3}
    entries = [read_entry(write_entry(tmp_path, name, level)) for name, level in levels.items()]
    pairs = compare(entries, CASES)
    assert ranks(entries, pairs, "sync_win_rate") == {"good": (1, 2), "as-good": (1, 2), "bad": (3, 3)}
    page, board, tests = tmp_path / "lpm.html", tmp_path / "leaderboard.csv", tmp_path / "pairwise.json"
    shown = Shown(control="shifted_8", domain="synthetic", must="react", auc=0.97, delta=None, n=12, passed=True)
    standing = Standing(domain="synthetic", admitted=True, why="", gt=1.0, lb=0.1, lb_control="shifted_8", n=12)
    known = Certificate(
        metric="sync_win_rate", dimension="D1", primary=True, shown=[shown], standings={"synthetic": standing}
    )
    write_report(page, entries, pairs, CASES, videos=1, certificates={"sync_win_rate": known})
    write_leaderboard(board, entries, pairs)
    write_pairs(tests, pairs)
    text = page.read_text(encoding="utf-8")
    assert text.count("data:video/mp4;base64,") == 3
    assert "Speak &lt;loudly&gt;." in text
    assert "D7 picture_distance: not admitted (codec)" in text
    assert "rank 1–2" in text
    assert "(rank 3)" in text
    assert "<td>0.97 shifted_8</td>" in text
    assert "picture_distance (withheld)" in text
    assert "survival (no case asks for it)" in text
    assert "Without videos" not in text
    for video in (tmp_path / "entries" / "bad" / "video").iterdir():
        video.unlink()
    write_report(page, entries, pairs, CASES, videos=1)
    text = page.read_text(encoding="utf-8")
    assert text.count("data:video/mp4;base64,") == 2
    assert "Without videos (judged before encoding, or moved away): bad." in text
    assert "src='http" not in text
    rows = list(csv.DictReader(board.read_text(encoding="utf-8").splitlines()))
    assert [(row["system"], row["metric"], row["rank_lo"], row["rank_hi"]) for row in rows] == [
        ("good", "sync_win_rate", "1", "2"), ("as-good", "sync_win_rate", "1", "2"), ("bad", "sync_win_rate", "3", "3"),
    ]  # fmt: skip
    found = {(one["a"], one["b"], one["metric"]): one for one in json.loads(tests.read_text())}
    told = found["good", "bad", "sync_win_rate"]
    assert told["p_holm"] < 0.01
    assert told["diff"] == pytest.approx(0.6)
    assert "p_bh" in found["good", "bad", "viseme_f1"]
    assert found["good", "as-good", "sync_win_rate"]["p"] == 1.0


def test_entries_of_other_judges_or_of_one_name_are_not_put_side_by_side(tmp_path: Path) -> None:
    entries = [read_entry(write_entry(tmp_path, name, 0.5)) for name in ("one", "two")]
    with pytest.raises(InputError, match="two entries have one name"):
        one_origin([entries[0], entries[0]])
    other = replace(entries[1], about={**entries[1].about, "critics": {"critic": "other"}})
    with pytest.raises(InputError, match="two and one differ in their critics"):
        one_origin([entries[0], other])
    assert one_origin(entries) == {"bench": None, "version": None, "critics": None}
