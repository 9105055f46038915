"""Online nano: how it streams, and the stages in which a causal student of few steps is made from Base.

LPM 1.0 (section 3) names four stages and prints no numbers; these are ours. One comes before them: the flow matching
that Base was trained with, seen causally, without which a bidirectional model has never met a past alone.
"""

import copy
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, final

from openlpm.core.errors import ConfigError
from openlpm.dit.model import CharacterTransformer
from openlpm.flow.guidance import GuidanceScales
from openlpm.nn.memory import MemoryConfig
from openlpm.parallel.apply import replicate
from openlpm.parallel.world import World
from openlpm.recipes import nano
from openlpm.recipes.stages import Say, export_part, run_to_end, shortened
from openlpm.rollout.assembly import CharacterModel
from openlpm.rollout.online import OnlineConfig
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
from openlpm.training.windows import ClipMix, WindowDraw, WindowLayout

_TIME_SHIFT = 2.5
_GUIDANCE = GuidanceScales(speak=2.0)


class OnlineStage(StrEnum):
    """What the student learns at a time."""

    CAUSAL = "causal"
    """To denoise a chunk from its past alone, at any time (ours)."""
    ODE = "ode"
    """To jump to where Base would have ended (stage 1)."""
    OFF_POLICY = "off-policy"
    """To make what Base finds likely, behind real history (stage 2)."""
    ON_POLICY = "on-policy"
    """The same behind its own history (stage 3)."""
    REFINE = "refine"
    """A second network goes over what the first has made (stage 4)."""


CHAIN = (OnlineStage.CAUSAL, OnlineStage.ODE, OnlineStage.OFF_POLICY, OnlineStage.ON_POLICY)


def online(*, refiner: bool = False) -> OnlineConfig:
    """A third of a second a chunk, two steps, two seconds of memory and the first third of a second for ever."""
    return OnlineConfig(
        chunk_frames=2,
        memory=MemoryConfig(sink_frames=2, window_frames=12),
        backbone_times=(1.0, 0.6),
        refiner_time=0.3 if refiner else None,
    )


def laptop() -> OnlineConfig:
    """The same for two cores without instructions for narrow numbers: no refiner, and a memory shorter by a third.

    The backbone keeps its two steps: after a single one from noise it would remember keys of noise.
    """
    return replace(online(), memory=MemoryConfig(sink_frames=2, window_frames=8))


def _windows(frames: int, *, dropped: float) -> WindowDraw:
    return WindowDraw(
        token_frames=16 * 38,
        mix=ClipMix(),
        layouts=(
            WindowLayout(frames=frames, first=False, views=0, expressions=0),
            WindowLayout(frames=frames, first=False, views=2, expressions=2),
        ),
        drop_text=dropped,
        drop_speak=dropped,
        drop_listen=dropped,
        drop_all=0.0,
        give_motion=0.3,
    )


def causal() -> CausalObjectiveConfig:
    """As Base learns, without given frames: the history is given everywhere."""
    return CausalObjectiveConfig(windows=_windows(36, dropped=0.08), time_shift=_TIME_SHIFT, focus=nano.LATENT_FOCUS)


def ode() -> OdeObjectiveConfig:
    """Base's own way, with guidance on its voice."""
    teacher = TeacherConfig(steps=8, guidance=_GUIDANCE, time_shift=_TIME_SHIFT)
    return OdeObjectiveConfig(windows=_windows(36, dropped=0.0), teacher=teacher)


def matching(stage: OnlineStage) -> MatchingConfig:
    """Scores over six seconds; rollouts last eight."""
    off_policy = stage is OnlineStage.OFF_POLICY
    return MatchingConfig(
        windows=_windows(36 if off_policy else 48, dropped=0.0),
        scores=ScoreConfig(guidance=_GUIDANCE, time_shift=_TIME_SHIFT),
        fake_steps=3,
        score_frames=36,
        perceptual=0.5 if off_policy else 0.0,
    )


def trainer(stage: OnlineStage, seconds: float) -> TrainerConfig:
    """Rates and schedule of a stage."""
    matches = stage in (OnlineStage.OFF_POLICY, OnlineStage.ON_POLICY, OnlineStage.REFINE)
    rhythms = (
        Rhythm(prefix="generator.", every=matching(stage).fake_steps),
        Rhythm(prefix="fake.", rate=1.0),
    )
    return TrainerConfig(
        steps=1_000_000,
        seconds=seconds,
        optimiser=OptimiserConfig(lr=4e-4 if matches else 1e-3, weight_decay=0.01),
        schedule=WarmStableDecay(warmup_steps=200, decay_fraction=0.3),
        rhythms=rhythms if matches else (Rhythm(),),
        average_decay=0.995 if matches else 0.999,
        record=True,
    )


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Pupils:
    """Who takes part: Base as it is, and the student that becomes Online."""

    base: CharacterModel
    student: CharacterModel
    """With Base's encoders and autoencoder, and ``online`` in its config."""
    refiner: CharacterTransformer | None = None

    def __post_init__(self) -> None:
        if self.student.config.online is None:
            raise ConfigError("student.config.online=None: say how it is to stream")


def train_online(  # noqa: PLR0913 (all that a stage works on, by name)
    stage: OnlineStage,
    pupils: Pupils,
    bank: ClipBank,
    world: World,
    folder: Path,
    *,
    seconds: float,
    tiny: bool,
    say: Say,
) -> None:
    """One stage; leaves the averaged weights of what it taught in ``folder/dit`` (or ``folder/refiner``)."""
    objective = _objective(stage, pupils, bank, tiny=tiny)
    replicate(objective.module, world)
    run_to_end(objective, shortened(trainer(stage, seconds), tiny=tiny), world, folder / f"run-{stage}", say)
    if stage is OnlineStage.REFINE:
        assert pupils.refiner is not None
        export_part(pupils.refiner, folder / "refiner", world)
        return
    export_part(pupils.student.dit, folder / "dit", world)


def _objective(stage: OnlineStage, pupils: Pupils, bank: ClipBank, *, tiny: bool) -> Objective[Any]:
    base, student, way = pupils.base, pupils.student, pupils.student.config.online
    assert way is not None
    base.requires_grad_(requires_grad=False)
    student.requires_grad_(requires_grad=False)
    taught = student.dit
    if stage is OnlineStage.CAUSAL:
        taught.requires_grad_(requires_grad=True)
        return CausalObjective(student, bank, way, _small(causal(), tiny=tiny))
    if stage is OnlineStage.ODE:
        taught.requires_grad_(requires_grad=True)
        return OdeObjective(student, base.dit, bank, way, _small(ode(), tiny=tiny))
    maker: Maker
    if stage is OnlineStage.REFINE:
        if pupils.refiner is None:
            raise ConfigError("refiner=None: this stage teaches a second network; give one")
        taught = pupils.refiner
        maker = RolloutMaker(dit=student.dit, online=way, refiner=taught)
    elif stage is OnlineStage.ON_POLICY:
        maker = RolloutMaker(dit=taught, online=way)
    else:
        maker = ParallelMaker(taught, way)
    taught.requires_grad_(requires_grad=True)
    fake = copy.deepcopy(base.dit).requires_grad_(requires_grad=True)
    config = _small(matching(stage), tiny=tiny)
    return MatchingObjective(MatchingLearner(taught, maker, base, fake, bank, config), maker, bank, config)


def _small(config: Any, *, tiny: bool) -> Any:
    """One window a step where it is ``tiny``."""
    return replace(config, windows=replace(config.windows, token_frames=40)) if tiny else config
