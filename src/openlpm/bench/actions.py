"""Rows of acting by text: single actions, and three in their order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from openlpm.bench import controls
from openlpm.bench.action_match import ActionMatcher, acting_style
from openlpm.bench.rehearsal import in_room
from openlpm.bench.result import Bar, Row
from openlpm.bench.scoring import Scored, mean_of, ratio, scored_rows
from openlpm.bench.signals import FloatTrack
from openlpm.bench.statistics import Estimate, Values, mean
from openlpm.core.record import PerformanceRecord
from openlpm.core.seeds import generator
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.synth.act.actions import ACTION_NAMES, ACTIONS
from openlpm.synth.act.style import ClipStyle

SINGLE, SEQUENCE = "text_action_success", "text_sequence_success"
SINGLE_BAR, SEQUENCE_BAR = Bar(at_least=0.85), Bar(at_least=0.7)
_IN_SEQUENCE = 3
_SLOWEST, _BETWEEN_S = 1.25, 0.2
SEQUENCE_FRAMES = 240


def single_style(index: int, clip_seed: int) -> ClipStyle:
    """One action, every one in turn; neighbours are unlike each other, as each is the other's control."""
    order = generator("bench", "actions").permutation(len(ACTION_NAMES))
    return acting_style((ACTION_NAMES[int(order[index % len(ACTION_NAMES)])],), clip_seed)


def sequence_style(index: int, clip_seed: int) -> ClipStyle:
    """Three different actions that fit into ten seconds; every other time none of them needs an arm."""
    rng = generator("bench", "sequences", clip_seed)
    may = [name for name in ACTION_NAMES if index % 2 or not ACTIONS[name].uses_arms]
    while True:
        chosen = [may[int(k)] for k in rng.choice(len(may), size=_IN_SEQUENCE, replace=False)]
        needed_s = sum(ACTIONS[name].length_s * _SLOWEST + _BETWEEN_S for name in chosen)
        if needed_s < SEQUENCE_FRAMES / FRAME_RATE_HZ - 1.0:
            return acting_style(chosen, clip_seed)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Acted:
    """K clips with what their texts ask for; tracks are rigs as they were read."""

    records: Sequence[PerformanceRecord]
    truth: Sequence[FloatTrack]
    generated: Sequence[FloatTrack]


def actions_of(record: PerformanceRecord) -> tuple[str, ...]:
    """The true actions of a clip in their order."""
    assert record.truth is not None
    kinds = [event.kind for event in record.truth.events]
    return tuple(kind.removeprefix("action:") for kind in kinds if kind.startswith("action:"))


def single_rows(acted: Acted, matcher: ActionMatcher) -> list[Row]:
    """Share of asked actions that are seen; the control is a clip in which something else was asked for."""
    asked = [actions_of(record) for record in acted.records]
    shares = np.array([float(name in matcher.levels) for name in ACTION_NAMES])
    return [
        *_rows(SINGLE, acted, asked, matcher, SINGLE_BAR),
        Row.of(f"{SINGLE}/scored", Estimate.single(float(shares.mean()), n=shares.size)),
    ]


def sequence_rows(acted: Acted, matcher: ActionMatcher) -> list[Row]:
    """Share of clips in which all three actions come in their order; and of the truth, if the order is reversed."""
    asked = [actions_of(record) for record in acted.records]
    rows = _rows(SEQUENCE, acted, asked, matcher, SEQUENCE_BAR)
    backward = [
        float(matcher.done(in_room(read_FR), actions[::-1]))
        for read_FR, actions in zip(acted.truth, asked, strict=True)
        if matcher.scores(actions)
    ]
    return [*rows, Row.of(f"{SEQUENCE}/reversed", mean(np.array(backward)))]


def _rows(name: str, acted: Acted, asked: Sequence[Sequence[str]], matcher: ActionMatcher, bar: Bar) -> list[Row]:
    kept = [index for index, actions in enumerate(asked) if matcher.scores(actions)]
    other = controls.another_clip(len(asked))

    def terms(tracks: Sequence[FloatTrack], order: Sequence[int]) -> Values:
        done = [float(matcher.done(in_room(tracks[order[index]]), asked[index])) for index in kept]
        return mean_of(np.array(done))

    own = list(range(len(asked)))
    scored = Scored(
        generated_NX=terms(acted.generated, own),
        truth_NX=terms(acted.truth, own),
        control_NX=terms(acted.truth, other),
        value=ratio,
    )
    return scored_rows(name, scored, bar=bar)
