"""The table that bench commands print and write."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from rich.console import Console

from openlpm.bench import origin
from openlpm.bench.result import Bar, Row, Table
from openlpm.bench.statistics import Estimate
from openlpm.core.errors import ConfigError
from openlpm.weights.fingerprint import folder_sha256

pytestmark = pytest.mark.unit


def table(*rows: Row) -> Table:
    return Table(
        title="t", machine="m", command="c", commit="1", critics={"critic": "ab"}, rows=rows, notes=("a note",)
    )


def test_the_json_has_exactly_the_published_keys(tmp_path: Path) -> None:
    row = Row.of("vae/psnr", Estimate(value=41.0, low=40.5, high=41.5, n=64), unit="dB", bar=Bar(at_least=40))
    table(row).write_json(tmp_path / "out.json")
    written = json.loads((tmp_path / "out.json").read_text())
    assert list(written) == ["machine", "command", "commit", "critics", "notes", "rows"]
    assert written["rows"] == [
        {
            "name": "vae/psnr",
            "value": 41.0,
            "low": 40.5,
            "high": 41.5,
            "n": 64,
            "unit": "dB",
            "bar": ">= 40",
            "met": True,
        }
    ]


def test_what_could_not_be_measured_is_null_and_not_met(tmp_path: Path) -> None:
    row = Row.of("x", Estimate.single(float("nan"), n=0), bar=Bar(at_most=1))
    table(row).write_json(tmp_path / "out.json")
    written = json.loads((tmp_path / "out.json").read_text())["rows"][0]
    assert written["value"] is None
    assert written["met"] is False


def test_a_failed_guard_withholds_met() -> None:
    assert Row.of("x", Estimate.single(0.0), bar=Bar(at_most=1)).met is True
    assert Row.of("x", Estimate.single(0.0), bar=Bar(at_most=1), guard=False).met is False


@pytest.mark.parametrize(("value", "met"), [(0.69, False), (0.7, True), (1.3, True), (1.31, False)])
def test_a_bar_with_two_sides_holds_between_them(value: float, met: bool) -> None:
    bar = Bar(at_least=0.7, at_most=1.3)
    assert bar.met_by(value) is met
    assert str(bar) == "0.7 to 1.3"


def test_the_printed_table_shows_rows_bars_and_origin() -> None:
    rows = (
        Row.of("a", Estimate(value=0.5, low=0.4, high=0.6, n=3), bar=Bar(at_least=0.9)),
        Row(name="b", value=None, n=0),
    )
    console = Console(file=io.StringIO(), width=120)
    console.print(table(*rows).as_rich())
    printed = console.file.getvalue()
    for words in ("0.500", "0.400 .. 0.600", ">= 0.9", "no", "a note", "c @ 1"):
        assert words in printed


def test_names_of_rows_are_unique_and_a_bar_needs_a_side() -> None:
    with pytest.raises(ConfigError, match="a name of its own"):
        table(Row(name="a", value=1, n=1), Row(name="a", value=2, n=1))
    with pytest.raises(ConfigError):
        Bar()


def test_the_origin_names_machine_commit_and_weights(tmp_path: Path) -> None:
    assert "cores" in origin.describe_machine(torch.device("cpu"))
    told = origin.describe_command(["bench", "base", "--clips", "4", "--json", "/ada/my tables/base.json"])
    assert told == "openlpm bench base --clips 4 --json base.json"
    assert origin.describe_commit()
    (tmp_path / "a").write_bytes(b"1")
    before = folder_sha256(tmp_path)
    (tmp_path / "a").write_bytes(b"2")
    assert len(before) == 64
    assert folder_sha256(tmp_path) != before


def test_base_is_measured_on_machines_that_cannot_decode() -> None:
    parts = ", ".join(f"openlpm.bench.{name}" for name in ("base", "footage", "human_voices", "joins", "wide"))
    subprocess.run([sys.executable, "-c", f"import sys; sys.modules['av'] = None; import {parts}"], check=True)
