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
from openlpm.core.rig import State
from openlpm.core.seeds import generator
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.rollout.request import Prompt
from openlpm.synth.act.actions import ACTION_NAMES, ACTIONS
from openlpm.synth.act.captions import caption
from openlpm.synth.act.content import Content, Step
from openlpm.synth.act.style import ClipStyle

SINGLE, SEQUENCE = "text_action_success", "text_sequence_success"
HELD_OUT, IN_TIME = f"{SINGLE}/held_out", f"{SEQUENCE}/told_in_time"
"""Printed without a bar: words that no training has seen; and each action told when it is its turn."""
SINGLE_BAR, SEQUENCE_BAR = Bar(at_least=0.85), Bar(at_least=0.7)
_IN_SEQUENCE = 3
_ACTION = "action:"
_SLOWEST, _BETWEEN_S = 1.25, 0.2
_TOLD_S = 2.0
"""So long a prompt asks for its action."""
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
    return tuple(kind.removeprefix(_ACTION) for kind in kinds if kind.startswith(_ACTION))


def waiting(record: PerformanceRecord) -> str:
    """What is told while no action is asked for."""
    return caption(Content(states=(State.IDLE,)), seed=_seed_of(record))


def in_time(record: PerformanceRecord) -> tuple[Prompt, ...]:
    """The actions of a clip, each told when it is to begin, two seconds long or until the next."""
    assert record.truth is not None
    prompts: list[Prompt] = []
    for event in record.truth.events:
        if event.kind.startswith(_ACTION):
            at_s = event.start_frame / FRAME_RATE_HZ
            content = Content(states=(State.IDLE,), steps=(Step(action=event.kind.removeprefix(_ACTION)),))
            asked = Prompt(at_s=at_s, caption=caption(content, seed=_seed_of(record)))
            after = Prompt(at_s=at_s + _TOLD_S, caption=waiting(record))
            prompts = [*(prompt for prompt in prompts if prompt.at_s < at_s), asked, after]
    return tuple(prompts)


def _seed_of(record: PerformanceRecord) -> int:
    return int(generator("told in time", record.clip_id).integers(2**31))


def single_rows(acted: Acted, matcher: ActionMatcher) -> list[Row]:
    """Share of asked actions that are seen; the control is a clip in which something else was asked for."""
    asked = [actions_of(record) for record in acted.records]
    shares = np.array([float(name in matcher.levels) for name in ACTION_NAMES])
    return [
        *_rows(SINGLE, acted, asked, matcher, SINGLE_BAR),
        Row.of(f"{SINGLE}/scored", Estimate.single(float(shares.mean()), n=shares.size)),
    ]


def held_out_rows(acted: Acted, matcher: ActionMatcher) -> list[Row]:
    """As ``single_rows``, of texts in words that no training has seen."""
    return _rows(HELD_OUT, acted, [actions_of(record) for record in acted.records], matcher)


def in_time_rows(acted: Acted, matcher: ActionMatcher) -> list[Row]:
    """Share of clips in which all three actions come in their order, each told when it is its turn (``in_time``)."""
    return _rows(IN_TIME, acted, [actions_of(record) for record in acted.records], matcher)


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


def _rows(
    name: str, acted: Acted, asked: Sequence[Sequence[str]], matcher: ActionMatcher, bar: Bar | None = None
) -> list[Row]:
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
