"""The stages that make a Base and its judges, each from footage to weights in a folder; ``recipes.chain`` runs them."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import final

import torch

from openlpm.bench.audio_mouth import MouthPredictor
from openlpm.bench.critic import Critic
from openlpm.bench.critic_data import FramePool, FrameSource
from openlpm.bench.mouth_data import VoicePool, VoiceSource
from openlpm.core.errors import ConfigError
from openlpm.dit.work import SequenceShape, pass_work
from openlpm.parallel.apply import compile_units, replicate
from openlpm.parallel.pieces import InPieces
from openlpm.parallel.world import World
from openlpm.recipes import nano, tiny
from openlpm.recipes.beginning import start_judges_from
from openlpm.recipes.critic import (
    CriticObjective,
    CriticRecipe,
    MouthObjective,
    critic_recipe,
    save_judges,
    tiny_critic_recipe,
)
from openlpm.recipes.running import Site, export_part, run_to_end
from openlpm.recipes.samples import sample_grid
from openlpm.recipes.watching import Watch
from openlpm.rollout.assembly import CharacterModel
from openlpm.synth.look.render import Cast, Render, render_frames
from openlpm.synth.sound.augment import augment
from openlpm.training.autoencoder import AutoencoderObjective, AutoencoderObjectiveConfig
from openlpm.training.base import BaseObjective, BaseObjectiveConfig
from openlpm.training.clip_bank import ClipBank, fill_bank
from openlpm.training.footage import Footage, cast_of
from openlpm.training.moments import FilmedMoments, MixedMoments, Moments, RenderedMoments
from openlpm.training.rendering import PiecewiseRenderer
from openlpm.training.shard_bank import fill_shard_bank, joined_banks
from openlpm.training.shard_footage import ShardFootage
from openlpm.training.trainer import TrainerConfig

_VOICED_CLIPS = 400
VOICE_VARIANTS = 3
"""In so many ways each voice is disturbed for the mouth predictor."""
BASE_PARTS = ("speak", "listen", "text", "dit")
"""What Base teaches, in the order in which it is written."""
RENDER_PIECES = 8
"""The graph that draws is compiled in so many pieces, which processes can do at once."""


def renderer(device: torch.device, *, only: Collection[int] | None = None) -> Render:
    """The renderer, compiled where that pays; ``only`` some of its ``RENDER_PIECES`` to fill torch's cache."""
    if device.type == "cuda":
        return PiecewiseRenderer(_compiled(None if only is None else frozenset(only)), frames_at_once=64)
    return PiecewiseRenderer(render_frames, frames_at_once=8)


@cache
def _compiled(only: frozenset[int] | None) -> Render:
    """One for all stages, so that the drawing is traced once."""
    return torch.compile(render_frames, dynamic=False, backend=InPieces(count=RENDER_PIECES, only=only))


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Material:
    """What a process learns from."""

    drawn: Footage | None
    """Drawn performers, where they are wanted."""
    shards: ShardFootage | None
    """Filmed ones, where shards were given."""

    def __post_init__(self) -> None:
        if self.drawn is None and self.shards is None:
            raise ConfigError("drawn=None, shards=None: there has to be something to learn from")

    @property
    def mixed_in(self) -> Footage | None:
        """Drawn performers that autoencoder and Base learn from; with shards alone only the judges need any."""
        return self.drawn if self.shards is None or self.shards.share < 1 else None

    def cast(self, device: torch.device) -> Cast:
        """All drawn performers on the device."""
        assert self.drawn is not None
        return cast_of(self.drawn, device)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class AutoencoderRecipe:
    """How the autoencoder is trained."""

    objective: AutoencoderObjectiveConfig
    trainer: TrainerConfig


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class BaseRecipe:
    """How Base learns one lesson."""

    objective: BaseObjectiveConfig
    trainer: TrainerConfig


def autoencoder_recipe(seconds: float, *, small: bool) -> AutoencoderRecipe:
    """Nano's, or a few steps of it."""
    objective, trainer = nano.autoencoder(seconds)
    if small:
        objective, trainer = replace(objective, clips=1), tiny.trainer(trainer)
    return AutoencoderRecipe(objective=objective, trainer=trainer)


def judges_recipe(seconds: float, *, small: bool) -> CriticRecipe:
    """The judges', or a few steps of it."""
    return tiny_critic_recipe() if small else critic_recipe(seconds=seconds)


def base_recipes(seconds: float, *, curriculum: bool, small: bool) -> dict[str, BaseRecipe]:
    """Nano's Base by lesson: everything at once, or the curriculum, whose lessons have their shares of the time."""
    made: dict[str, BaseRecipe] = {}
    for lesson, share in nano.CURRICULUM if curriculum else ((nano.Lesson.ALL, 1.0),):
        objective, trainer = nano.base(share * seconds, lesson)
        if small:
            objective, trainer = replace(objective, windows=tiny.windows(objective.windows)), tiny.trainer(trainer)
        made[lesson] = BaseRecipe(objective=objective, trainer=trainer)
    return made


def train_autoencoder(model: CharacterModel, material: Material, site: Site, recipe: AutoencoderRecipe) -> None:
    """The autoencoder on moments that are rendered or decoded now; leaves its averaged weights in ``vae``."""
    world = site.world
    vae = model.own_parts().vae.to(world.device)
    objective = AutoencoderObjective(vae, moments_of(material, world.device, recipe), recipe.objective)
    if world.device.type == "cuda":
        torch.backends.cudnn.benchmark = True  # shapes are fixed
        compile_units(objective.compilable)
    replicate(objective.module, world)
    run_to_end(objective, recipe.trainer, site, "vae", recipe)
    export_part(vae, site.folder / "vae", world)


def train_judges(
    footage: Footage,
    cast: Cast,
    site: Site,
    recipe: CriticRecipe,
    *,
    init: Path | None = None,
    variants: int = VOICE_VARIANTS,
) -> None:
    """Critic and mouth predictor, on their own pictures and voices; leaves both in the folder.

    They go on from the judges in ``init``, or begin afresh. Each voice is heard in so many ``variants``.
    """
    world, device = site.world, site.world.device
    rig_MR = torch.from_numpy(footage.rig_NFR).flatten(0, 1).to(device)
    viseme_M = torch.from_numpy(footage.viseme_NF).flatten().long().to(device)
    pool = FramePool(cast.parameters_BV, rig_MR, viseme_M)
    frames = FrameSource(pool, recipe.frames, renderer(device), seed=1)
    torch.manual_seed(0)
    critic, mouth = Critic(recipe.critic), MouthPredictor()
    if init is not None:
        start_judges_from(critic, mouth, init, site.report.say)
    critic, mouth = critic.to(device), mouth.to(device)
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True  # shapes are fixed
        critic.compile(dynamic=False)
    judge = CriticObjective(critic, frames)
    replicate(critic, world)
    run_to_end(judge, recipe.critic_trainer, site, "critic", recipe)
    records = [footage.record(i) for i in range(min(len(footage), _VOICED_CLIPS))]
    voices = VoicePool.of(records, device, disturb=augment, variants=variants)
    replicate(mouth, world)
    hearer = MouthObjective(mouth, VoiceSource(voices))
    run_to_end(hearer, recipe.mouth_trainer, site, "mouth", recipe)
    if world.is_first:
        save_judges(site.folder, critic, mouth)
    world.wait()


def moments_of(material: Material, device: torch.device, recipe: AutoencoderRecipe) -> Moments:
    """Where the autoencoder's clips come from."""
    focus, shards = recipe.objective.focus, material.shards
    filmed = None if shards is None else FilmedMoments(shards, focus, device)
    if material.mixed_in is None:
        assert filmed is not None
        return filmed
    drawn = RenderedMoments(material.mixed_in, material.cast(device), renderer(device), focus)
    return drawn if shards is None or filmed is None else MixedMoments(drawn, filmed, shards.share)


def bank_of(model: CharacterModel, material: Material, world: World, say: Callable[[str], None]) -> ClipBank:
    """All footage as latents on the device, by the trained autoencoder."""
    own = model.own_parts()
    vae = own.vae.to(world.device).eval().requires_grad_(requires_grad=False)

    def tell(done: int, total: int) -> None:
        if world.is_first and done % 1024 == 0:
            say(f"bank {done}/{total}")

    banks: list[ClipBank] = []
    if material.mixed_in is not None:
        cast, render = material.cast(world.device), renderer(world.device)
        banks.append(fill_bank(vae, own.text, material.mixed_in, cast, render, on_progress=tell))
    if material.shards is not None:
        banks.append(fill_shard_bank(vae, own.text, material.shards, world.device, on_progress=tell))
    return banks[0] if len(banks) == 1 else joined_banks(*banks)


def train_base(model: CharacterModel, bank: ClipBank, site: Site, recipes: Mapping[str, BaseRecipe]) -> None:
    """Base on a bank of clips, lesson by lesson; leaves the averaged weights of transformer and encoders.

    Each lesson begins with the averages that the one before has left.
    """
    world = site.world
    for part in (model.dit, model.speak, model.listen, model.text):
        part.to(world.device)
    if world.device.type == "cuda":
        # Two kinds of block by the layouts, forward and backward.
        torch._dynamo.config.recompile_limit = 64  # noqa: SLF001 (torch documents it by this name)
        compile_units(model.dit.blocks)
    for lesson, recipe in recipes.items():
        objective = BaseObjective(model, bank, recipe.objective)
        replicate(objective.module, world)
        watch = base_watch(model, bank, recipe)
        run_to_end(objective, recipe.trainer, site, f"base-{lesson}", recipe, watch=watch)
    for name in BASE_PARTS:
        export_part(model.parts()[name], site.folder / name, world)


def base_watch(model: CharacterModel, bank: ClipBank, recipe: BaseRecipe) -> Watch:
    """What a step of Base computes on average over its layouts, and how to see what has been learnt."""
    draw, config = recipe.objective.windows, model.config.dit
    frame_tokens = config.tokens_per_frame(*bank.latents_NTCHW.shape[3:])
    work: list[float] = []
    for layout in draw.layouts:
        references = layout.num_tokens_frames - layout.frames
        shape = SequenceShape(frames=layout.frames, frame_tokens=frame_tokens, references=references)
        work.append(max(1, draw.token_frames // layout.num_tokens_frames) * pass_work(config, shape).training)
    return Watch(operations=sum(work) / len(work), draw=lambda: sample_grid(model, bank, draw))
