"""``openlpm bench certify``: every control of every case, and which metrics have shown that they can fail."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from openlpm.bench.lpm import streaming
from openlpm.bench.lpm.case import Case
from openlpm.bench.lpm.certificate import (
    FEWEST,
    LEAST_AUC,
    MOST_MOVED,
    STREAMED,
    Certificate,
    Shown,
    Standing,
    all_domains,
)
from openlpm.bench.lpm.comparing import area_under_curve
from openlpm.bench.lpm.controls import MAKERS, Other
from openlpm.bench.lpm.folder import VERSION, Bench
from openlpm.bench.lpm.measures import Control, Dimension, Measure
from openlpm.bench.lpm.metrics import MEASURES, values_of
from openlpm.bench.lpm.showing import DRAWN_VIEWS, TRUTH, Showing, keep_views, load_views
from openlpm.bench.lpm.tasks import Tasks
from openlpm.bench.lpm.view import LONGEST_WHOLE, View
from openlpm.bench.lpm.yardstick import Sighted, Yardstick
from openlpm.bench.metrics import quiet
from openlpm.bench.progress import OnProgress, phase, unheard
from openlpm.bench.reading import Judges
from openlpm.core.errors import InputError
from openlpm.core.seeds import generator
from openlpm.core.units import FRAME_RATE_HZ

VIEWS, YARDSTICK = "views", "yardstick.npz"
_OTHERS = 4

Evidence = dict[str, dict[str, dict[str, float]]]
"""Values by control (``truth`` is one), metric and case."""


def origin_of(judges: Judges) -> dict[str, Any]:
    """What certificates belong to."""
    return {"version": VERSION, "critics": dict(judges.hashes)}


def show(
    showing: Showing,
    cases: Sequence[Case],
    folder: Path,
    on_progress: OnProgress = unheard,
    *,
    reencoded: int | None = None,
) -> dict[str, Mapping[str, View]]:
    """The views of all cases, kept in ``folder`` and made where they are not there.

    ``reencoded`` is of how many cases the re-encoding is made (it alone needs an encoder, and to draw what another
    machine may already have seen); None: of all.
    """
    found: dict[str, Mapping[str, View]] = {}
    coded = {case.id for case in of_every_kind(cases)[:reencoded]}
    with phase(on_progress, "truth and controls in pictures", len(cases)) as report:
        for done, case in enumerate(cases, start=1):
            views = load_views(folder, case)
            wanted = [
                name for name in DRAWN_VIEWS if name not in views and (name != Control.REENCODE or case.id in coded)
            ]
            if wanted:
                made = showing.views(case, wanted, views)
                keep_views(folder, case, made)
                views |= made
            found[case.id] = views
            report(done)
    return found


def in_turn(cases: Sequence[Case]) -> list[Case]:
    """A case of every track in turn, of each track all domains in turn, short ones first.

    So that a part of a benchmark is a part of everything; those that are seen in excerpts come last.
    """
    turns: dict[tuple[str, str], int] = {}
    order: list[tuple[int, Case]] = []
    for case in sorted(cases, key=lambda case: (case.num_frames, case.id)):
        turns[case.track, case.domain] = turns.get((case.track, case.domain), -1) + 1
        order.append((turns[case.track, case.domain], case))
    of_track: dict[str, int] = {}
    numbered: list[tuple[bool, int, Case]] = []
    for _, case in sorted(order, key=lambda one: one[0]):
        of_track[case.track] = of_track.get(case.track, -1) + 1
        numbered.append((case.num_frames > LONGEST_WHOLE, of_track[case.track], case))
    return [case for _, _, case in sorted(numbered, key=lambda one: one[:2])]


def of_every_kind(cases: Sequence[Case]) -> list[Case]:
    """A case of every stratum in turn, short ones first: few of them are asked of every metric."""
    turns: dict[tuple[str, str], int] = {}
    order: list[tuple[int, int, str]] = []
    for case in sorted(cases, key=lambda case: (case.num_frames, case.id)):
        turns[case.track, case.sub] = turns.get((case.track, case.sub), -1) + 1
        order.append((turns[case.track, case.sub], case.num_frames, case.id))
    known = {case.id: case for case in cases}
    return [known[name] for _, _, name in sorted(order)]


def yardstick_of(
    bench: Bench,
    cases: Sequence[Case],
    views: Mapping[str, Mapping[str, View]],
    embedding: Callable[[Case], Any],
    on_progress: OnProgress = unheard,
) -> Yardstick:
    """Thresholds and detectors, from how the truth of these cases is seen."""
    seen: list[Sighted] = []
    references: dict[str, Any] = {}
    for case in cases:
        view, record = views[case.id][TRUTH], bench.record(case)
        assert record.truth is not None
        references[case.char] = embedding(case)
        seen.append(
            Sighted(
                read_FR=view.reading.rig_FR,
                true_FR=record.truth.rig_FR[view.frame_F],
                quiet_F=quiet(record.state_F)[view.frame_F] & _within(view),
                identity_FD=view.reading.identity_FD,
                character=case.char,
                looks_WX=view.pictures.looks_WX,
            )
        )
    return Yardstick.made(seen, references, on_progress)


def _within(view: View) -> NDArray[np.bool_]:
    """Frames whose neighbours are those of the clip: at the ends of an excerpt nothing is known of movement."""
    inside_F = np.ones(view.frame_F.size, np.bool_)
    for span in view.excerpts:
        inside_F[[span.start, span.stop - 1]] = False
    return inside_F


def gather(
    tasks: Tasks,
    cases: Sequence[Case],
    views: Mapping[str, Mapping[str, View]],
    on_progress: OnProgress = unheard,
) -> Evidence:
    """Every metric of every control of every case."""
    evidence: Evidence = {}
    known = {case.id: tasks.task(case) for case in cases}
    with phase(on_progress, "controls", len(cases)) as report:
        for done, case in enumerate(cases, start=1):
            task, truth = known[case.id], views[case.id][TRUTH]
            made: dict[str, View | None] = dict(views[case.id])
            others = [Other(task=known[other.id], view=views[other.id][TRUTH]) for other in _others(case, cases)]
            for control, make in MAKERS.items():
                made[control] = make(task, truth, others)
            for name, view in made.items():
                if view is not None:
                    for metric, value in values_of(task, view).items():
                        evidence.setdefault(name, {}).setdefault(metric, {})[case.id] = value
            report(done)
    for name, moments in (("truth", _stream), (Control.STALL.value, _stalled)):
        for case in cases:
            for metric, value in streaming.score(moments(case), case.num_frames).items():
                evidence.setdefault(name, {}).setdefault(metric, {})[case.id] = value
    return evidence


def _others(case: Case, cases: Sequence[Case]) -> list[Case]:
    """Cases from which a control may take something: as long, of another script and character; of all tracks."""
    place = [each.id for each in cases].index(case.id)
    turned = [*cases[place + 1 :], *cases[:place]]
    able = [
        other
        for other in turned
        if other.num_frames == case.num_frames and other.script != case.script and other.char != case.char
    ]
    return sorted(able, key=lambda other: other.track != case.track)


def _stream(case: Case) -> list[streaming.Moment]:
    """A stream as it should be: a quarter of a second behind, every frame a little early."""
    enters = streaming.Moment(i=streaming.ENTERS, t_in_audio=-1.0, t_ready=-0.8, t_present=-0.75)
    return [
        enters,
        *(
            streaming.Moment(
                i=i, t_in_audio=i / FRAME_RATE_HZ, t_ready=i / FRAME_RATE_HZ + 0.2, t_present=i / FRAME_RATE_HZ + 0.25
            )
            for i in range(case.num_frames)
        ),
    ]


def _stalled(case: Case) -> list[streaming.Moment]:
    """One frame in a hundred is lost, and a tenth comes 200 ms late, the first ones."""
    rng = generator("lpm", "stall", case.id)
    late = case.num_frames / 10
    found = [replace(one, t_ready=one.t_ready + 0.2) if one.i < late else one for one in _stream(case)]
    lost = set(rng.choice(case.num_frames, size=max(case.num_frames // 100, 1), replace=False).tolist())
    return [replace(one, dropped=one.i in lost) for one in found]


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class _Ground:
    """A metric in a domain: its cases, the truth's values and the size of its gap."""

    measure: Measure
    domain: str
    cases: Sequence[str]
    evidence: Evidence

    def values(self, control: str) -> dict[str, float]:
        known = self.evidence.get(control, {}).get(self.measure.name, {})
        return {case: known[case] for case in self.cases if case in known}

    def mean(self, control: str) -> float | None:
        """Of a control; None where it does not apply."""
        values = self.values(control)
        return float(np.mean(list(values.values()))) if values else None


def certify(evidence: Evidence, cases: Sequence[Case]) -> list[Certificate]:
    """A certificate for every metric."""
    found: list[Certificate] = []
    for measure in MEASURES:
        shown: list[Shown] = []
        standings: dict[str, Standing] = {}
        domains = (STREAMED,) if measure.dimension is Dimension.SYSTEM else all_domains()
        for domain in domains:
            ids = [case.id for case in cases if case.domain == domain or domain in (domains[0], STREAMED)]
            ground = _Ground(measure=measure, domain=domain, cases=ids, evidence=evidence)
            here, standings[domain] = _judged(ground)
            shown += here
        found.append(
            Certificate(
                metric=measure.name,
                dimension=measure.dimension.value,
                primary=measure.primary,
                shown=shown,
                standings=standings,
            )
        )
    return found


def _judged(ground: _Ground) -> tuple[list[Shown], Standing]:
    measure = ground.measure
    truth = ground.values("truth")
    gt = ground.mean("truth")
    sign = 1.0 if measure.higher_is_better else -1.0
    means = {control: mean for control in measure.reacts if (mean := ground.mean(control)) is not None}
    worst = min(means, key=lambda control: sign * means[control], default=None)
    shown = [_reacts(ground, control) for control in measure.reacts]
    if gt is not None and worst is not None:
        gap = abs(gt - means[worst])
        shown += [_stays(ground, control, gap) for control in measure.still if ground.values(control)]
    failed = [one.control for one in shown if not one.passed]
    why = f"{len(truth)} cases, {FEWEST} are needed" if len(truth) < FEWEST else ", ".join(failed)
    standing = Standing(
        domain=ground.domain,
        admitted=not failed and len(truth) >= FEWEST,
        why=why,
        gt=gt,
        lb=None if worst is None else means[worst],
        lb_control="" if worst is None else worst.value,
        n=len(truth),
        unseen=[control.value for control in measure.still if not ground.values(control)],
    )
    return shown, standing


def _reacts(ground: _Ground, control: Control) -> Shown:
    """Over the cases that have both; a control that was never made is not passed."""
    sign = 1.0 if ground.measure.higher_is_better else -1.0
    made, truth = ground.values(control), ground.values("truth")
    both = [case for case in made if case in truth]
    auc = area_under_curve(
        sign * np.array([truth[case] for case in both]), sign * np.array([made[case] for case in both])
    )
    return Shown(
        control=control.value,
        domain=ground.domain,
        must="react",
        auc=auc if both else None,
        delta=None,
        n=len(both),
        passed=bool(both) and auc >= LEAST_AUC,
    )


def _stays(ground: _Ground, control: Control, gap: float) -> Shown:
    made, truth = ground.values(control), ground.values("truth")
    both = [case for case in made if case in truth]
    moved = float(np.mean([made[case] - truth[case] for case in both]))
    delta = abs(moved) / gap if gap > 0 else float(moved != 0.0)
    return Shown(
        control=control.value,
        domain=ground.domain,
        must="still",
        auc=None,
        delta=delta,
        n=len(both),
        passed=delta < MOST_MOVED,
    )


def check_truth(cases: Sequence[Case]) -> list[Case]:
    """The cases that controls can be made of.

    Raises:
        InputError: there are none.
    """
    found = [case for case in cases if case.has_truth]
    if not found:
        raise InputError("no case has a truth: certify the synthetic cases of `openlpm bench make`")
    return found
