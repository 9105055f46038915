"""The large sizes: lessons in flow matching on stored latents, from one folder of a transformer to the next.

Speak, listen, references, continue and SFT of the curriculum. What follows (DPO and distillation) runs for nano; at
size its step is timed (``runs/train_17b_step.py``), and planned, but there is no stage of it yet.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import torch
from safetensors import safe_open
from torch import Tensor

from openlpm.core.errors import ConfigError, InputError
from openlpm.core.fields import changed
from openlpm.dit.config import DiTConfig
from openlpm.dit.model import CharacterTransformer
from openlpm.dit.work import pass_work
from openlpm.parallel.scale import ScaleConfig, fill, scale
from openlpm.parallel.world import World, joined
from openlpm.recipes import tiny
from openlpm.recipes.models import lpm_1_3b, lpm_17b
from openlpm.recipes.programme.curriculum import CLIP_FRAMES, Phase, programme
from openlpm.recipes.running import Report, Site, export_part, run_to_end
from openlpm.recipes.speed import tiny as tiny_size
from openlpm.recipes.watching import Watch
from openlpm.training.flow_matching import FlowConfig, FlowObjective
from openlpm.training.flow_windows import FlowDraw
from openlpm.training.guard import GuardConfig
from openlpm.training.latent_store import LatentStore
from openlpm.training.optimiser import OptimiserConfig
from openlpm.training.schedule import WarmStableDecay
from openlpm.training.trainer import TrainerConfig
from openlpm.training.traits import ClipMix
from openlpm.weights.store import INDEX, plain_shards
from openlpm.weights.transformer_folder import WEIGHTS, read_transformer_config, write_transformer_config

LESSONS = (Phase.SPEAK, Phase.LISTEN, Phase.REFERENCES, Phase.CONTINUE, Phase.SFT)
_SIZES: dict[str, Callable[[], DiTConfig]] = {"lpm-1.3b": lpm_1_3b, "lpm-17b": lpm_17b}
_TIME_SHIFT = 3.0
_RATES = {Phase.SPEAK: 2e-5, Phase.LISTEN: 2e-5, Phase.REFERENCES: 1e-5, Phase.CONTINUE: 1e-5, Phase.SFT: 5e-6}
"""Learning rates of whole weights under AdamW: ours, as everything here that has a number."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class WideRecipe:
    """One lesson of a large size, complete."""

    transformer: DiTConfig
    flow: FlowConfig
    trainer: TrainerConfig
    """``accumulate`` is set for the processes there are, so that a step has ``sequences`` windows on any number."""
    scale: ScaleConfig
    sequences: int

    def spread(self, world: World) -> "WideRecipe":
        """The same lesson on these processes.

        Raises:
            ConfigError: more of them than there are windows in a step.
        """
        each = world.data_size * self.flow.draw.rows
        if self.sequences % each:
            raise ConfigError(
                f"sequences={self.sequences}: give a multiple of the {each} windows that {world.size} processes "
                "compute at a time, or let more of them share a sequence (--set scale.context=4)"
            )
        return replace(self, trainer=replace(self.trainer, accumulate=self.sequences // each))


def size_named(name: str) -> DiTConfig:
    """Sizes of a large transformer.

    Raises:
        InputError: there is none of that name.
    """
    if name not in _SIZES:
        raise InputError(f"there is no recipe {name!r}; there are nano, {', '.join(_SIZES)}")
    return _SIZES[name]()


def wide_recipe(name: str, lesson: Phase, *, small: bool = False) -> WideRecipe:
    """The recipe of a lesson for ``lpm-1.3b`` or ``lpm-17b``, or a few steps of it at next to no size.

    Raises:
        InputError: there is no such size.
    """
    transformer = size_named(name)
    planned = programme(name).phase(lesson)
    assert planned.steps is not None
    assert planned.sequences is not None
    trainer = TrainerConfig(
        steps=planned.steps,
        optimiser=OptimiserConfig(lr=_RATES[lesson], betas=(0.9, 0.95), use_muon=False),
        schedule=WarmStableDecay(warmup_steps=min(1000, planned.steps // 20), decay_fraction=0.2),
        average_decay=0.9995,
        log_every=10,
        save_seconds=1800.0,
        guard=GuardConfig(),
    )
    recipe = WideRecipe(
        transformer=transformer,
        flow=FlowConfig(draw=_draw(lesson), time_shift=_TIME_SHIFT, most_context_noise=0.1),
        trainer=trainer,
        scale=ScaleConfig(),
        sequences=planned.sequences,
    )
    return _small(recipe) if small else recipe


def _draw(lesson: Phase) -> FlowDraw:
    """What a lesson shows (LPM 1.0, section 2): later ones keep what earlier ones taught."""
    early = lesson in (Phase.SPEAK, Phase.LISTEN)
    mixes = {
        Phase.SPEAK: ClipMix(speak=1.0, listen=0.0, idle=0.2, conversation=0.0),
        Phase.LISTEN: ClipMix(speak=1.0, listen=1.0, idle=0.5, conversation=1.0),
        Phase.SFT: ClipMix(speak=0.25, listen=1.5, idle=0.25, conversation=1.0, balance=1.0),
    }
    return FlowDraw(
        rows=1,
        # Three to five seconds; continuation needs frames to go on from.
        lengths=(18, 24, CLIP_FRAMES),
        mix=mixes.get(lesson, ClipMix()),
        drop_text=0.1,
        drop_speak=0.1,
        drop_listen=1.0 if lesson is Phase.SPEAK else 0.1,
        drop_all=0.05,
        shown=0.0 if early else 0.3,  # expression and body references on 30 % (section 2)
        continue_share=0.5 if lesson is Phase.CONTINUE else 0.0 if early else 0.2,
        most_context=5,  # the first two to five latents of a clip are given, or dropped
    )


def _small(recipe: WideRecipe) -> WideRecipe:
    draw = replace(recipe.flow.draw, lengths=(3, 5), most_context=2)
    trainer = replace(
        tiny.trainer(recipe.trainer),
        optimiser=replace(recipe.trainer.optimiser, lr=1e-3),
        schedule=WarmStableDecay(warmup_steps=1, decay_fraction=0.3),
    )
    return replace(
        recipe,
        transformer=tiny_size(),
        flow=replace(recipe.flow, draw=draw),
        trainer=trainer,
        scale=ScaleConfig(compile=False, narrow=False),
        sequences=2,
    )


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class WideRequest:
    """What the caller wants."""

    recipe: str
    lessons: tuple[Phase, ...]
    out: Path
    latents: Path
    init: Path | None
    """The transformer that the first lesson begins with (``openlpm weights convert``); None: weights of chance, for
    trials at small size."""
    small: bool = False
    assignments: Sequence[str] = ()
    board: bool = False

    def recipes(self) -> dict[Phase, WideRecipe]:
        """Of the lessons that ``out`` lacks, with the wanted changes."""
        made: dict[Phase, WideRecipe] = {}
        for lesson in self.lessons:
            if not (self.out / lesson / WEIGHTS / INDEX).is_file():
                made[lesson] = changed(wide_recipe(self.recipe, lesson, small=self.small), self.assignments)
        return made


def run_wide(request: WideRequest, report: Report) -> None:
    """Train the lessons that are not there yet, each from what the one before it has left.

    Raises:
        ConfigError: nothing to begin from, or sizes that do not fit.
    """
    recipes = request.recipes()
    if not recipes:
        report.say("nothing to do: all of these lessons are there")
        return
    first = next(iter(recipes.values()))
    store = LatentStore(request.latents)
    report.say(f"latents: {len(store)} clips")
    with joined(context=first.scale.context) as world:
        site = Site(world=world, folder=request.out, report=report, board=request.board)
        for lesson, recipe in recipes.items():
            _train_lesson(lesson, recipe.spread(world), store, request, site)
    report.say("done")


def _train_lesson(lesson: Phase, recipe: WideRecipe, store: LatentStore, request: WideRequest, site: Site) -> None:
    world, begun = site.world, _begun(lesson, request)
    with torch.device("meta"):
        transformer = CharacterTransformer(recipe.transformer)
    scale(transformer, world, recipe.scale)
    fill(transformer, world.device, _weights(begun, recipe.transformer))
    objective = FlowObjective.of(transformer, store, world, recipe.flow)
    longest = programme(request.recipe).phase(lesson).shape
    operations = recipe.trainer.accumulate * recipe.flow.draw.rows * pass_work(recipe.transformer, longest).training
    # Lengths differ: of the longest windows this is exact.
    watch = Watch(operations=operations / world.context)
    run_to_end(objective, recipe.trainer, site, lesson, recipe, watch=watch)
    folder = request.out / lesson
    if world.is_first:
        write_transformer_config(folder, recipe.transformer)
    export_part(transformer, folder / WEIGHTS, world)


def _begun(lesson: Phase, request: WideRequest) -> Path | None:
    """The nearest lesson before it that is there, or what was given."""
    before = [request.out / each for each in LESSONS[: LESSONS.index(lesson)]]
    found = next((each for each in reversed(before) if (each / WEIGHTS / INDEX).is_file()), request.init)
    if found is None and not request.small:
        raise ConfigError(f"{lesson} begins with the weights of another model: give --init (openlpm weights convert)")
    return found


def _weights(folder: Path | None, config: DiTConfig) -> Callable[[str, torch.Size], Tensor]:
    """Whole tensors by name, mapped from the files of a folder, or of chance."""
    if folder is None:
        torch.manual_seed(0)
        whole = CharacterTransformer(config).state_dict()
        return lambda name, shape: whole[name]
    if read_transformer_config(folder) != config:
        raise ConfigError(f"{folder}: its transformer has other sizes than the recipe; give another --init or --recipe")
    _, shards = plain_shards(folder / WEIGHTS)
    files: dict[str, Any] = {}
    for shard in shards:
        file = safe_open(shard, framework="pt")
        files |= dict.fromkeys(file.keys(), file)
    return lambda name, shape: files[name].get_tensor(name)
