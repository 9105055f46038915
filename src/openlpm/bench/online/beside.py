"""Online beside Base: the same cases, the same truth, the same judges; every number of Base's with Base's own bar."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

from openlpm.bench import actions, metrics, reactions
from openlpm.bench.action_match import ActionMatcher
from openlpm.bench.base import read_performances
from openlpm.bench.cases import CaseConfig, build_cases
from openlpm.bench.changes import ChangeMeter, Changes
from openlpm.bench.controls import frozen
from openlpm.bench.evidence import Evidence
from openlpm.bench.groups import Group, case_config, style_of
from openlpm.bench.online.performer import Column
from openlpm.bench.online.transitions import transition_rows
from openlpm.bench.performer import Performer
from openlpm.bench.progress import OnProgress, phase, renamed, unheard, within
from openlpm.bench.reaction_detector import ReactionDetector
from openlpm.bench.reading import ClipReading, Judges
from openlpm.bench.result import Bar, Row
from openlpm.bench.rows import identity_rows, jaw_rows, motion_rows, quiet_rows
from openlpm.bench.scoring import unasked
from openlpm.bench.setting import set_up
from openlpm.bench.wide import Played, Session, stage_of
from openlpm.core.rig import State

BASE = "base"
"""Who is measured beside the columns of Online."""
COMPARED = (
    "jaw_correlation",
    "false_mouth_rate",
    "identity_tar_at_far1",
    actions.SINGLE,
    reactions.F1,
    f"{reactions.F1}/s",
    "motion_ratio",
)
"""The rows that are printed for everybody; Online's own have their truth and controls beside them."""
LISTENING, LISTENING_BAR = "listen_motion_ratio", Bar(at_least=0.85, at_most=1.15)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class BesideConfig:
    """How much is compared."""

    cases: CaseConfig
    strangers: int
    batch: int
    group_clips: Mapping[Group, int]
    """Clips of ``Group.ACTIONS`` and ``Group.LISTENERS``; a group that is missing leaves its rows empty."""


def measure_beside(
    online: Mapping[Column, Performer],
    base: Performer,
    judges: Judges,
    config: BesideConfig,
    *,
    on_progress: OnProgress = unheard,
) -> list[Row]:
    """The rows of ``COMPARED`` for all columns and for Base, listening motion, and jumps where states change.

    Raises:
        ConfigError: the extra ``[tts]`` (espeak-ng) is not installed.
    """
    players: dict[str, Performer] = {BASE: base} | {column.value: performer for column, performer in online.items()}
    cases = build_cases(config.cases, on_progress=on_progress)
    setting = set_up(
        judges,
        cases,
        config.cases,
        strangers=config.strangers,
        codec_of=lambda: next(iter(online.values())).codec,
        on_progress=on_progress,
    )
    evidence: dict[str, Evidence] = {}
    changes: dict[str, list[Changes]] = {}
    for name, performer in players.items():
        meters = [ChangeMeter() for _ in cases]
        readings = read_performances(
            performer,
            judges,
            setting.parts(),
            config.batch,
            renamed(on_progress, f"{name}: cases"),
            lambda index, frames_FCHW, meters=meters: meters[index].add(frames_FCHW),
        )
        evidence[name] = setting.evidence(readings)
        changes[name] = [meter.changes() for meter in meters]
    with phase(on_progress, "statistics"):
        single = {
            name: [*jaw_rows(each), *quiet_rows(each), *identity_rows(each), *motion_rows(each)]
            for name, each in evidence.items()
        }
    grouped = _group_rows(players, judges, config, on_progress)
    rows = side_by_side({name: [*single[name], *grouped[name]] for name in players}, next(iter(online)))
    for column in online:
        rows += listening_rows(evidence[column.value], evidence[BASE], column.suffix)
        rows += transition_rows(setting, changes[column.value], judges.device, column.suffix)
    return rows


def side_by_side(tables: Mapping[str, Sequence[Row]], first: Column) -> list[Row]:
    """One table out of one for each performer: all rows of the column ``first``, and after each those of the others.

    Only the rows of ``COMPARED`` have others beside them; their names end with who it is.
    """
    others = [name for name in tables if name != first.value]
    found: list[Row] = []
    for row in tables[first.value]:
        found.append(replace(row, name=row.name + first.suffix))
        if row.name in COMPARED:
            for other in others:
                theirs = next((each for each in tables[other] if each.name == row.name), None)
                found += [] if theirs is None else [replace(theirs, name=f"{row.name}/{other}")]
    return found


def listening_rows(online: Evidence, base: Evidence, suffix: str = "") -> list[Row]:
    """How much Online moves its head while it listens, over Base on the same clips; Base frozen is the control."""
    masks = [record.state_F == State.LISTEN for record in online.records]

    def energies(readings: Sequence[ClipReading]) -> list[tuple[float, int]]:
        return [metrics.head_energy(each.rig_FR, mask) for each, mask in zip(readings, masks, strict=True)]

    name, of_base = f"{LISTENING}{suffix}", energies(base.generated)
    return [
        Row.of(name, metrics.energy_ratio(energies(online.generated), of_base), bar=LISTENING_BAR),
        Row.of(f"{name}/frozen", metrics.energy_ratio(energies(frozen(online.generated)), of_base)),
        Row.of(f"{name}/base_over_truth", metrics.energy_ratio(of_base, energies(base.truth_readings))),
    ]


def _group_rows(
    players: Mapping[str, Performer], judges: Judges, config: BesideConfig, on_progress: OnProgress
) -> dict[str, list[Row]]:
    """Actions and reactions of everybody, by detectors that know nothing of who performs."""
    played: dict[str, dict[Group, Played]] = {name: {} for name in players}
    for group, count in config.group_clips.items():
        cases = build_cases(
            case_config(group, count, config.cases.split), style_of(group), on_progress=within(on_progress, group)
        )
        truth: list[ClipReading] | None = None
        for name, performer in players.items():
            session = Session(performer=performer, judges=judges, batch=config.batch, on_progress=on_progress)
            truth = truth or session.truth(cases, f"{group}: truth")
            generated = session.perform(cases, f"{name}: {group}")
            played[name][group] = Played(cases=cases, truth=truth, generated=generated)
    anybody = next(iter(played.values()))
    stage = stage_of(list(anybody.values()), on_progress) if anybody else None
    matcher = ActionMatcher.rehearsed(stage) if stage and Group.ACTIONS in anybody else None
    detector = ReactionDetector.rehearsed(stage) if stage and Group.LISTENERS in anybody else None
    with phase(on_progress, "statistics of groups"):
        return {
            name: [*_acting(groups.get(Group.ACTIONS), matcher), *_reacting(groups.get(Group.LISTENERS), detector)]
            for name, groups in played.items()
        }


def _acting(group: Played | None, matcher: ActionMatcher | None) -> list[Row]:
    if group is None or matcher is None:
        return unasked(actions.SINGLE, bar=actions.SINGLE_BAR)
    acted = actions.Acted(records=group.records, truth=group.true_tracks, generated=group.tracks)
    return actions.single_rows(acted, matcher)


def _reacting(group: Played | None, detector: ReactionDetector | None) -> list[Row]:
    if group is None or detector is None:
        return reactions.no_reaction_rows()
    return reactions.reaction_rows(group.records, group.true_tracks, group.tracks, detector)
