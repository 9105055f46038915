"""LPM-Bench from the command line, from nothing to a page."""

import json
from pathlib import Path

import pytest

from openlpm.cli.main import main

pytest.importorskip("espeakng_loader", reason="the extra [tts] makes the voices")

pytestmark = pytest.mark.e2e

CPU = ["--device", "cpu"]


def test_an_entry_needs_a_certificate_and_a_benchmark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "manifest.json").write_text('{"name": "x"}')
    assert main(["bench", "score", str(tmp_path), "--bench", str(tmp_path), "--out", str(tmp_path / "r")]) == 1
    assert "openlpm bench make" in capsys.readouterr().err
    assert main(["bench", "make", "--tier", "tiny", "--out", str(tmp_path / "lpm")]) == 1
    assert "smoke, core, full" in capsys.readouterr().err


@pytest.mark.long
def test_two_baselines_are_made_certified_scored_and_compared(tmp_path: Path) -> None:
    bench, results = tmp_path / "lpm", tmp_path / "results"
    few = ["--bench", str(bench), "--limit", "3"]
    assert main(["bench", "make", "--tier", "smoke", "--limit", "3", "--out", str(bench)]) == 0
    assert main(["bench", "certify", *few, *CPU]) == 0
    for name in ("truth", "lip-flap"):
        entry = tmp_path / "entries" / name
        assert main(["bench", "run", "--system", name, *few, "--out", str(entry), *CPU]) == 0
        assert main(["bench", "score", str(entry), *few, "--out", str(results / name), *CPU]) == 0
    before = (results / "truth" / "per_case.jsonl").read_bytes()
    entry = str(tmp_path / "entries" / "truth")
    assert main(["bench", "score", entry, *few, "--out", str(results / "truth"), *CPU]) == 0
    assert (results / "truth" / "per_case.jsonl").read_bytes() == before
    page = tmp_path / "report" / "lpm.html"
    folders = [str(results / name) for name in ("truth", "lip-flap")]
    assert main(["bench", "report", *folders, "--bench", str(bench), "--out", str(page), "--videos", "1"]) == 0
    text = page.read_text(encoding="utf-8")
    assert "lip-flap" in text
    assert "<svg" in text
    assert "data:video/mp4" in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    rows = json.loads((results / "truth" / "summary.json").read_text())["rows"]
    best = {row["metric"]: row["mean"] for row in rows if row["domain"] == "synthetic"}
    assert best["sync_win_rate"] > 0.9
    assert (page.parent / "leaderboard.csv").read_text().startswith("system,run,track,dim,metric,value")
    assert json.loads((page.parent / "pairwise.json").read_text())
