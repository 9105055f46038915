"""Groups of clips with one purpose each, beside the mixed cases: their styles, their lengths and how many there are."""

from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import final

from openlpm.bench.actions import SEQUENCE_FRAMES, sequence_style, single_style
from openlpm.bench.cases import CaseConfig, StyleOf, mixed_style
from openlpm.bench.emotions import CLIP_FRAMES, feeling_style
from openlpm.bench.reaction_detector import listening_style
from openlpm.core.errors import ConfigError
from openlpm.core.seeds import Split
from openlpm.synth.act.actions import ACTION_NAMES
from openlpm.synth.act.dialogue import ClipKind
from openlpm.synth.act.style import ClipStyle, draw_style


class Group(StrEnum):
    """What clips are for."""

    TRAPS = "traps"
    """Sounds that are nobody's turn."""
    LISTENERS = "listeners"
    ACTIONS = "actions"
    """A single action each."""
    HELD_OUT = "held_out"
    """The same, told in words that no training has seen."""
    SEQUENCES = "sequences"
    """Three actions each."""
    EMOTIONS = "emotions"
    REFERENCES = "references"
    """Performed three times, with more and more reference pictures."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class GroupSizes:
    """How many clips each group has; 0 leaves its rows empty."""

    traps: int = 24
    listeners: int = 32
    actions: int = len(ACTION_NAMES)
    held_out: int = 32
    sequences: int = 32
    emotions: int = 48
    references: int = 16

    def __post_init__(self) -> None:
        for size in fields(self):
            if getattr(self, size.name) == 1 or getattr(self, size.name) < 0:
                raise ConfigError(f"{size.name}={getattr(self, size.name)}: give none, or two and more as controls")

    def at_most(self, limit: int) -> "GroupSizes":
        """No group larger than ``limit``; actions then are a sample of all that there are."""
        return GroupSizes(**{size.name: min(getattr(self, size.name), limit) for size in fields(self)})

    def of(self, group: Group) -> int:
        """The number of clips of a group."""
        return int(getattr(self, group.value))


def trap_style(index: int, clip_seed: int) -> ClipStyle:
    """Two times of three nothing but a trap, otherwise a trap under the partner's voice; nothing else to do."""
    kind = ClipKind.LISTEN if index % 3 == 2 else ClipKind.TRAP
    return replace(draw_style(clip_seed), kind=kind, disturbed=kind == ClipKind.LISTEN, actions=())


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    style_of: StyleOf
    num_frames: int
    seed: int
    """Of the people and voices; 0 and 1 are those of the mixed and the long cases."""
    held_out: bool | None = None
    """Whether texts are in words that no training has seen; None: where texts are not what is measured."""


_PLANS = {
    Group.TRAPS: _Plan(style_of=trap_style, num_frames=144, seed=2),
    Group.LISTENERS: _Plan(style_of=listening_style, num_frames=240, seed=3),
    Group.ACTIONS: _Plan(style_of=single_style, num_frames=144, seed=4, held_out=False),
    Group.HELD_OUT: _Plan(style_of=single_style, num_frames=144, seed=8, held_out=True),
    Group.SEQUENCES: _Plan(style_of=sequence_style, num_frames=SEQUENCE_FRAMES, seed=5, held_out=False),
    Group.EMOTIONS: _Plan(style_of=feeling_style, num_frames=CLIP_FRAMES, seed=6, held_out=False),
    Group.REFERENCES: _Plan(style_of=mixed_style, num_frames=96, seed=7),
}


def style_of(group: Group) -> StyleOf:
    """What the clips of a group are like."""
    return _PLANS[group].style_of


def case_config(group: Group, count: int, split: Split) -> CaseConfig:
    """Which clips make up a group."""
    plan = _PLANS[group]
    return CaseConfig(count=count, num_frames=plan.num_frames, split=split, seed=plan.seed, held_out=plan.held_out)
