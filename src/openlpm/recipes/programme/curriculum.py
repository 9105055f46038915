"""The curriculum of LPM 1.0 (sections 2 and 3) by size: ten phases in order, each with what a step of it computes.

The paper names the phases and prints no steps, batches or rates: all numbers here are ours. Nano's lengths are times
on the clock, which its recipes keep; the large sizes count steps.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import final

from openlpm.core.errors import ConfigError, InputError
from openlpm.dit.config import DiTConfig
from openlpm.dit.work import SequenceShape
from openlpm.flow.guidance import guidance_passes
from openlpm.recipes import nano as nano_recipe
from openlpm.recipes import online as online_recipe
from openlpm.recipes.models import NamedModel, named_models
from openlpm.recipes.programme.reckon import Passes
from openlpm.recipes.stage import Stage


class Phase(StrEnum):
    """What is taught at a time."""

    SPEAK = "speak"
    LISTEN = "listen"
    REFERENCES = "references"
    CONTINUE = "continue"
    SFT = "sft"
    DPO = "dpo"
    ODE = "ode"
    OFF_POLICY = "off-policy"
    ON_POLICY = "on-policy"
    REFINE = "refine"


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedPhase:
    """A phase at a size."""

    phase: Phase
    shape: SequenceShape
    """Of the longest sequences of a step."""
    sequences: int | None = None
    """Of a step, over all GPUs; None: ``rows`` on each GPU."""
    rows: int = 1
    """Sequences that a GPU (or those that share one) computes at a time."""
    passes: Passes
    steps: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.seconds is None):
            raise ConfigError(f"steps={self.steps}, seconds={self.seconds}: give one of the two")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Programme:
    """All phases of a size."""

    model: NamedModel
    phases: tuple[PlannedPhase, ...]
    sharded: bool
    checkpoint: bool
    most_context: int = 1
    """GPUs that may share a sequence."""

    @property
    def config(self) -> DiTConfig:
        """Sizes of the transformer."""
        return self.model.config

    def phase(self, phase: Phase) -> PlannedPhase:
        """One of the phases."""
        return next(each for each in self.phases if each.phase is phase)


CLIP_FRAMES = 30
"""Latent frames of a clip of the large sizes: five seconds."""
_CONTEXTS = 4
"""832x480 has 52 columns of tokens, and the large sizes have 12 or 40 heads: 1, 2 and 4 divide both."""


def programme(name: str) -> Programme:
    """The programme of a size.

    Raises:
        InputError: there is none of that name; the text lists those there are.
    """
    known = {model.name: model for model in named_models()}
    if name not in known:
        raise InputError(f"there is no recipe {name!r}; there are {', '.join(known)}")
    return _nano(known[name]) if name == "nano" else _large(known[name])


def passes_of(phase: Phase, *, fake_steps: int, teacher_steps: int, real_passes: int) -> Passes:
    """What a step of a phase does with each of its sequences, in passes of the transformer.

    A causal or chunked pass is counted as a whole one: its attention is less.
    """
    if phase is Phase.DPO:
        # Better and worse, and the data that holds colours; the frozen reference sees the pair.
        return Passes(trained=3, seen=2)
    if phase is Phase.ODE:
        return Passes(trained=2, seen=teacher_steps * real_passes)
    if phase in (Phase.OFF_POLICY, Phase.ON_POLICY, Phase.REFINE):
        # The fake score learns in every step, the generator in one of ``fake_steps``, asked of both scores.
        made = {Phase.OFF_POLICY: 1, Phase.ON_POLICY: 2, Phase.REFINE: 3}[phase]
        return Passes(trained=1 + 1 / fake_steps, seen=made + (real_passes + 1) / fake_steps)
    return Passes()


def _shape(model: NamedModel, frames: int, references: int) -> SequenceShape:
    columns, rows = (size // model.latent_stride for size in model.picture)
    return SequenceShape(
        frames=frames, frame_tokens=model.config.tokens_per_frame(rows, columns), references=references
    )


def _nano(model: NamedModel) -> Programme:
    shares, seconds = dict(nano_recipe.CURRICULUM), 900.0
    matching, ode = online_recipe.matching(Stage.ON_POLICY), online_recipe.ode()
    real = len(guidance_passes(matching.scores.guidance))
    phases: list[PlannedPhase] = []
    for phase in Phase:
        lesson = nano_recipe.Lesson(phase) if phase in list(nano_recipe.Lesson) else None
        objective, _ = nano_recipe.base(seconds, lesson or nano_recipe.Lesson.ALL)
        layout = max(objective.windows.layouts, key=lambda each: each.num_tokens_frames)
        frames = layout.frames if phase is not Phase.ON_POLICY else matching.windows.layouts[0].frames
        phases.append(
            PlannedPhase(
                phase=phase,
                shape=_shape(model, frames, layout.num_tokens_frames - layout.frames),
                rows=max(1, objective.windows.token_frames // layout.num_tokens_frames),
                passes=passes_of(
                    phase, fake_steps=matching.fake_steps, teacher_steps=ode.teacher.steps, real_passes=real
                ),
                seconds=shares[lesson] * seconds if lesson is not None else 200.0,
            )
        )
    return Programme(model=model, phases=tuple(phases), sharded=False, checkpoint=False)


_LENGTHS: dict[Phase, tuple[int, int]] = {
    Phase.SPEAK: (20_000, 512),
    Phase.LISTEN: (15_000, 512),
    Phase.REFERENCES: (8_000, 512),
    Phase.CONTINUE: (8_000, 512),
    Phase.SFT: (2_000, 256),
    Phase.DPO: (1_000, 128),
    Phase.ODE: (3_000, 64),
    # Distillations of 14 B that were published took 100 to 600 such steps of the generator at a batch of 64.
    Phase.OFF_POLICY: (3_000, 64),
    Phase.ON_POLICY: (3_000, 64),
    Phase.REFINE: (1_500, 64),
}
"""Steps, and sequences of a step: our choice."""


def _large(model: NamedModel) -> Programme:
    late = list(Phase)[list(Phase).index(Phase.REFERENCES) :]
    phases = tuple(
        PlannedPhase(
            phase=phase,
            # Late phases show up to four views and eight expressions beside the global picture.
            shape=_shape(model, CLIP_FRAMES, 5 if phase in late else 1),
            sequences=sequences,
            passes=passes_of(phase, fake_steps=5, teacher_steps=48, real_passes=2),
            steps=steps,
        )
        for phase, (steps, sequences) in _LENGTHS.items()
    )
    return Programme(model=model, phases=phases, sharded=True, checkpoint=True, most_context=_CONTEXTS)
