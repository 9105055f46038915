"""What a training is to do is known, and what is wrong with it is said, before anything is made."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from openlpm.cli.main import main
from openlpm.cli.train import seconds_by_stage, stages_named
from openlpm.core.errors import ConfigError, InputError, WeightsError
from openlpm.nn.memory import Placing
from openlpm.recipes import nano
from openlpm.recipes.online import online, online_recipe
from openlpm.recipes.plan import Plan, Request, plan, stage_folder
from openlpm.recipes.stage import BASE_STAGES, ONLINE_STAGES, POST_STAGES, Stage
from openlpm.recipes.stages import BASE_PARTS
from openlpm.rollout.assembly import CharacterModel
from openlpm.training.matching import MatchingConfig
from openlpm.weights.store import Storage, save

pytestmark = pytest.mark.unit


def planned(out: Path, *stages: Stage, **changes: object) -> Plan:
    return plan(Request(stages=stages, out=out, **changes))  # type: ignore[arg-type]


def pretend(out: Path, *parts: str) -> None:
    for part in parts:
        save({"weight": torch.zeros(1)}, out / part, storage=Storage.FP32)


def stored(out: Path, model: CharacterModel, **changes: object) -> Path:
    CharacterModel(replace(model.config, **changes)).write_config(out)
    return out


def test_stages_that_are_there_are_left_out_and_half_written_ones_are_not(tmp_path: Path) -> None:
    assert planned(tmp_path, *Stage).stages == tuple(Stage)
    pretend(tmp_path, "choreographer")
    assert Stage.CHOREOGRAPHER not in planned(tmp_path, *Stage).stages
    pretend(tmp_path, "vae", "critic", "dit", "speak", "listen")
    done = (Stage.VAE, Stage.CHOREOGRAPHER)
    assert planned(tmp_path, *Stage).stages == tuple(stage for stage in Stage if stage not in done)
    pretend(tmp_path, "critic-mouth", "text")
    assert planned(tmp_path, *Stage).stages == (*POST_STAGES, *ONLINE_STAGES)
    nano_folder = stage_folder(tmp_path, Stage.CAUSAL)
    CharacterModel(replace(nano.character(), online=online())).write_config(nano_folder)
    left = planned(tmp_path, *BASE_STAGES, *ONLINE_STAGES)
    assert left.stages == ONLINE_STAGES[1:]
    assert left.student == nano_folder
    assert left.teacher == tmp_path


def test_what_comes_after_base_goes_on_from_it_and_is_what_online_is_made_from(
    tmp_path: Path, tiny_model: Callable[..., CharacterModel]
) -> None:
    base, out = stored(tmp_path / "base", tiny_model()), tmp_path / "out"
    both = planned(out, *POST_STAGES, Stage.CAUSAL, init=base)
    assert (both.base_folder, both.teacher) == (base, out / "post" / "dpo")
    assert planned(out, Stage.CAUSAL, init=base).teacher == base
    stored(out / "post" / "sft", tiny_model())
    left = planned(out, *POST_STAGES, init=base)
    assert (left.stages, left.base_folder) == ((Stage.DPO,), out / "post" / "sft")
    assert planned(out, Stage.CAUSAL, init=base).teacher == out / "post" / "sft"
    assert planned(out, Stage.DPO, init=base, assignments=["beta=7", "takes=9"]).post[Stage.DPO].objective.beta == 7  # type: ignore[union-attr]
    with pytest.raises(ConfigError, match="sft is made from a Base"):
        planned(tmp_path / "nothing", Stage.SFT)


def test_captions_are_made_for_all_windows_that_are_learnt_from_and_for_no_others(tmp_path: Path) -> None:
    base = [4, 6, 12, 24, 28, 30, 36]  # latent frames, four frames each; up to 12 what prompts in windows tell of
    assert planned(tmp_path, Stage.BASE, Stage.VAE).windows == tuple(4 * frames for frames in base)
    assert planned(tmp_path, *Stage).windows == tuple(4 * frames for frames in sorted({*base, 48}))
    assert planned(tmp_path, *Stage, tiny=True).windows == (12, 48)
    assert planned(tmp_path, Stage.VAE).windows == ()
    set_otherwise = planned(tmp_path, *Stage, assignments=["on-policy.score_frames=33"])
    assert set_otherwise.windows == tuple(4 * frames for frames in (4, 6, 9, 12, 24, 28, 30, 33, 36, 48))


def test_online_goes_on_from_the_nearest_stage_before_or_from_whom_it_is_told(
    tmp_path: Path, tiny_model: Callable[..., CharacterModel]
) -> None:
    base = stored(tmp_path / "base", tiny_model())
    out = tmp_path / "out"
    assert planned(out, Stage.ON_POLICY, init=base).student == base
    way = replace(online(), backbone_times=(1.0, 0.5))
    for stage in (Stage.CAUSAL, Stage.REFINE):
        stored(stage_folder(out, stage), tiny_model(), online=way)
    later = planned(out, Stage.ON_POLICY, init=base)
    assert later.student == stage_folder(out, Stage.CAUSAL)
    assert later.teacher == base
    assert later.online[Stage.ON_POLICY].online == way  # it streams as it was taught to
    assert not later.begins_from_base
    assert planned(out, Stage.CAUSAL, init=base).begins_from_base
    assert not planned(out, Stage.CAUSAL, init=base, student=base).begins_from_base
    other = stored(tmp_path / "other", tiny_model(), online=online())
    assert planned(out, Stage.ON_POLICY, init=base, student=other).online[Stage.ON_POLICY].online == online()


def test_what_streamed_before_is_no_part_of_a_base_that_is_trained_anew(
    tmp_path: Path, tiny_model: Callable[..., CharacterModel]
) -> None:
    init = stored(tmp_path / "init", tiny_model(), online=online())
    character = planned(tmp_path / "out", Stage.BASE, init=init, tiny=True).character
    assert (character.online, character.online_networks) == (None, ())


def test_how_a_stage_streams_is_what_the_stages_after_it_do(
    tmp_path: Path, tiny_model: Callable[..., CharacterModel]
) -> None:
    base = stored(tmp_path / "base", tiny_model())
    chain = planned(
        tmp_path / "out", *ONLINE_STAGES, init=base, assignments=["causal.memory.placing=absolute", "ode.sink_frames=0"]
    )
    memories = {stage: recipe.online.memory for stage, recipe in chain.online.items()}
    assert {memory.placing for memory in memories.values()} == {Placing.ABSOLUTE}
    assert [memories[stage].sink_frames for stage in ONLINE_STAGES] == [2, 0, 0, 0, 0]
    times = [recipe.online.refiner_time for recipe in chain.online.values()]
    assert times == [None, None, None, None, 0.3]


def test_settings_reach_every_stage_that_has_the_field_or_the_one_that_is_named(tmp_path: Path) -> None:
    whole = planned(
        tmp_path,
        *(stage for stage in Stage if stage is not Stage.JUDGES),  # who have two trainers
        assignments=[
            "average_decay=0.5",
            "fake_steps=7",
            "off-policy.guidance.speak=4",
            "fake.lr=1e-5",
            "fake.betas=0,0.9",
            "rank=4",
            "footage.num_clips=12",
            "base.focus.mouth=9",
        ],
        seconds={Stage.BASE: 100.0, Stage.ODE: 7.0},
        curriculum=True,
    )
    assert whole.autoencoder is not None
    assert whole.base is not None
    assert whole.footage.num_clips == 12
    assert whole.autoencoder.objective.focus.mouth == 6.0
    assert list(whole.base) == [lesson for lesson, _ in nano.CURRICULUM]
    assert {recipe.objective.focus.mouth for recipe in whole.base.values()} == {9.0}
    assert sum(recipe.trainer.seconds or 0 for recipe in whole.base.values()) == pytest.approx(100)
    assert whole.online[Stage.ODE].trainer.seconds == 7.0
    for recipe in (whole.autoencoder, *whole.base.values(), *whole.online.values()):
        assert recipe.trainer.average_decay == 0.5
    guidance = {}
    for stage in (Stage.OFF_POLICY, Stage.ON_POLICY, Stage.REFINE):
        recipe = whole.online[stage]
        assert isinstance(recipe.objective, MatchingConfig)
        assert recipe.fake is not None
        assert (recipe.objective.fake_steps, recipe.fake.lr, recipe.fake.betas) == (7, 1e-5, (0.0, 0.9))
        assert recipe.trainer.optimiser.lr == 4e-4
        guidance[stage] = recipe.objective.scores.guidance.speak
    assert list(guidance.values()) == [4.0, 1.0, 1.0]
    assert {recipe.rank for recipe in whole.online.values()} == {4}


def test_the_same_command_goes_on_when_a_stage_that_it_sets_is_there(tmp_path: Path) -> None:
    pretend(tmp_path, "vae")
    left = planned(tmp_path, Stage.VAE, Stage.BASE, assignments=["latent_frames=4", "vae.focus.mouth=2"])
    assert left.stages == (Stage.BASE,)


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("wings=2", r"wings=2: no stage to train has such a field; there are objective\.clips, .*objective\.windows"),
        ("base.wings=2", r"base: there is no field wings; there are objective\.windows\.token_frames"),
        ("ode.rank=2", "ode is not among the stages"),
        ("footage.wings=1", "there is no field wings; there are num_utterances"),
        ("footage.workers=0", "workers=0: give 1 or more"),
        ("footage.num_clips=0", "num_clips=0: give 1 or more"),
        ("vae.clips=many", r"vae: objective\.clips=many: give a whole number"),
        ("vae.trainer.steps=0", "vae: steps=0: train for at least one step"),
        ("lr=1", r"judges: lr could be critic_trainer\.optimiser\.lr, mouth_trainer\.optimiser\.lr"),
    ],
)
def test_what_cannot_be_set_is_said_with_the_fields_there_are(tmp_path: Path, assignment: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        planned(tmp_path, Stage.VAE, Stage.JUDGES, Stage.BASE, assignments=[assignment])


def test_a_stage_without_what_it_begins_from_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="base needs an autoencoder"):
        planned(tmp_path, Stage.BASE)
    with pytest.raises(ConfigError, match="ode is made from a Base"):
        planned(tmp_path, Stage.ODE)
    with pytest.raises(WeightsError, match="holds no model"):
        planned(tmp_path, Stage.VAE, init=tmp_path, tiny=True)
    assert planned(tmp_path, Stage.BASE, Stage.VAE).stages == (Stage.VAE, Stage.BASE)


def test_impossible_recipes_of_online_are_refused() -> None:
    with pytest.raises(ConfigError, match="rank=-1"):
        replace(online_recipe(Stage.ODE, 1.0, small=False), rank=-1)
    with pytest.raises(ConfigError, match="fake=None: a stage with two scores"):
        replace(online_recipe(Stage.REFINE, 1.0, small=False), fake=None)
    with pytest.raises(ConfigError, match="stage=vae: give one of causal"):
        online_recipe(Stage.VAE, 1.0, small=False)


def test_stages_and_times_are_read_as_they_are_said() -> None:
    assert stages_named(["base", "vae"]) == (Stage.VAE, Stage.BASE)
    assert stages_named(["all"]) == (*BASE_STAGES, *ONLINE_STAGES)
    with pytest.raises(InputError, match="there is no stage 'basis'; there are vae, judges"):
        stages_named(["basis"])
    both = (Stage.VAE, Stage.BASE)
    assert seconds_by_stage("", both) == {}
    assert seconds_by_stage("300", both) == {Stage.VAE: 300.0, Stage.BASE: 300.0}
    assert seconds_by_stage("100,base=9.5", both) == {Stage.VAE: 100.0, Stage.BASE: 9.5}
    for wrong in ("ode=3", "base=soon", "0", "inf", "base=-1"):
        with pytest.raises(InputError, match="--seconds"):
            seconds_by_stage(wrong, both)


def test_show_prints_what_would_be_trained_and_makes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    pretend(out, "vae", *BASE_PARTS)
    assert main(f"train base on-policy --out {out} --set rank=3 --show".split()) == 0
    said = capsys.readouterr().out
    assert "on-policy\n  online.chunk_frames=2\n" in said
    assert "\n  rank=3\n" in said
    assert "objective.scores.guidance.speak=1.0" in said
    assert "footage\n  num_utterances=" in said
    assert "base (" not in said
    assert sorted(path.name for path in out.iterdir()) == sorted(["vae", *BASE_PARTS])
    assert (
        main(f"train choreographer --out {tmp_path / 'other'} --set mix.listen=3 --set held_out=9 --show".split()) == 0
    )
    said = capsys.readouterr().out
    assert "choreographer\n  objective.windows.token_frames=" in said
    assert "\n  objective.windows.mix.listen=3.0\n" in said
    assert "\n  held_out=9\n" in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("vae --recipe giant", "there is no recipe 'giant'; there are nano, lpm-1.3b"),
        ("vea", "there is no stage 'vea'; there are vae"),
        ("vae --set clips=none", "objective.clips=none: give a whole number"),
        ("vae --seconds ode=3", "'ode' is not among the stages to train (vae)"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_nothing_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: str, words: str
) -> None:
    assert main(["train", *options.split(), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert words in " ".join(said.split())
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_a_machine_that_only_trains_needs_no_pyav() -> None:
    parts = "openlpm.recipes.chain, openlpm.cli.train, openlpm.recipes.package"
    subprocess.run([sys.executable, "-c", f"import sys; sys.modules['av'] = None; import {parts}"], check=True)
