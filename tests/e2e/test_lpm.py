"""LPM-Bench from the command line, from nothing to a page."""

import json
import shutil
from pathlib import Path

import pytest

from openlpm.bench.lpm import making, strata, yardstick
from openlpm.bench.lpm.strata import Stratum, Track
from openlpm.cli.main import main

pytest.importorskip("espeakng_loader", reason="the extra [tts] makes the voices")

pytestmark = pytest.mark.e2e

CPU = ["--device", "cpu"]


def test_an_entry_needs_a_certificate_and_a_benchmark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "manifest.json").write_text('{"name": "x"}')
    assert main(["bench", "score", str(tmp_path), "--bench", str(tmp_path), "--out", str(tmp_path / "r")]) == 2
    assert "openlpm bench make" in capsys.readouterr().err
    assert main(["bench", "make", "--tier", "tiny", "--out", str(tmp_path / "lpm")]) == 2
    assert "smoke, core, full" in capsys.readouterr().err


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three cases of three seconds stand for a tier: all steps, few pictures."""
    three = (Stratum(track=Track.SPEAKING, name="emotion", seconds=3, full=4, core=3, smoke=3),)
    for module in (strata, making):
        monkeypatch.setattr(module, "STRATA", three)
    monkeypatch.setattr(yardstick, "VISEME_REHEARSALS", 30)


@pytest.mark.long
def test_two_baselines_are_made_certified_scored_and_compared(tmp_path: Path, short: None) -> None:
    bench, results = tmp_path / "lpm", tmp_path / "results"
    few = ["--bench", str(bench), "--tier", "smoke", *CPU]
    assert main(["bench", "make", "--tier", "smoke", "--out", str(bench)]) == 0
    assert main(["bench", "certify", *few]) == 0
    for name in ("truth", "lip-flap"):
        entry = tmp_path / "entries" / name
        assert main(["bench", "run", "--system", name, *few, "--out", str(entry)]) == 0
        assert main(["bench", "score", str(entry), *few, "--out", str(results / name)]) == 0
    again = [str(tmp_path / "entries" / "truth"), *few, "--out", str(tmp_path / "again")]
    assert main(["bench", "score", *again]) == 0
    kept = results / "truth" / "per_case.jsonl"
    assert (tmp_path / "again" / "per_case.jsonl").read_bytes() == kept.read_bytes()
    broken = tmp_path / "entries" / "broken"
    shutil.copytree(tmp_path / "entries" / "lip-flap", broken)
    (broken / "manifest.json").write_text('{"name": "broken"}')
    first, second, third = sorted((broken / "video").iterdir())
    first.unlink()
    second.write_bytes(second.read_bytes()[: second.stat().st_size // 2])
    assert main(["bench", "score", str(broken), *few, "--out", str(results / "broken")]) == 0
    about = json.loads((results / "broken" / "summary.json").read_text())
    assert about["failed"][first.stem].startswith("missing")
    assert about["failed"][second.stem].startswith(("corrupt", "short"))
    assert third.stem not in about["failed"]
    identity = next(row for row in about["rows"] if row["metric"] == "identity_tar")
    assert identity["mean"] == identity["coverage"] == pytest.approx(1 / 3)
    page = tmp_path / "report" / "lpm.html"
    folders = [str(results / name) for name in ("truth", "lip-flap")]
    assert main(["bench", "report", *folders, "--bench", str(bench), "--out", str(page), "--videos", "1"]) == 0
    text = page.read_text(encoding="utf-8")
    assert "<svg" in text
    assert text.count("data:video/mp4") == 2
    assert "<h2>Certificate</h2>" in text
    means = {
        name: {row["metric"]: row["mean"] for row in json.loads((results / name / "summary.json").read_text())["rows"]}
        for name in ("truth", "lip-flap")
    }
    assert means["truth"]["identity_tar"] == means["lip-flap"]["identity_tar"] == 1.0
    assert means["truth"]["motion_error"] < 0.2 < means["lip-flap"]["motion_error"]
    assert (page.parent / "leaderboard.csv").read_text().startswith("system,run,track,dim,metric,value")
    assert json.loads((page.parent / "pairwise.json").read_text())
