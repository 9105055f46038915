"""Work that a benchmark gives to other processes, and what is left of one that is stopped."""

import json
from multiprocessing import active_children
from pathlib import Path

import numpy as np
import pytest

from openlpm.bench import base, joins
from openlpm.bench.cases import mixed_style
from openlpm.bench.crew import crew
from openlpm.bench.rehearsal import Eyesight, Rehearsal, Stage
from openlpm.bench.result import Row
from openlpm.bench.workers import Company, Task
from openlpm.cli.main import main
from openlpm.core.rig import NUM_RIG
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
        assert np.array_equal(left.state_F, right.state_F)
        assert not left.speak_A.any()
        assert not right.listen_A.any()


def test_voices_and_performances_are_made_by_the_same_processes() -> None:
    pool = crew(2)
    assert pool is not None
    assert crew(2) is pool
    assert crew(0) is None
    bank, alone = build(Split.TRAIN, 40, seed=3, pool=pool), build(Split.TRAIN, 40, seed=3)
    assert np.array_equal(bank.voice_index, alone.voice_index)
    assert np.array_equal(bank.emotion_index, alone.emotion_index)
    people = seeds_of(Split.TRAIN)
    tasks: list[Task] = [(people[seed], seed, 48, mixed_style(seed, seed)) for seed in range(12)]
    before = {child.pid for child in active_children()}
    for voices in (bank, alone):  # a process has the bank that it is asked for, not the first one that it saw
        together, here = (Company(voices, workers=workers).perform(tasks) for workers in (2, 0))
        assert [one.caption for one in together] == [one.caption for one in here]
        for left, right in zip(together, here, strict=True):
            assert left.truth is not None
            assert right.truth is not None
            assert np.array_equal(left.truth.rig_FR, right.truth.rig_FR)
    assert {child.pid for child in active_children()} == before


def test_rehearsals_made_together_are_those_made_alone() -> None:
    told: list[tuple[str, int, int]] = []
    still_R = np.zeros(NUM_RIG)
    sight = Eyesight(middle_R=still_R, slope_R=still_R + 1, bias_R=still_R + 0.1, noise_R=still_R + 0.1)
    bank = build(Split.TRAIN, 12, seed=3)
    stage = Stage(sight, bank, on_progress=lambda *to: told.append(to))
    asked = [Rehearsal("one", 3, 48, mixed_style), Rehearsal("other", 2, 72, mixed_style)]
    together = stage.rehearse_all("both", asked)
    assert told == [("rehearsals: both", done, 5) for done in (0, 1, 2, 3, 4, 4, 5)]
    for one, found in zip(asked, together, strict=True):
        alone = stage.rehearse(one.purpose, one.count, one.num_frames, one.style_of)
        assert len(found) == one.count
        for left, right in zip(found, alone, strict=True):
            assert left.record.clip_id == right.record.clip_id
            assert np.array_equal(left.read_FR, right.read_FR)


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
