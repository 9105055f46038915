"""``openlpm train LESSON --recipe lpm-17b``: the lessons of a large size, at next to no size, from one to the next."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from openlpm.cli.main import main
from openlpm.core.errors import ConfigError, InputError
from openlpm.parallel.world import joined
from openlpm.recipes.programme.curriculum import Phase, programme
from openlpm.recipes.speed import tiny
from openlpm.recipes.wide import LESSONS, wide_recipe
from openlpm.training.flow_windows import FlowSource
from openlpm.training.latent_store import LatentStore
from openlpm.training.traits import SITUATIONS
from openlpm.weights.transformer_folder import load_transformer
from support import scale as support

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def latents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    patched = pytest.MonkeyPatch()
    patched.setattr(support, "CONFIG", tiny())
    try:
        return support.write_store(tmp_path_factory.mktemp("latents"))
    finally:
        patched.undo()


def train(*words: str) -> int:
    return main(["train", *words, "--recipe", "lpm-17b", "--tiny"])


def test_lessons_follow_one_another_and_are_not_made_again(
    latents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert train("speak", "listen", "--latents", str(latents), "--out", str(out)) == 0
    speak, listen = (load_transformer(out / lesson) for lesson in ("speak", "listen"))
    assert speak.config == tiny()
    assert any(not torch.equal(one, other) for one, other in zip(speak.parameters(), listen.parameters(), strict=True))
    capsys.readouterr()
    assert train("speak", "listen", "--latents", str(latents), "--out", str(out)) == 0
    assert "nothing to do" in capsys.readouterr().out
    # What the partner says was dropped throughout the first lesson, and has taught since.
    heard = "blocks.1.cross_attention.audio.v.weight"
    assert not speak.state_dict()[heard].any()
    assert listen.state_dict()[heard].any()


def test_two_processes_go_on_where_one_was_stopped(latents: Path, tmp_path: Path) -> None:
    whole, parted = tmp_path / "whole", tmp_path / "parted"
    assert train("speak", "--latents", str(latents), "--out", str(whole)) == 0
    assert train("speak", "--latents", str(latents), "--out", str(parted)) == 0
    for late in sorted((parted / "run-speak").glob("step-*"))[-1:]:
        for path in sorted(late.rglob("*"), reverse=True):
            path.unlink()
        late.rmdir()
    for path in sorted((parted / "speak" / "dit").iterdir()):
        path.unlink()
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["-m", "openlpm.cli.main", "train", "speak", "--recipe", "lpm-17b", "--tiny", "--latents", str(latents)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "--out", str(parted)], env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "goes on from step 5" in done.stdout
    for one, other in zip(
        load_transformer(whole / "speak").parameters(), load_transformer(parted / "speak").parameters(), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)  # the same windows, summed in another order


@pytest.mark.long
def test_a_process_that_dies_is_started_again_and_the_run_ends_as_if_it_had_lived(
    latents: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["--max-restarts", "2", "-m", "openlpm.cli.main", "train", "speak", "--recipe", "lpm-17b", "--tiny"]
    command += ["--latents", str(latents), "--out"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([*command, str(tmp_path / "lived")], env=environment, check=True, capture_output=True, timeout=300)
    died = tmp_path / "died"
    with subprocess.Popen([*command, str(died)], env=environment, stdout=subprocess.PIPE, text=True) as process:
        while not (died / "run-speak" / "step-00000002").exists():
            assert process.poll() is None
            time.sleep(0.01)
        workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(workers[0]), signal.SIGKILL)
        try:
            said, _ = process.communicate(timeout=300)
        finally:  # whoever hangs would be waited for for ever
            process.kill()
    assert process.returncode == 0
    assert "goes on from step" in said
    one, other = (load_transformer(tmp_path / name / "speak").state_dict() for name in ("lived", "died"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_every_lesson_is_complete_and_draws_what_it_is_about(latents: Path) -> None:
    store, device = LatentStore(latents), torch.device("cpu")
    for lesson in LESSONS:
        recipe = wide_recipe("lpm-17b", lesson)
        planned = programme("lpm-17b").phase(lesson)
        assert (recipe.trainer.steps, recipe.sequences) == (planned.steps, planned.sequences)
        small = wide_recipe("lpm-17b", lesson, small=True)
        source = FlowSource(store, small.flow.draw, small.transformer, device)
        batches = [source.batch(step, place) for step in range(12) for place in range(2)]
        shown = [len(batch.condition.slots) for batch in batches]
        assert (max(shown) > 1) == (lesson not in (Phase.SPEAK, Phase.LISTEN))
        heard = [
            bool(batch.condition.listen_on_B.any()) for batch in batches if batch.condition.listen_on_B is not None
        ]
        assert any(heard) == (lesson is not Phase.SPEAK)
        assert any(bool(batch.context_B.any()) for batch in batches) == (lesson not in (Phase.SPEAK, Phase.LISTEN))


def test_a_batch_is_a_function_of_step_and_place_and_lies_in_its_clip(latents: Path) -> None:
    store, small = LatentStore(latents), wide_recipe("lpm-1.3b", Phase.CONTINUE, small=True)
    one, other = (FlowSource(store, small.flow.draw, small.transformer, torch.device("cpu")) for _ in range(2))
    one.batch(4, 0)
    assert torch.equal(one.batch(3, 1).latents_BCTHW, other.batch(3, 1).latents_BCTHW)
    assert len({float(one.batch(step, 0).latents_BCTHW.sum()) for step in range(8)}) > 3
    for step in range(8):
        batches = [one.batch(step, place) for place in range(3)]
        assert len({batch.latents_BCTHW.shape for batch in batches}) == 1
        assert len({batch.condition.slots for batch in batches}) == 1
        window = batches[0].latents_BCTHW[0]
        found = [
            first
            for clip in range(len(store))
            for first in range(store.clips[clip].frames)
            if torch.equal(
                store.read(clip).latents_TCHW[first : first + window.shape[1]].transpose(0, 1).float(), window
            )
        ]
        assert len(found) == 1
    assert {clip.situation for clip in store.clips} == set(SITUATIONS)
    with pytest.raises(ConfigError, match="the longest has 6"):
        FlowSource(store, replace(small.flow.draw, lengths=(9,)), small.transformer, torch.device("cpu"))
    with pytest.raises(InputError, match="holds no latents"):
        LatentStore(latents / "nothing")


def test_what_is_missing_is_said(latents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    for words, told in (
        (["speak", "--recipe", "lpm-17b", "--out", out], "--latents"),
        (["speak", "--recipe", "lpm-17b", "--out", out, "--latents", str(latents)], "give --init"),
        (["dpo", "--recipe", "lpm-17b", "--out", out, "--latents", str(latents)], "no stage 'dpo'"),
        (["speak", "--recipe", "lpm-9b", "--out", out, "--latents", str(latents)], "there is no recipe 'lpm-9b'"),
    ):
        assert main(["train", *words]) == 2
        assert told in " ".join(capsys.readouterr().err.split())
    assert main(["train", "speak", "--recipe", "lpm-17b", "--out", out, "--show"]) == 0
    assert "scale.context=1" in capsys.readouterr().out
    recipe = wide_recipe("lpm-17b", Phase.SPEAK, small=True)
    three = replace(recipe, sequences=3, flow=replace(recipe.flow, draw=replace(recipe.flow.draw, rows=2)))
    with joined("cpu") as world, pytest.raises(ConfigError, match="sequences=3"):
        three.spread(world)
