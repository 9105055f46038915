"""How the choreographer of nano is trained (its sizes: ``recipes.models``), and the stage that trains it."""

from dataclasses import dataclass
from typing import final

from openlpm.core.errors import ConfigError
from openlpm.flow.schedule import TimeDraw
from openlpm.parallel.apply import replicate
from openlpm.recipes import tiny
from openlpm.recipes.running import Site, export_part, run_to_end
from openlpm.rollout.assembly import CharacterModel
from openlpm.training.choreography import ChoreographyConfig, ChoreographyObjective, measure
from openlpm.training.clip_bank import ClipBank
from openlpm.training.optimiser import OptimiserConfig
from openlpm.training.schedule import WarmStableDecay
from openlpm.training.trainer import TrainerConfig
from openlpm.training.traits import ClipMix
from openlpm.training.windows import WindowDraw, WindowLayout

PART = "choreographer"
"""Its folder in a model."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ChoreographerRecipe:
    """How a choreographer is trained."""

    objective: ChoreographyConfig
    trainer: TrainerConfig


def choreographer_recipe(seconds: float, *, small: bool) -> ChoreographerRecipe:
    """Windows of four to eight seconds, told in prompts of two or all at once, of which four in ten name an action.

    As long as windows of Base and Online are, whose bank it may learn from.
    """
    draw = WindowDraw(
        token_frames=128 * 41,
        mix=ClipMix(listen=2.0),
        layouts=tuple(WindowLayout(frames=frames, first=False, views=0, expressions=0) for frames in (24, 36, 48)),
        drop_text=0.12,
        drop_speak=0.03,
        drop_listen=0.12,
        drop_all=0.0,
        give_motion=0.0,
        prompt_frames=12,
        told_at_once=0.5,
        acting=0.4,
    )
    trainer = TrainerConfig(
        steps=1_000_000,
        seconds=seconds,
        optimiser=OptimiserConfig(lr=2e-3, weight_decay=0.01),
        schedule=WarmStableDecay(warmup_steps=200, decay_fraction=0.5),
        average_decay=0.999,
        record=True,
    )
    objective = ChoreographyConfig(
        windows=tiny.windows(draw) if small else draw, times=TimeDraw(shift=1.5, early_share=0.2, early_shift=4.0)
    )
    return ChoreographerRecipe(objective=objective, trainer=tiny.trainer(trainer) if small else trainer)


def train_choreographer(model: CharacterModel, bank: ClipBank, site: Site, recipe: ChoreographerRecipe) -> None:
    """The choreographer on the motion of a bank; leaves its averaged weights in its folder.

    Raises:
        ConfigError: the model has none.
    """
    part = model.choreographer
    if part is None:
        raise ConfigError(f"{model.config.name}: its config.json has no choreographer; give a model that has one")
    part.to(site.world.device)
    if bool((part.spread_X == 1).all()):  # it has learnt nothing yet
        measure(part, bank)
    objective = ChoreographyObjective(part, bank, recipe.objective)
    replicate(objective.module, site.world)
    run_to_end(objective, recipe.trainer, site, PART, recipe)
    export_part(part, site.folder / PART, site.world)
