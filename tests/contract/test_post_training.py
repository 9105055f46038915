"""After Base: the expressive are drawn more often, and of two takes the better one becomes likelier."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from openlpm.core.errors import ConfigError
from openlpm.core.rig import Rig
from openlpm.recipes.post import dpo
from openlpm.rollout.assembly import CharacterModel
from openlpm.training.clip_bank import ClipBank
from openlpm.training.expressive import ExpressiveConfig, energy_of, expressive, moods_of
from openlpm.training.latent_reader import learn_to_read
from openlpm.training.pairs import AXES, Pairs, make_pairs, pareto_pairs, scores
from openlpm.training.preference import PreferenceConfig, PreferenceLearner, PreferenceObjective
from openlpm.training.traits import ClipMix, probabilities
from openlpm.training.window_conditions import latents_of
from openlpm.training.windows import WindowSource

pytestmark = pytest.mark.contract

CONFIG = dpo(1.0, small=True).objective
PAIRS = CONFIG.pairs


@pytest.fixture(scope="module")
def model(tiny_model: Callable[..., CharacterModel]) -> CharacterModel:
    return tiny_model(stirred=0.05)


@pytest.fixture(scope="module")
def bank(model: CharacterModel, chance_bank: Callable[..., ClipBank]) -> ClipBank:
    """Latents show the rig: a number of it shines in a channel of its own, over noise; the last are not to be seen."""
    made = chance_bank(model, situations=[0, 1, 2, 3] * 6, frames=12)
    channels = made.latents_NTCHW.shape[2]
    shown_NTX = made.performance_NTX.float()[:, :, :channels]
    latents = 0.2 * made.latents_NTCHW.float() + shown_NTX[..., None, None]
    return replace(made, latents_NTCHW=latents.bfloat16())


def pairs_of(model: CharacterModel, bank: ClipBank, place: int = 0) -> Pairs:
    reading = learn_to_read(bank, steps=PAIRS.reader_steps)
    return make_pairs(model, bank, reading, CONFIG.draw, PAIRS, place)


def test_a_pair_is_ahead_somewhere_and_behind_nowhere() -> None:
    scores_KBA = torch.tensor(
        [
            [[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]],
            [[0.0, 1.0], [0.0, 1.0], [0.0, 0.0]],
            [[2.0, 0.5], [0.5, 0.0], [0.0, 0.0]],
        ]
    )
    pairs_B2 = pareto_pairs(scores_KBA, margin=0.5)
    assert pairs_B2[0].tolist() == [2, 0]  # take 1 is ahead of nobody on the first axis, nor behind on the second
    assert pairs_B2[1].tolist() in ([0, 2], [0, 1])
    assert pairs_B2[2].tolist() == [-1, -1]
    assert (pareto_pairs(scores_KBA, margin=100.0) == -1).all()
    crossed_KBA = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])
    assert pareto_pairs(crossed_KBA, margin=0.1).tolist() == [[-1, -1]]


def test_the_truth_is_scored_best_on_every_axis(model: CharacterModel, bank: ClipBank) -> None:
    reading = learn_to_read(bank, steps=300)
    batch = WindowSource(bank, CONFIG.draw).batch(0, 0)
    truth_BCTHW = latents_of(bank, batch)
    true_BA = scores(truth_BCTHW, truth_BCTHW, bank, batch, reading)
    torch.manual_seed(0)
    spoilt = {
        "mouth": truth_BCTHW.flip(2),
        "liveliness": truth_BCTHW.mean(dim=2, keepdim=True).expand_as(truth_BCTHW),
        "colour": truth_BCTHW + 0.3,
    }
    for number, axis in enumerate(AXES):
        assert (scores(spoilt[axis], truth_BCTHW, bank, batch, reading)[:, number] < true_BA[:, number] - 1e-3).all(), (
            axis
        )


def test_a_reader_says_what_it_cannot_read(bank: ClipBank) -> None:
    reading = learn_to_read(bank, steps=300)
    channels = bank.latents_NTCHW.shape[2]
    assert reading.readable_X[:channels].float().mean() > 0.8
    assert not reading.readable_X[channels:].any()
    read_BTX = reading.read(bank.latents_NTCHW[:2].transpose(1, 2))
    assert (read_BTX[..., ~reading.readable_X] == 0).all()
    again = learn_to_read(bank, steps=300)
    assert torch.equal(again.read(bank.latents_NTCHW[:2].transpose(1, 2)), read_BTX)
    unknown = replace(bank, uneven=replace(bank.traits, rigged_N=np.zeros(len(bank), np.bool_)))
    with pytest.raises(ConfigError, match="rig of drawn clips"):
        learn_to_read(unknown, steps=1)


def test_pairs_are_a_function_of_model_and_place_and_come_back_as_they_were_saved(
    model: CharacterModel, bank: ClipBank, tmp_path: Path
) -> None:
    one, other = pairs_of(model, bank), pairs_of(model, bank)
    assert len(one) > 0
    assert one.tried == PAIRS.conditions
    assert torch.equal(one.better_PCTHW, other.better_PCTHW)
    assert not torch.equal(one.better_PCTHW[:1], one.worse_PCTHW[:1])
    assert not torch.equal(pairs_of(model, bank, place=1).better_PCTHW[:1], one.better_PCTHW[:1])
    one.save(tmp_path / "pairs.safetensors")
    loaded = Pairs.load(tmp_path / "pairs.safetensors", WindowSource(bank, CONFIG.draw).batch(7, 0))
    for kept, found in ((one.better_PCTHW, loaded.better_PCTHW), (one.worse_PCTHW, loaded.worse_PCTHW)):
        assert torch.equal(kept, found)
    assert torch.equal(one.window.clips_B, loaded.window.clips_B)
    assert torch.equal(one.window.starts_B, loaded.window.starts_B)


def trained(model: CharacterModel, bank: ClipBank, pairs: Pairs, config: PreferenceConfig, steps: int) -> list[float]:
    """By how much the better takes are ahead of the reference, before and after some steps."""
    import copy

    taught = copy.deepcopy(model)
    taught.dit.requires_grad_(requires_grad=True)
    learner = PreferenceLearner(taught, copy.deepcopy(model.dit), bank, config)
    objective = PreferenceObjective(learner, pairs, bank, config)
    optimiser = torch.optim.AdamW(taught.dit.parameters(), lr=2e-3, weight_decay=0.0)
    seen: list[float] = []

    def ahead() -> float:
        with torch.no_grad():
            found: list[Tensor] = []
            for step in range(4):
                torch.manual_seed(step)
                found.append(objective.loss(objective.batch(step, 0))[1]["ahead"])
        return float(torch.stack(found).mean())

    seen.append(ahead())
    for step in range(steps):
        torch.manual_seed(step)
        loss, _ = objective.loss(objective.batch(step, 0))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    seen.append(ahead())
    return seen


def test_the_better_take_becomes_likelier_and_swapped_pairs_teach_the_opposite(
    model: CharacterModel, bank: ClipBank
) -> None:
    pairs, config = pairs_of(model, bank), replace(CONFIG, data=0.0)
    swapped = replace(pairs, better_PCTHW=pairs.worse_PCTHW, worse_PCTHW=pairs.better_PCTHW)
    before, after = trained(model, bank, pairs, config, 12)
    assert abs(before) < 1e-6  # the reference is the model as it began
    assert after > 1e-4
    assert trained(model, bank, swapped, config, 12)[1] > 1e-4  # of what it takes for better
    learner = PreferenceLearner(model, model.dit, bank, config)
    objective = PreferenceObjective(learner, pairs, bank, config)
    loss, scalars = objective.loss(objective.batch(0, 0))
    assert float(loss) == pytest.approx(math.log(2), abs=1e-4)  # a mean of errors that cancel
    assert set(scalars) == {"preference", "preferred", "ahead"}


def test_data_goes_on_beside_preferences(model: CharacterModel, bank: ClipBank) -> None:
    pairs = pairs_of(model, bank)
    both = PreferenceObjective(PreferenceLearner(model, model.dit, bank, CONFIG), pairs, bank, CONFIG)
    torch.manual_seed(0)
    loss, scalars = both.loss(both.batch(0, 0))
    assert float(loss) > float(scalars["preference"]) + 0.01
    assert "error" in scalars


def still(bank: ClipBank, rows: list[int], smile: list[int]) -> ClipBank:
    """Some clips hardly move, and some smile."""
    rig = 0.2 * bank.performance_NTX.float()
    rig[rows] = 0.01 * rig[rows]
    rig.unflatten(2, (-1, int(Rig.TIME)))[smile, :, :, Rig.SMILE] += 3.0
    return replace(bank, performance_NTX=rig.bfloat16())


def test_lively_clips_are_drawn_more_often_in_every_situation(bank: ClipBank) -> None:
    calm = list(range(12, 24))
    changed = expressive(still(bank, calm, smile=[0, 1, 2, 3]), ExpressiveConfig(keep=0.5, calm=0.1))
    able_N = np.ones(len(bank), np.bool_)
    mix = ClipMix(balance=0.0)
    chance_N = probabilities(mix, changed.situation_N, changed.traits, able_N)
    for situation in range(4):
        own_N = changed.situation_N == situation
        lively_N = own_N & ~np.isin(np.arange(len(bank)), calm)
        assert chance_N[lively_N].sum() == pytest.approx(10 * chance_N[own_N & ~lively_N].sum())
    even_N = probabilities(replace(mix, balance=1.0), changed.situation_N, changed.traits, able_N)
    assert even_N[:4].sum() > 1.05 * chance_N[:4].sum()  # those who smile are few
    assert even_N.sum() == pytest.approx(1.0)


def test_moods_and_energy_are_read_off_the_rig() -> None:
    rig_NFX = np.zeros((3, 8, int(Rig.TIME)), np.float32)
    rig_NFX[1, :, Rig.SMILE] = -0.8
    rig_NFX[2, ::2, Rig.YAW] = 0.5
    rig_NFX[0, ::2, Rig.JAW] = 1.0
    assert moods_of(rig_NFX) == ["neutral", "smile-", "neutral"]
    energy_N = energy_of(rig_NFX)
    assert energy_N[0] == 0  # a mouth that speaks is no liveliness
    assert energy_N[2] > energy_N[1] == 0


def test_impossible_settings_are_refused() -> None:
    for wrong in ({"keep": 0.0}, {"calm": 0.0}):
        with pytest.raises(ConfigError, match="give shares"):
            ExpressiveConfig(**wrong)
    with pytest.raises(ConfigError, match="two takes"):
        replace(PAIRS, takes=1)
    with pytest.raises(ConfigError, match="beta=0"):
        replace(CONFIG, beta=0)
