"""What a training is to do, worked out and checked before anything is made: stages, their recipes, where they begin."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, final

from openlpm.core.errors import ConfigError
from openlpm.core.fields import changed, fields_of, has_field, split_assignment
from openlpm.recipes import nano, tiny
from openlpm.recipes.beginning import is_stored, sizes_of
from openlpm.recipes.choreographer import PART, ChoreographerRecipe, choreographer_recipe
from openlpm.recipes.critic import CriticRecipe
from openlpm.recipes.online import OnlineRecipe, online_recipe
from openlpm.recipes.post import PostRecipe, SftRecipe, post_recipe
from openlpm.recipes.stage import BASE_STAGES, ONLINE_STAGES, POST_STAGES, Stage
from openlpm.recipes.stages import (
    BASE_PARTS,
    AutoencoderRecipe,
    BaseRecipe,
    autoencoder_recipe,
    base_recipes,
    judges_recipe,
)
from openlpm.rollout.assembly import CharacterConfig, read_config
from openlpm.training.footage import FootageConfig
from openlpm.training.matching import MatchingConfig
from openlpm.training.shard_footage import ShardFootageConfig
from openlpm.training.windows import told_lengths

Recipe = TypeVar("Recipe")

SECONDS: Mapping[Stage, float] = {
    Stage.VAE: 400,
    Stage.JUDGES: 90,
    Stage.CHOREOGRAPHER: 150,
    Stage.BASE: 900,
}
"""What a stage takes on large GPUs, by default; one of Online takes less."""
_ONLINE_SECONDS = 200.0
FOOTAGE, SHARDS = "footage", "shards"
"""Stand before a field's name as stages do."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What the caller wants."""

    stages: tuple[Stage, ...]
    out: Path
    init: Path | None = None
    """The model to begin from; for Online it is Base, where ``out`` holds none."""
    init_judges: Path | None = None
    student: Path | None = None
    """For the first stage of Online: what to go on from, in place of the stage before it."""
    seconds: Mapping[Stage, float] = field(default_factory=dict[Stage, float])
    assignments: Sequence[str] = ()
    """``field=value`` for all stages that have it, ``stage.field=value`` for one, ``footage.field=value``."""
    curriculum: bool = False
    tiny: bool = False
    shards: Path | None = None
    """A dataset to learn from instead of drawn performers, or beside them."""
    board: bool = False
    """Whether runs are written for TensorBoard too."""

    def seconds_of(self, stage: Stage) -> float:
        """How long a stage may take."""
        return self.seconds.get(stage, SECONDS.get(stage, _ONLINE_SECONDS))


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Everything that is to happen; stages that ``out`` already holds are left out."""

    request: Request
    footage: FootageConfig
    shards: ShardFootageConfig | None
    character: CharacterConfig
    """Sizes of the Base that is trained."""
    autoencoder: AutoencoderRecipe | None
    judges: CriticRecipe | None
    choreographer: ChoreographerRecipe | None
    base: Mapping[str, BaseRecipe] | None
    post: Mapping[Stage, PostRecipe]
    base_folder: Path | None
    """The model folder that the first of ``post`` goes on from, if there is any."""
    online: Mapping[Stage, OnlineRecipe]
    teacher: Path | None
    """The model folder of Base that Online is made from, if it is made: the last of Base, SFT and DPO that is there."""
    student: Path | None
    """The model folder that the first stage of Online goes on from."""

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What is to be run, in order."""
        base = zip(BASE_STAGES, (self.autoencoder, self.judges, self.choreographer, self.base), strict=True)
        return (*(stage for stage, recipe in base if recipe is not None), *self.post, *self.online)

    @property
    def windows(self) -> tuple[int, ...]:
        """Lengths (frames) of all windows that are to be learnt from: each wants captions of its own."""
        objectives = [recipe.objective for recipe in (*(self.base or {}).values(), *self.online.values())]
        latent = {length for objective in objectives for length in objective.windows.lengths}
        if self.choreographer is not None:
            latent |= set(self.choreographer.objective.windows.lengths)
        for recipe in self.post.values():
            draws = (
                [recipe.base.objective.windows]
                if isinstance(recipe, SftRecipe)
                else [recipe.objective.draw, recipe.objective.base.windows]
            )
            latent |= {length for draw in draws for length in draw.lengths}
        for objective in objectives:
            if isinstance(objective, MatchingConfig):
                latent |= set(told_lengths([objective.score_frames], objective.windows.prompt_frames))
        return tuple(sorted(length * self.character.vae.frames_per_latent for length in latent))

    @property
    def needs_shards(self) -> bool:
        """Whether a stage learns from shards: all do but the judges, who need the truth behind the pictures."""
        return self.shards is not None and any(stage is not Stage.JUDGES for stage in self.stages)

    @property
    def needs_drawn(self) -> bool:
        """Whether a stage learns from drawn performers."""
        return self.judges is not None or self.shards is None or self.shards.share < 1

    @property
    def begins_from_base(self) -> bool:
        """Whether the first stage of Online goes on from Base itself, whatever that has for streaming already."""
        return self.request.student is None and self.student == self.teacher


def stage_folder(out: Path, stage: Stage) -> Path:
    """The model folder that a stage after Base leaves."""
    return out / ("post" if stage in POST_STAGES else "online") / stage


def is_done(out: Path, stage: Stage) -> bool:
    """Whether a stage has left all that it leaves."""
    if stage not in BASE_STAGES:
        return stage_folder(out, stage).is_dir()
    parts = {Stage.VAE: ("vae",), Stage.JUDGES: ("critic", "critic-mouth"), Stage.BASE: BASE_PARTS}
    parts[Stage.CHOREOGRAPHER] = (PART,)
    return all(is_stored(out / part) for part in parts[stage])


def plan(request: Request) -> Plan:
    """Recipes with the wanted changes, and where everything begins.

    Raises:
        ConfigError: an unknown field or value, or there is nothing to begin a stage from.
        WeightsError: a folder to begin from holds no model.
    """
    out, settings = request.out, _Settings(request)
    todo = [stage for stage in Stage if stage in request.stages and not is_done(out, stage)]
    online = [stage for stage in todo if stage in ONLINE_STAGES]
    if Stage.BASE in todo and request.init is None and not (Stage.VAE in todo or is_done(out, Stage.VAE)):
        raise ConfigError(f"base needs an autoencoder and {out} holds none: train vae too, or give --init")
    post = [stage for stage in todo if stage in POST_STAGES]
    base_folder = out if Stage.BASE in todo or is_done(out, Stage.BASE) else request.init
    if (online or post) and base_folder is None:
        first = (*post, *online)[0]
        raise ConfigError(f"{first} is made from a Base and {out} holds none: train base first, or give --init")
    teacher = base_folder
    for stage in POST_STAGES:
        if post and stage is post[0]:
            base_folder = teacher
        if stage in todo or is_done(out, stage):
            teacher = stage_folder(out, stage)
    student = _student_of(request, online[0], teacher) if online and teacher is not None else None
    workers = max(1, (os.cpu_count() or 1) // int(os.environ.get("WORLD_SIZE", "1")) - 1)
    footage = tiny.footage(workers) if request.tiny else nano.footage(workers)
    character = nano.character()
    if request.tiny:
        character = tiny.character() if request.init is None else sizes_of(read_config(request.init))
    asked = request.stages
    autoencoder = settings.autoencoder() if Stage.VAE in asked else None
    judges = settings.judges() if Stage.JUDGES in asked else None
    choreographer = settings.choreographer() if Stage.CHOREOGRAPHER in asked else None
    base = settings.base() if Stage.BASE in asked else None
    fine = {stage: settings.post(stage) for stage in POST_STAGES if stage in asked}
    recipes = settings.online(student)
    settings.check_all_used()
    return Plan(
        request=request,
        footage=changed(footage, settings.of_footage),
        shards=settings.shards(),
        character=character,
        autoencoder=autoencoder if Stage.VAE in todo else None,
        judges=judges if Stage.JUDGES in todo else None,
        choreographer=choreographer if Stage.CHOREOGRAPHER in todo else None,
        base=base if Stage.BASE in todo else None,
        post={stage: recipe for stage, recipe in fine.items() if stage in todo},
        base_folder=base_folder if post else None,
        online={stage: recipe for stage, recipe in recipes.items() if stage in todo},
        teacher=teacher if online else None,
        student=student,
    )


def _student_of(request: Request, first: Stage, teacher: Path) -> Path:
    """What Online goes on from: what was asked for, the nearest stage before that is there, or Base."""
    if request.student is not None:
        return request.student
    before = ONLINE_STAGES[: ONLINE_STAGES.index(first)]
    return next((stage_folder(request.out, each) for each in reversed(before) if is_done(request.out, each)), teacher)


@final
class _Settings:
    """Assignments sorted by whom they are for, and the recipes with them."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self.of_footage: list[str] = []
        self._of_shards: list[str] = []
        self._common: list[str] = []
        self._own: dict[Stage, list[str]] = {}
        self._used: set[str] = set()
        self._recipes: list[object] = []
        for text in request.assignments:
            name, value = split_assignment(text)
            head, _, rest = name.partition(".")
            if head == FOOTAGE and rest:
                self.of_footage.append(f"{rest}={value}")
            elif head == SHARDS and rest:
                self._of_shards.append(f"{rest}={value}")
            elif rest and head in list(Stage):
                if Stage(head) not in request.stages:
                    raise ConfigError(f"{text}: {head} is not among the stages that are to be trained")
                self._own.setdefault(Stage(head), []).append(f"{rest}={value}")
            else:
                self._common.append(text)

    def shards(self) -> ShardFootageConfig | None:
        """What is taken from shards; None: there are none."""
        if self._request.shards is None:
            if self._of_shards:
                raise ConfigError(f"{SHARDS}.{self._of_shards[0]}: there are no shards to learn from; give --shards")
            return None
        return changed(ShardFootageConfig(folder=self._request.shards), self._of_shards)

    def autoencoder(self) -> AutoencoderRecipe:
        """The recipe of ``vae``."""
        recipe = autoencoder_recipe(self._request.seconds_of(Stage.VAE), small=self._request.tiny)
        return self._applied(Stage.VAE, recipe)

    def judges(self) -> CriticRecipe:
        """The recipe of ``judges``."""
        recipe = judges_recipe(self._request.seconds_of(Stage.JUDGES), small=self._request.tiny)
        return self._applied(Stage.JUDGES, recipe)

    def choreographer(self) -> ChoreographerRecipe:
        """The recipe of ``choreographer``."""
        seconds = self._request.seconds_of(Stage.CHOREOGRAPHER)
        return self._applied(Stage.CHOREOGRAPHER, choreographer_recipe(seconds, small=self._request.tiny))

    def base(self) -> dict[str, BaseRecipe]:
        """The recipes of ``base`` by lesson; what is set is set for all of them."""
        request = self._request
        recipes = base_recipes(request.seconds_of(Stage.BASE), curriculum=request.curriculum, small=request.tiny)
        return {lesson: self._applied(Stage.BASE, recipe) for lesson, recipe in recipes.items()}

    def post(self, stage: Stage) -> PostRecipe:
        """The recipe of ``sft`` or ``dpo``."""
        return self._applied(stage, post_recipe(stage, self._request.seconds_of(stage), small=self._request.tiny))

    def online(self, student: Path | None) -> dict[Stage, OnlineRecipe]:
        """The recipes of Online's stages; each streams as the one before it did, where nothing else is set."""
        request, stages = self._request, [stage for stage in ONLINE_STAGES if stage in self._request.stages]
        way = read_config(student).online if student is not None and (student / "config.json").is_file() else None
        recipes: dict[Stage, OnlineRecipe] = {}
        for stage in stages:
            recipe = online_recipe(stage, request.seconds_of(stage), begun=way, small=request.tiny)
            recipes[stage] = self._applied(stage, recipe)
            way = (
                read_config(stage_folder(request.out, stage)).online
                if is_done(request.out, stage)
                else recipes[stage].online
            )
        return recipes

    def check_all_used(self) -> None:
        """Every assignment has found a stage."""
        lost = [text for text in self._common if text not in self._used]
        if lost:
            known = dict.fromkeys(name for recipe in self._recipes for name in fields_of(recipe))
            raise ConfigError(f"{lost[0]}: no stage to train has such a field; there are {', '.join(known)}")

    def _applied(self, stage: Stage, recipe: Recipe) -> Recipe:
        common = [text for text in self._common if has_field(recipe, split_assignment(text)[0])]
        self._used.update(common)
        self._recipes.append(recipe)
        try:
            return changed(recipe, [*common, *self._own.get(stage, ())])
        except ConfigError as error:
            raise ConfigError(f"{stage}: {error}") from error
