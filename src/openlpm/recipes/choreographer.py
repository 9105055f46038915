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
_REMEMBERS = 1.3
"""So much larger an error on unseen clips says that there are too few. At about twice it listened and obeyed worse than
before (``docs/log.md``, 1 December)."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ChoreographerRecipe:
    """How a choreographer is trained."""

    objective: ChoreographyConfig
    trainer: TrainerConfig
    held_out: int = 256
    """Clips that it never learns from, to tell what it has understood from what it remembers; 0: none."""

    def __post_init__(self) -> None:
        if self.held_out < 0:
            raise ConfigError(f"held_out={self.held_out}: give clips to keep from learning, or 0")


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
    objective = ChoreographyObjective(part, bank, recipe.objective, held_out=recipe.held_out)
    replicate(objective.module, site.world)
    run_to_end(objective, recipe.trainer, site, PART, recipe)
    site.report.say(f"{PART}: {_understood(*objective.errors(), held_out=objective.holds_out)}")
    export_part(part, site.folder / PART, site.world)


def _understood(seen: float, unseen: float, *, held_out: bool) -> str:
    if not held_out:
        return f"error {seen:.4f}; no clip was held out to tell whether it remembers or understands"
    advice = "" if unseen < _REMEMBERS * seen else ": it remembers more than it understands, give it more footage"
    return f"error {seen:.4f} on clips it learnt from, {unseen:.4f} on others{advice}"
