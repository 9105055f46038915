"""``openlpm train plan``: how a programme is spread over a number of GPUs, and what it then takes."""

from dataclasses import dataclass
from typing import final

from openlpm.core.errors import InputError
from openlpm.recipes.programme.curriculum import PlannedPhase, Programme
from openlpm.recipes.programme.machine import Machine
from openlpm.recipes.programme.reckon import Layout, StepPlan, reckon, reckon_memory
from openlpm.weights.room import gib

_DAY_S = 86_400


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class PhasePlan:
    """A phase on so many GPUs."""

    planned: PlannedPhase
    layout: Layout
    step: StepPlan

    @property
    def steps(self) -> int:
        """All of them."""
        if self.planned.steps is not None:
            return self.planned.steps
        assert self.planned.seconds is not None
        return max(1, round(self.planned.seconds / self.step.time.total))

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.planned.seconds or self.steps * self.step.time.total

    @property
    def days(self) -> float:
        """The same in days."""
        return self.seconds / _DAY_S

    @property
    def tokens(self) -> int:
        """Video tokens that are learnt from."""
        return self.steps * self.step.tokens


def plan_programme(programme: Programme, gpus: int, machine: Machine) -> tuple[PhasePlan, ...]:
    """All phases on so many GPUs.

    Raises:
        InputError: they have too little memory together; the text says how much, and how many GPUs would do.
    """
    return tuple(plan_phase(programme, planned, gpus, machine) for planned in programme.phases)


def plan_phase(programme: Programme, planned: PlannedPhase, gpus: int, machine: Machine) -> PhasePlan:
    """One phase: the layout with the fewest GPUs to a sequence that fits into memory.

    Raises:
        InputError: none fits.
    """
    layouts = _layouts(programme, planned, gpus)
    for layout in layouts:
        if reckon_memory(programme.config, planned.shape, layout, machine).total <= machine.memory_bytes.value:
            step = reckon(programme.config, planned.shape, layout, planned.passes, machine)
            return PhasePlan(planned=planned, layout=layout, step=step)
    needed = min(reckon_memory(programme.config, planned.shape, layout, machine).total for layout in layouts)
    raise InputError(
        f"{planned.phase}: {gib(int(needed))} are needed on each of {gpus} {machine.name}, which have "
        f"{gib(int(machine.memory_bytes.value))}; {_enough(programme, planned, machine)}"
    )


def _layouts(programme: Programme, planned: PlannedPhase, gpus: int) -> list[Layout]:
    """Ways to spread a step, the one with the fewest GPUs to a sequence first."""
    found: list[Layout] = []
    context = 1
    while context <= min(programme.most_context, gpus):
        groups = gpus // context
        used = groups if planned.sequences is None else min(groups, planned.sequences)
        accumulated = 1 if planned.sequences is None else -(-planned.sequences // (used * planned.rows))
        found.append(
            Layout(
                gpus=used * context,
                context=context,
                rows=planned.rows,
                checkpoint=programme.checkpoint,
                sharded=programme.sharded,
                accumulated=accumulated,
            )
        )
        context *= 2
    # GPUs that would have nothing to do come before memory: take more of them to a sequence.
    return sorted(found, key=lambda each: (-each.gpus, each.context))


def _enough(programme: Programme, planned: PlannedPhase, machine: Machine) -> str:
    gpus = 1
    while gpus < 4096:
        gpus *= 2
        for layout in _layouts(programme, planned, gpus):
            if reckon_memory(programme.config, planned.shape, layout, machine).total <= machine.memory_bytes.value:
                return f"{gpus} would do"
    return "no number of GPUs would do"
