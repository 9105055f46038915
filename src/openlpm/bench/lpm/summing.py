"""From results to a summary: a vector of metrics with intervals, each beside its truth and its worst control."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from openlpm.bench.lpm.case import HUMAN, RECORDED, Case
from openlpm.bench.lpm.certificate import POOLED, STREAMED, Certificate, all_domains
from openlpm.bench.lpm.comparing import Unit, mean_interval, median_survival
from openlpm.bench.lpm.measures import NAMES, Dimension, Measure
from openlpm.bench.lpm.metrics import MEASURES
from openlpm.bench.lpm.scoring import OK, Result, by_case
from openlpm.core.errors import InputError

TOGETHER = (POOLED, STREAMED, HUMAN, RECORDED)
"""Domains that are no part of another."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One metric of an entry in one domain."""

    dim: str
    metric: str
    primary: bool
    domain: str
    mean: float
    lo: float | None
    hi: float | None
    n: int
    coverage: float
    """Share of videos that could be judged; the others are in the mean with the worst value."""
    gt: float | None
    lb: float | None
    s: float | None
    """1 as good as the truth, 0 as bad as the worst control."""
    seed_share: float | None
    """Share of the variance that is between seeds of a case; None with one seed."""
    unit: str = ""


def units_of(cases: Sequence[Case]) -> list[Unit]:
    """Cases with their clusters."""
    return [Unit(case=case.id, char=case.char, script=case.script) for case in cases]


def domain_of(case: Case, measure: Measure) -> str:
    """Where a case counts: its look if it is of the cast, its layer if it is not."""
    if measure.dimension is Dimension.SYSTEM:
        return STREAMED
    return case.layer if case.layer in (HUMAN, RECORDED) else case.domain


def summarise(
    results: Sequence[Result], cases: Sequence[Case], certificates: Mapping[str, Certificate]
) -> tuple[list[Line], list[str]]:
    """Lines of what is admitted, and a sentence for everything that is withheld."""
    lines: list[Line] = []
    withheld: list[str] = []
    for measure in MEASURES:
        values = by_case(results, measure.name)
        certificate = certificates.get(measure.name)
        if not values:
            continue
        if certificate is None:
            withheld.append(f"{measure.dimension} {measure.name}: it has no certificate")
            continue
        before = len(lines)
        for domain in _domains(measure):
            if certificate.admitted(domain) or (domain == HUMAN and certificate.admitted(POOLED)):
                lines += _line(measure, domain, values, results, cases, certificate)
        if len(lines) == before:
            standing = next(iter(certificate.standings.values()))
            withheld.append(f"{measure.dimension} {measure.name}: not admitted ({standing.why})")
    return lines, withheld


def _domains(measure: Measure) -> tuple[str, ...]:
    return (STREAMED,) if measure.dimension is Dimension.SYSTEM else (*all_domains(), HUMAN)


def _line(
    measure: Measure,
    domain: str,
    values: Mapping[str, float],
    results: Sequence[Result],
    cases: Sequence[Case],
    certificate: Certificate,
) -> list[Line]:
    kept = [case for case in cases if case.id in values and _counts(domain_of(case, measure), domain)]
    if not kept:
        return []
    found = mean_interval(np.array([values[case.id] for case in kept]), units_of(kept))
    ids = {case.id for case in kept}
    status = [result.status for result in results if result.metric == measure.name and result.case in ids]
    standing = certificate.standings.get(domain)
    gt, lb = (standing.gt, standing.lb) if standing else (None, None)
    return [
        Line(
            dim=measure.dimension.value,
            metric=measure.name,
            primary=measure.primary,
            domain=domain,
            mean=found.mean,
            lo=found.low,
            hi=found.high,
            n=found.n,
            coverage=status.count(OK) / len(status),
            gt=gt,
            lb=lb,
            s=_relative(found.mean, gt, lb),
            seed_share=seed_share([one for one in results if one.case in ids], measure.name),
            unit=measure.unit,
        )
    ]


def _counts(of_case: str, domain: str) -> bool:
    return of_case == domain or (domain == POOLED and of_case not in (HUMAN, RECORDED, STREAMED))


def _relative(mean: float, gt: float | None, lb: float | None) -> float | None:
    if gt is None or lb is None or gt == lb:
        return None
    return float(np.clip(1.0 - abs(mean - gt) / abs(gt - lb), 0.0, 1.0))


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Lives:
    """How long characters of the long cases lived."""

    median_minutes: float | None
    """Of the Kaplan-Meier curve; None where more than half were alive at the end."""
    died: int
    n: int


def lives_of(results: Sequence[Result], cases: Sequence[Case]) -> Lives:
    """From the metric ``survival``: a clip that was alive at its end was not watched any longer."""
    shares = by_case(results, "survival")
    lived = [(shares[case.id] * case.dur / 60, shares[case.id] < 1.0) for case in cases if case.id in shares]
    minutes, died = [one for one, _ in lived], [dead for _, dead in lived]
    return Lives(median_minutes=median_survival(minutes, died), died=sum(died), n=len(lived))


def seed_share(results: Sequence[Result], metric: str) -> float | None:
    """Share of all variance that lies between seeds of one case; None with one seed."""
    groups: dict[str, list[float]] = {}
    for result in results:
        if result.metric == metric:
            groups.setdefault(result.case, []).append(result.value)
    every = np.array([value for values in groups.values() for value in values])
    if not groups or min(len(values) for values in groups.values()) < 2 or every.var() == 0:
        return None
    within = np.mean([np.var(values) for values in groups.values()])
    return float(within / every.var())


def write_summary(path: Path, lines: Sequence[Line], withheld: Sequence[str], about: Mapping[str, Any]) -> None:
    """``summary.json``."""
    content = {**about, "dimensions": {str(dim): name for dim, name in NAMES.items()}}
    content |= {"rows": [asdict(line) for line in lines], "withheld": list(withheld)}
    path.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_summary(path: Path) -> dict[str, Any]:
    """What ``write_summary`` wrote; ``rows`` are ``Line``s.

    Raises:
        InputError: it is missing or damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return content | {"rows": [Line(**row) for row in content["rows"]]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no summary: make it with `openlpm bench score`") from error
