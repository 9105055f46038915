"""Online nano: how it streams, and the stages in which a causal student of few steps is made from Base.

LPM 1.0 (section 3) names four stages and prints no numbers; these are ours. One comes before them: the flow matching
that Base was trained with, seen causally, without which a bidirectional model has never met a past alone.
"""

import copy
from dataclasses import dataclass, replace
from typing import Any, final

import torch

from openlpm.core.errors import ConfigError
from openlpm.dit.model import CharacterTransformer
from openlpm.flow.guidance import GuidanceScales
from openlpm.nn.memory import MemoryConfig
from openlpm.parallel.apply import compile_units, replicate
from openlpm.recipes import nano, tiny
from openlpm.recipes.running import Site, run_to_end
from openlpm.recipes.stage import ONLINE_STAGES, Stage
from openlpm.rollout.assembly import CharacterModel
from openlpm.rollout.online import OnlineConfig, OnlineNetwork
from openlpm.training.adapter import attach, detach
from openlpm.training.causal import CausalObjective, CausalObjectiveConfig
from openlpm.training.clip_bank import ClipBank
from openlpm.training.makers import Maker, ParallelMaker, RolloutMaker
from openlpm.training.matching import MatchingConfig, MatchingLearner, MatchingObjective
from openlpm.training.ode import OdeObjective, OdeObjectiveConfig
from openlpm.training.optimiser import OptimiserConfig, Rhythm
from openlpm.training.schedule import WarmStableDecay
from openlpm.training.scores import ScoreConfig
from openlpm.training.teacher import TeacherConfig
from openlpm.training.trainer import Objective, TrainerConfig
from openlpm.training.traits import ClipMix
from openlpm.training.windows import WindowDraw, WindowLayout

_TIME_SHIFT = 2.5
_GUIDANCE = GuidanceScales()
"""None: a choreographer says what is done, and with its track a guided teacher is hardly another one."""
_REFINER_TIME = 0.3
_AS_IN_BASE = ("vae", "speak", "listen", "text", "choreographer")
_MATCHING = (Stage.OFF_POLICY, Stage.ON_POLICY, Stage.REFINE)
"""The stages with two scores."""


def online(*, refiner: bool = False) -> OnlineConfig:
    """A third of a second a chunk, two steps, two seconds of memory and the first third of a second for ever."""
    return OnlineConfig(
        chunk_frames=2,
        memory=MemoryConfig(sink_frames=2, window_frames=12),
        backbone_times=(1.0, 0.6),
        refiner_time=_REFINER_TIME if refiner else None,
    )


def laptop() -> OnlineConfig:
    """The same for two cores without instructions for narrow numbers."""
    return online().for_laptop()


def online_of(stage: Stage, begun: OnlineConfig | None) -> OnlineConfig:
    """How a stage streams: as the stages before it did; the refiner comes with the stage that teaches one."""
    way = online() if begun is None else begun
    if stage is not Stage.REFINE:
        return replace(way, refiner_time=None)
    return way if way.refiner_time is not None else replace(way, refiner_time=_REFINER_TIME)


def _windows(frames: int, *, dropped: float) -> WindowDraw:
    return WindowDraw(
        token_frames=16 * 38,
        mix=ClipMix(),
        layouts=(
            WindowLayout(frames=frames, first=False, views=0, expressions=0),
            # All of a kind or none: each choice of references is a recording of its own (``parallel.recorder``).
            WindowLayout(frames=frames, first=False, views=4, expressions=5),
        ),
        drop_text=dropped,
        drop_speak=dropped,
        drop_listen=dropped,
        drop_all=0.0,
        give_motion=0.8,
        whole_motion=0.85,
        prompt_frames=nano.PROMPT_FRAMES,
        told_at_once=nano.TOLD_AT_ONCE,
        acting=nano.ACTING,
    )


def causal() -> CausalObjectiveConfig:
    """As Base learns, without given frames: the history is given everywhere."""
    return CausalObjectiveConfig(windows=_windows(36, dropped=0.08), times=nano.TIMES, focus=nano.LATENT_FOCUS)


def ode() -> OdeObjectiveConfig:
    """Base's own way, with guidance on its voice."""
    teacher = TeacherConfig(steps=8, guidance=_GUIDANCE, time_shift=_TIME_SHIFT)
    return OdeObjectiveConfig(windows=_windows(36, dropped=0.0), teacher=teacher)


def matching(stage: Stage) -> MatchingConfig:
    """Scores over six seconds; rollouts last eight."""
    off_policy = stage is Stage.OFF_POLICY
    return MatchingConfig(
        windows=_windows(36 if off_policy else 48, dropped=0.0),
        scores=ScoreConfig(guidance=_GUIDANCE, time_shift=_TIME_SHIFT),
        fake_steps=3,
        score_frames=36,
        perceptual=0.5 if off_policy else 0.0,
    )


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class OnlineRecipe:
    """How a stage of Online is trained."""

    online: OnlineConfig
    """How the student streams, in training as in use."""
    objective: CausalObjectiveConfig | OdeObjectiveConfig | MatchingConfig
    """Of a stage with two scores it holds the guidance of the real one, and the steps of the fake one for one of the
    generator's."""
    trainer: TrainerConfig
    fake: OptimiserConfig | None = None
    """Of the fake score, in a stage that has one; the trainer's is the student's."""
    rank: int = 0
    """Components of change to Base that a matrix of the student may learn (``training.adapter``); 0: all of it."""

    def __post_init__(self) -> None:
        if self.rank < 0:
            raise ConfigError(f"rank={self.rank}: give the components to learn, or 0 for whole matrices")
        if (self.fake is not None) != isinstance(self.objective, MatchingConfig):
            raise ConfigError(
                f"fake={self.fake}: a stage with two scores has an optimiser for the fake one, no other has"
            )


def online_recipe(stage: Stage, seconds: float, *, begun: OnlineConfig | None = None, small: bool) -> OnlineRecipe:
    """Nano's recipe of a stage, behind a student that streamed as ``begun`` says, or a few steps of it."""
    if stage not in ONLINE_STAGES:
        raise ConfigError(f"stage={stage}: give one of {', '.join(ONLINE_STAGES)}")
    matches = stage in _MATCHING
    objective = matching(stage) if matches else causal() if stage is Stage.CAUSAL else ode()
    if small and isinstance(objective, MatchingConfig):
        objective = replace(objective, windows=tiny.windows(objective.windows), score_frames=tiny.WINDOW_FRAMES)
    elif small:
        objective = replace(objective, windows=tiny.windows(objective.windows))
    optimiser = OptimiserConfig(lr=4e-4 if matches else 1e-3, weight_decay=0.01)
    config = TrainerConfig(
        steps=1_000_000,
        seconds=seconds,
        optimiser=optimiser,
        schedule=WarmStableDecay(warmup_steps=200, decay_fraction=0.3),
        average_decay=0.995 if matches else 0.999,
        record=True,
    )
    return OnlineRecipe(
        online=online_of(stage, begun),
        objective=objective,
        trainer=tiny.trainer(config) if small else config,
        fake=optimiser if matches else None,
    )


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Pupils:
    """Who takes part: Base as it is, and the student that becomes Online."""

    base: CharacterModel
    student: CharacterModel
    """With Base's encoders and autoencoder, ``online`` in its config, and a refiner where one is to learn."""

    def __post_init__(self) -> None:
        if self.student.config.online is None:
            raise ConfigError("student.config.online=None: say how it is to stream")


def student_of(base: CharacterModel, dit: CharacterTransformer, stage: Stage, recipe: OnlineRecipe) -> CharacterModel:
    """Base with the transformer that has learnt so far; a refiner begins as what it goes over."""
    networks = (OnlineNetwork.REFINER,) if stage is Stage.REFINE else ()
    student = CharacterModel(replace(base.config, online=recipe.online, online_networks=networks))
    for name, part in student.parts().items():
        part.load_state_dict((base.parts()[name] if name in _AS_IN_BASE else dit).state_dict())
    return student


def train_online(stage: Stage, pupils: Pupils, bank: ClipBank, site: Site, recipe: OnlineRecipe) -> None:
    """One stage; leaves what it taught, averaged, in the student."""
    objective = prepared(stage, pupils, bank, recipe)
    replicate(objective.module, site.world)
    run_to_end(objective, in_rhythm(recipe), site, stage, recipe)
    detach(_taught(stage, pupils))


def prepared(stage: Stage, pupils: Pupils, bank: ClipBank, recipe: OnlineRecipe) -> Objective[Any]:
    """What a trainer is given for a stage: only what the stage teaches can learn, and on a GPU blocks are compiled."""
    taught = _taught(stage, pupils)
    pupils.base.requires_grad_(requires_grad=False)
    pupils.student.requires_grad_(requires_grad=False)
    taught.requires_grad_(requires_grad=True)
    if recipe.rank:
        attach(taught, pupils.base.dit.state_dict(), recipe.rank)
    objective = _objective(stage, pupils, bank, recipe)
    if next(taught.parameters()).is_cuda:
        _compile(stage, pupils, objective)
    return objective


def _taught(stage: Stage, pupils: Pupils) -> CharacterTransformer:
    taught = pupils.student.refiner if stage is Stage.REFINE else pupils.student.dit
    if taught is None:
        raise ConfigError("student.refiner=None: this stage teaches a second network; give the student one")
    return taught


def _compile(stage: Stage, pupils: Pupils, objective: Objective[Any]) -> None:
    """Whole blocks where a window is seen at once; around attention where it is causal; rollouts are small as it is."""
    torch._dynamo.config.recompile_limit = 64  # noqa: SLF001 (torch documents it by this name)
    compile_units(pupils.base.dit.blocks)
    if isinstance(objective, MatchingObjective):
        compile_units(objective.learner.fake.dit.blocks)
    if stage in (Stage.CAUSAL, Stage.ODE, Stage.OFF_POLICY):
        pupils.student.dit.compile_around_attention()


def in_rhythm(recipe: OnlineRecipe) -> TrainerConfig:
    """Generator and fake score each move in their own time, with their own optimiser."""
    if not isinstance(recipe.objective, MatchingConfig):
        return recipe.trainer
    generator = Rhythm(prefix="generator.", every=recipe.objective.fake_steps)
    return replace(recipe.trainer, rhythms=(generator, Rhythm(prefix="fake.", optimiser=recipe.fake)))


def _objective(stage: Stage, pupils: Pupils, bank: ClipBank, recipe: OnlineRecipe) -> Objective[Any]:
    base, student, way, config = pupils.base, pupils.student, recipe.online, recipe.objective
    if isinstance(config, CausalObjectiveConfig):
        return CausalObjective(student, bank, way, config)
    if isinstance(config, OdeObjectiveConfig):
        return OdeObjective(student, base.dit, bank, way, config)
    maker: Maker
    if stage is Stage.OFF_POLICY:
        maker = ParallelMaker(student.dit, way)
    else:  # the refiner is taught where there is one
        maker = RolloutMaker(dit=student.dit, online=way, refiner=student.refiner)
    taught = student.dit if student.refiner is None else student.refiner
    fake = copy.deepcopy(base.dit).requires_grad_(requires_grad=True)
    return MatchingObjective(MatchingLearner(taught, maker, base, fake, bank, config), maker, bank, config)
