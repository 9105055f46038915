"""Work that a benchmark gives to other processes, and what is left of one that is stopped."""

import json
from pathlib import Path

import numpy as np
import pytest

from openlpm.bench import base, joins
from openlpm.bench.cases import mixed_style
from openlpm.bench.result import Row
from openlpm.bench.workers import Company, Task
from openlpm.cli.main import main
from openlpm.core.seeds import Split, seeds_of
from openlpm.synth.sound.speech_bank import build

pytestmark = pytest.mark.unit


def test_a_company_performs_as_one_would_alone() -> None:
    bank = build(Split.TRAIN, 12, seed=3)
    people = seeds_of(Split.TRAIN)
    tasks: list[Task] = [(people[seed], seed, 48, mixed_style(seed, seed)) for seed in range(5)]
    alone, together = (Company(bank, workers=workers).perform(tasks) for workers in (0, 2))
    assert [one.clip_id for one in together] == [one.clip_id for one in alone]
    for left, right in zip(alone, together, strict=True):
        assert left.truth is not None
        assert right.truth is not None
        assert np.array_equal(left.truth.rig_FR, right.truth.rig_FR)
        assert np.array_equal(left.speak_A, right.speak_A)


def test_a_stopped_benchmark_keeps_the_rows_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: object, **__: object) -> list[Row]:
        raise KeyboardInterrupt

    monkeypatch.setattr(base, "measure", lambda *_, **__: [Row(name="jaw_correlation", value=0.5, n=4)])
    monkeypatch.setattr(joins, "measure_joins", stopped)
    assert main(["bench", "base", "--quick", "--device", "cpu", "--json", str(tmp_path / "base.json")]) == 130
    assert "nothing was written" not in capsys.readouterr().err
    table = json.loads((tmp_path / "base.json").read_text())
    assert [row["name"] for row in table["rows"]] == ["jaw_correlation"]
    assert any("stopped before the end" in note for note in table["notes"])
