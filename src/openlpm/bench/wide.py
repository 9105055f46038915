"""The rows of the wide world: what is read from groups of clips that each have one purpose (``groups``)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from openlpm.bench import actions, emotions, reactions, reference_gain
from openlpm.bench.action_match import ActionMatcher
from openlpm.bench.base import BaseConfig, read_performances
from openlpm.bench.cases import Case, build_cases
from openlpm.bench.emotions import EmotionReader
from openlpm.bench.groups import Group, case_config, style_of
from openlpm.bench.performer import Part, Performer, part_of
from openlpm.bench.progress import Count, OnProgress, phase, renamed, unheard, within
from openlpm.bench.reaction_detector import ReactionDetector
from openlpm.bench.reading import ClipReading, Judges
from openlpm.bench.rehearsal import Eyesight, Stage, training_voices
from openlpm.bench.result import Row
from openlpm.bench.rows import TRAPS, TRAPS_BAR, quiet_mouth_rows
from openlpm.bench.scoring import unasked
from openlpm.bench.threads import spread
from openlpm.bench.truth import pictures_of, read_truth, reference_embedding
from openlpm.core.record import PerformanceRecord
from openlpm.synth.look.references import SUBTYPES, ReferenceKind


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Played:
    """A group of clips in truth and as performed, both as the critic reads them."""

    cases: Sequence[Case]
    truth: Sequence[ClipReading]
    generated: Sequence[ClipReading]

    @property
    def records(self) -> list[PerformanceRecord]:
        """What was asked for."""
        return [case.record for case in self.cases]

    @property
    def true_tracks(self) -> list[NDArray[np.float32]]:
        """The truth as it is read."""
        return [reading.rig_FR for reading in self.truth]

    @property
    def tracks(self) -> list[NDArray[np.float32]]:
        """The performance as it is read."""
        return [reading.rig_FR for reading in self.generated]


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Session:
    """Who performs, who judges, and who is told how far it has come."""

    performer: Performer
    judges: Judges
    batch: int
    on_progress: OnProgress

    def truth(self, cases: Sequence[Case], what: str) -> list[ClipReading]:
        """The truth of the cases as it is read."""
        judges, count = self.judges, Count(len(cases), lambda done, total: self.on_progress(what, done, total))

        def read(case: Case) -> ClipReading:
            reading = read_truth(case, judges, None)
            count.add(1)
            return reading.truth

        return spread(read, cases, judges.device)

    def perform(
        self,
        cases: Sequence[Case],
        what: str,
        kinds: tuple[ReferenceKind, ...] = tuple(SUBTYPES),
        *,
        in_time: bool = False,
    ) -> list[ClipReading]:
        """The cases as performed with reference pictures of these kinds; ``in_time``: every action told at its time."""
        parts = [
            replace(_told_in_time(case, part) if in_time else part, kinds=kinds)
            for index, (case, pictures_JCHW) in enumerate(zip(cases, _pictures(cases, self.judges), strict=True))
            for part in (part_of(case, pictures_JCHW, seed=index),)
        ]
        return read_performances(self.performer, self.judges, parts, self.batch, renamed(self.on_progress, what))


def _told_in_time(case: Case, part: Part) -> Part:
    return replace(part, caption=actions.waiting(case.record), prompts=actions.in_time(case.record))


@final
class StoppedWide(KeyboardInterrupt):
    """Somebody stopped ``measure_wide``; ``rows`` are of the groups that were whole by then."""

    def __init__(self, rows: list[Row]) -> None:
        super().__init__()
        self.rows = rows


def measure_wide(
    performer: Performer,
    judges: Judges,
    config: BaseConfig,
    *,
    on_progress: OnProgress = unheard,
) -> list[Row]:
    """All rows that need groups of their own; a group without clips leaves its rows empty.

    Raises:
        ConfigError: the extra ``[tts]`` (espeak-ng) is not installed.
        StoppedWide: it was interrupted.
    """
    session = Session(performer=performer, judges=judges, batch=config.batch, on_progress=on_progress)
    played: dict[Group, Played] = {}
    told_in_time: Played | None = None
    references = reference_gain.no_gain_rows()
    try:
        for group in Group:
            count = 0 if config.groups is None else config.groups.of(group)
            if count == 0:
                continue
            hears = within(on_progress, group)
            cases = build_cases(case_config(group, count, config.cases.split), style_of(group), on_progress=hears)
            truth = session.truth(cases, f"{group}: truth")
            if group == Group.REFERENCES:
                references = _reference_rows(session, cases, truth)
            else:
                played[group] = Played(
                    cases=cases, truth=truth, generated=session.perform(cases, f"{group}: generated")
                )
            if group == Group.SEQUENCES:
                in_time = session.perform(cases, f"{group}: told in time", in_time=True)
                told_in_time = Played(cases=cases, truth=truth, generated=in_time)
    except KeyboardInterrupt as stop:
        raise StoppedWide([*rows_of(played, told_in_time, on_progress), *references]) from stop
    return [*rows_of(played, told_in_time, on_progress), *references]


def rows_of(played: dict[Group, Played], told_in_time: Played | None, on_progress: OnProgress) -> list[Row]:
    """What is read from groups that were performed; ``told_in_time`` are sequences again, prompt by prompt."""
    rows: list[Row] = []
    traps = played.get(Group.TRAPS)
    if traps is None:
        rows += [Row(name=TRAPS, value=None, n=0, bar=str(TRAPS_BAR))]
    else:
        with phase(on_progress, f"statistics of {Group.TRAPS}"):
            rows += quiet_mouth_rows(TRAPS, TRAPS_BAR, traps.records, traps.truth, traps.generated)
    acted = [group for group in played if group != Group.TRAPS]
    stage = stage_of([played[group] for group in acted], on_progress) if acted else None
    rows += _listening(played.get(Group.LISTENERS), stage)
    rows += _feeling(played.get(Group.EMOTIONS), stage)
    return [*rows, *_acting(played, told_in_time, stage)]


def stage_of(acted: Sequence[Played], on_progress: OnProgress) -> Stage:
    """Where training people rehearse, as the critic sees those who act in these groups."""
    with phase(on_progress, "training voices"):
        bank = training_voices()
    return Stage(_eyesight_of(acted), bank, on_progress=on_progress)


def _listening(group: Played | None, stage: Stage | None) -> list[Row]:
    if group is None or stage is None:
        return reactions.no_reaction_rows()
    detector = ReactionDetector.rehearsed(stage)
    with phase(stage.on_progress, f"statistics of {Group.LISTENERS}"):
        return reactions.reaction_rows(group.records, group.true_tracks, group.tracks, detector)


def _feeling(group: Played | None, stage: Stage | None) -> list[Row]:
    if group is None or stage is None:
        return unasked(emotions.NAME, s_bar=emotions.S_BAR)
    reader = EmotionReader.rehearsed(stage)
    with phase(stage.on_progress, f"statistics of {Group.EMOTIONS}"):
        return emotions.emotion_rows(group.records, group.true_tracks, group.tracks, reader)


def _acting(played: dict[Group, Played], told_in_time: Played | None, stage: Stage | None) -> list[Row]:
    asked = (
        (played.get(Group.ACTIONS), actions.SINGLE, actions.SINGLE_BAR, actions.single_rows),
        (played.get(Group.HELD_OUT), actions.HELD_OUT, None, actions.held_out_rows),
        (played.get(Group.SEQUENCES), actions.SEQUENCE, actions.SEQUENCE_BAR, actions.sequence_rows),
        (told_in_time, actions.IN_TIME, None, actions.in_time_rows),
    )
    matcher = ActionMatcher.rehearsed(stage) if stage is not None and any(group for group, *_ in asked) else None
    rows: list[Row] = []
    for group, name, bar, rows_of in asked:
        if group is None or matcher is None or stage is None:
            rows += unasked(name, bar=bar)
            continue
        acted = actions.Acted(records=group.records, truth=group.true_tracks, generated=group.tracks)
        with phase(stage.on_progress, f"statistics of {name}"):
            rows += rows_of(acted, matcher)
    return rows


def _eyesight_of(played: Sequence[Played]) -> Eyesight:
    """How the critic sees those who act in some groups."""
    return Eyesight.of(
        [
            (reading.rig_FR, case.true_rig)
            for group in played
            for case, reading in zip(group.cases, group.truth, strict=True)
        ]
    )


def _pictures(cases: Sequence[Case], judges: Judges) -> list[Tensor]:
    return pictures_of([case.identity for case in cases], judges.device)


def _reference_rows(session: Session, cases: Sequence[Case], truth: Sequence[ClipReading]) -> list[Row]:
    shown = {name: session.perform(cases, f"references: {name}", kinds) for name, kinds in reference_gain.STEPS.items()}
    with phase(session.on_progress, f"statistics of {Group.REFERENCES}"):
        embeddings = [
            reference_embedding(session.judges, pictures_JCHW) for pictures_JCHW in _pictures(cases, session.judges)
        ]
    return reference_gain.gain_rows(shown, truth, np.stack(embeddings))
