"""``openlpm train plan``: the reckoning is made of counted operations and real sizes, and says what does not fit."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from openlpm.cli.main import main
from openlpm.core.errors import ConfigError, InputError
from openlpm.dit.work import SequenceShape, num_parameters, pass_work
from openlpm.recipes.models import lpm_17b, nano
from openlpm.recipes.programme.curriculum import Phase, passes_of, programme
from openlpm.recipes.programme.machine import H200, Ceiling
from openlpm.recipes.programme.planning import plan_phase, plan_programme
from openlpm.recipes.programme.reckon import Layout, Passes, reckon, reckon_memory

pytestmark = pytest.mark.unit

CLIP = SequenceShape(frames=30, frame_tokens=1560, references=1)
FOUR = Layout(gpus=4)


def test_all_phases_of_the_paper_are_there_in_their_order_for_every_size() -> None:
    for name in ("nano", "lpm-1.3b", "lpm-17b"):
        assert [each.phase for each in programme(name).phases] == list(Phase)
    with pytest.raises(InputError, match=r"there are nano, lpm-1\.3b, lpm-17b"):
        programme("lpm-99b")


def test_sharded_bytes_are_sixteen_a_parameter_and_four_more_for_an_average() -> None:
    parameters = num_parameters(lpm_17b())
    memory = reckon_memory(lpm_17b(), CLIP, FOUR, H200)
    held = memory.weights + memory.gradients + memory.optimiser
    assert held == pytest.approx(16 * parameters / 4)
    assert memory.average == pytest.approx(4 * parameters / 4)
    whole = reckon_memory(nano(), CLIP, replace(FOUR, sharded=False), H200)
    assert whole.weights == 4 * num_parameters(nano())


def test_a_step_takes_at_least_what_the_counted_operations_take_at_the_peak() -> None:
    step = reckon(lpm_17b(), CLIP, FOUR, Passes(), H200)
    assert step.operations == 4 * pass_work(lpm_17b(), CLIP).training
    least = step.operations / (4 * H200.peak.value)
    assert step.time.total > least
    assert step.mfu == pytest.approx(least / step.time.total)


def test_recomputation_costs_time_and_counts_nothing_in_mfu() -> None:
    with_it, without = (
        reckon(lpm_17b(), CLIP, replace(FOUR, checkpoint=each), Passes(), H200) for each in (True, False)
    )
    assert with_it.operations == without.operations
    assert with_it.time.total > 1.2 * without.time.total
    assert with_it.mfu < without.mfu
    assert with_it.memory.activations < 0.1 * without.memory.activations


def test_sharing_a_sequence_saves_activations_and_costs_an_exchange() -> None:
    alone, shared = (reckon(lpm_17b(), CLIP, Layout(gpus=8, context=each), Passes(), H200) for each in (1, 4))
    assert shared.memory.activations == pytest.approx(alone.memory.activations / 4)
    assert shared.time.exchange > 0 == alone.time.exchange
    assert shared.tokens == alone.tokens // 4


def test_slow_links_are_waited_for_only_as_far_as_nothing_is_computed_meanwhile() -> None:
    slow = replace(H200, link_bytes=Ceiling(1e9, "a slow cable"))
    fast = reckon(lpm_17b(), CLIP, FOUR, Passes(), H200)
    waits = reckon(lpm_17b(), CLIP, FOUR, Passes(), slow)
    assert fast.time.waiting == 0
    moved = 8 * num_parameters(lpm_17b()) * 0.75 / 1e9
    computed = fast.time.total - fast.time.optimiser
    assert waits.time.waiting == pytest.approx(moved - computed)


def test_frozen_passes_are_work_too() -> None:
    learnt, watched = (reckon(nano(), CLIP, Layout(gpus=1), Passes(trained=1, seen=seen), H200) for seen in (0, 3))
    assert watched.operations - learnt.operations == 3 * pass_work(nano(), CLIP).forward
    assert passes_of(Phase.OFF_POLICY, fake_steps=5, teacher_steps=1, real_passes=2).trained == pytest.approx(1.2)


def test_a_batch_is_the_same_on_any_number_of_gpus() -> None:
    whole = programme("lpm-17b")
    for gpus in (8, 64, 512):
        phases = plan_programme(whole, gpus, H200)
        assert all(each.layout.sequences == each.planned.sequences for each in phases)
        assert all(each.layout.gpus <= gpus for each in phases)
        assert all(each.step.memory.total <= H200.memory_bytes.value for each in phases)
    dpo = plan_phase(whole, whole.phase(Phase.DPO), 512, H200)
    assert dpo.layout.context == 4  # 128 sequences for 512 GPUs: nobody stands idle


def test_too_little_memory_says_how_many_gpus_would_do() -> None:
    whole = programme("lpm-17b")
    with pytest.raises(InputError, match=r"speak: .* on each of 2 H200, .*; 4 would do"):
        plan_phase(whole, whole.phase(Phase.SPEAK), 2, H200)
    assert plan_phase(whole, whole.phase(Phase.SPEAK), 4, H200).step.memory.total > 100e9


def test_a_ceiling_has_a_source_and_a_layout_is_whole() -> None:
    with pytest.raises(ConfigError, match="its source"):
        Ceiling(1.0, "")
    with pytest.raises(ConfigError, match="multiple of context"):
        Layout(gpus=6, context=4)


def test_the_command_prints_and_writes_the_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "plan.json"
    assert main(["train", "plan", "--recipe", "lpm-17b", "--gpus", "512", "--json", str(table)]) == 0
    said = capsys.readouterr().out
    assert "17.51 B parameters" in " ".join(said.split())
    assert "assumed:" in said
    made = json.loads(table.read_text())
    assert [each["phase"] for each in made["phases"]] == list(Phase)
    assert main(["train", "plan", "--recipe", "lpm-17b", "--gpus", "1"]) == 2
    assert "would do" in " ".join(capsys.readouterr().err.split())
    assert main(["train", "base"]) == 2
    assert "--out" in capsys.readouterr().err
