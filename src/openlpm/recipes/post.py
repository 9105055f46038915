"""What may come between Base and Online: fine-tuning on the expressive, and learning from preferences.

LPM 1.0 (section 2, phases 5 and 6) names both and prints no numbers; these are ours.
"""

import copy
from dataclasses import dataclass, replace
from typing import final

import torch

from openlpm.parallel.apply import compile_units, replicate
from openlpm.recipes import nano, tiny
from openlpm.recipes.running import Site, run_to_end
from openlpm.recipes.stage import Stage
from openlpm.recipes.stages import BaseRecipe, base_watch
from openlpm.recipes.watching import Watch
from openlpm.rollout.assembly import CharacterModel
from openlpm.training.base import BaseObjective
from openlpm.training.clip_bank import ClipBank
from openlpm.training.expressive import ExpressiveConfig, expressive
from openlpm.training.latent_reader import learn_to_read
from openlpm.training.optimiser import OptimiserConfig
from openlpm.training.pairs import PairConfig, Pairs, make_pairs
from openlpm.training.performance_reader import NO_READER
from openlpm.training.preference import PreferenceConfig, PreferenceLearner, PreferenceObjective
from openlpm.training.schedule import WarmStableDecay
from openlpm.training.trainer import TrainerConfig
from openlpm.training.traits import ClipMix
from openlpm.training.windows import WindowSource


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class SftRecipe:
    """How Base is fine-tuned."""

    expressive: ExpressiveConfig
    base: BaseRecipe


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class DpoRecipe:
    """How Base learns from preferences."""

    objective: PreferenceConfig
    trainer: TrainerConfig


PostRecipe = SftRecipe | DpoRecipe


def post_recipe(stage: Stage, seconds: float, *, small: bool) -> PostRecipe:
    """Nano's recipe of ``sft`` or ``dpo``, or a few steps of it."""
    return sft(seconds, small=small) if stage is Stage.SFT else dpo(seconds, small=small)


def sft(seconds: float, *, small: bool = False) -> SftRecipe:
    """Listeners above all, moods and liveliness evenly, at a fifth of Base's rate."""
    objective, trainer = nano.base(seconds)
    # Half of each of the others keeps what they were taught.
    mix = ClipMix(speak=0.5, listen=1.5, idle=0.25, conversation=1.5, balance=1.0)
    windows = replace(objective.windows, mix=mix)
    objective = replace(objective, windows=tiny.windows(windows) if small else windows)
    return SftRecipe(
        expressive=ExpressiveConfig(),
        base=BaseRecipe(objective=objective, trainer=_gentle(trainer, 4e-4, small=small)),
    )


def dpo(seconds: float, *, small: bool = False) -> DpoRecipe:
    """Pairs of plain windows with nothing left out; half of a step's windows are data."""
    objective, trainer = nano.base(seconds)
    windows = objective.windows
    plain = replace(
        windows,
        token_frames=windows.token_frames // 2,
        layouts=windows.layouts[:1],
        drop_text=0.0,
        drop_speak=0.0,
        drop_listen=0.0,
        drop_all=0.0,
        give_motion=0.0,
        continue_share=0.0,
    )
    data = replace(windows, token_frames=windows.token_frames // 2)
    if small:
        plain, data = tiny.windows(plain), tiny.windows(data)
    pairs = PairConfig(conditions=6, takes=3, steps=2, margin=0.1, reader_steps=20) if small else PairConfig()
    return DpoRecipe(
        objective=PreferenceConfig(
            pairs=pairs, draw=plain, base=replace(objective, windows=data, reader=NO_READER), rows=2 if small else 8
        ),
        trainer=_gentle(trainer, 1e-4, small=small),
    )


def _gentle(trainer: TrainerConfig, rate: float, *, small: bool) -> TrainerConfig:
    """What Base knows is not to be lost."""
    changed = replace(
        trainer,
        optimiser=OptimiserConfig(lr=rate, weight_decay=0.0),
        schedule=WarmStableDecay(warmup_steps=100, decay_fraction=0.5),
    )
    return tiny.trainer(changed) if small else changed


def train_post(stage: Stage, model: CharacterModel, bank: ClipBank, site: Site, recipe: PostRecipe) -> None:
    """One of the two; leaves what it taught, averaged, in the model."""
    for name, part in model.parts().items():
        part.requires_grad_(requires_grad=name in ("dit", "speak", "listen", "text"))
    if isinstance(recipe, SftRecipe):
        objective = BaseObjective(model, expressive(bank, recipe.expressive), recipe.base.objective)
        trainer = recipe.base.trainer
    else:
        objective, trainer = preferences(model, bank, site, recipe), recipe.trainer
    if next(model.dit.parameters()).is_cuda:
        torch._dynamo.config.recompile_limit = 64  # noqa: SLF001 (torch documents it by this name)
        compile_units(model.dit.blocks)
    replicate(objective.module, site.world)
    shown = recipe.base if isinstance(recipe, SftRecipe) else None
    watch = Watch() if shown is None else base_watch(model, bank, shown)
    run_to_end(objective, trainer, site, stage, recipe, watch=watch)


def preferences(model: CharacterModel, bank: ClipBank, site: Site, recipe: DpoRecipe) -> PreferenceObjective:
    """Takes of the model as it is, scored and paired, or those that an earlier part of the run has made."""
    config, world = recipe.objective, site.world
    path = site.folder / f"run-{Stage.DPO}" / f"pairs-{world.rank}-of-{world.size}.safetensors"
    if path.is_file():
        pairs = Pairs.load(path, WindowSource(bank, config.draw).batch(0, world.rank))
    else:
        reading = learn_to_read(bank, steps=config.pairs.reader_steps)
        model.eval()
        pairs = make_pairs(model, bank, reading, config.draw, config.pairs, world.rank)
        pairs.save(path)
        if world.is_first:
            site.report.say(
                f"{Stage.DPO}: {int(reading.readable_X.sum())} of {len(reading.readable_X)} numbers of the rig can be "
                f"read; {len(pairs)} pairs of {pairs.tried} conditions"
            )
    reference = copy.deepcopy(model.dit)
    if world.device.type == "cuda":
        compile_units(reference.blocks)
    return PreferenceObjective(PreferenceLearner(model, reference, bank, config), pairs, bank, config)
