"""No metric is shown that has not shown that it can fail."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from openlpm.bench.lpm.case import Case
from openlpm.bench.lpm.certificate import POOLED, Certificate, read_certificates
from openlpm.bench.lpm.certifying import Evidence, certify, of_every_kind
from openlpm.bench.lpm.metrics import measure_of
from openlpm.bench.lpm.scoring import Result
from openlpm.bench.lpm.strata import DOMAINS
from openlpm.bench.lpm.summing import lives_of, read_summary, seed_share, summarise, write_summary
from openlpm.core.errors import InputError

pytestmark = pytest.mark.unit

METRIC = "identity_tar"
ORIGIN = {"version": "1", "critics": {"critic": "abc"}}


def case(index: int) -> Case:
    return Case(
        id=f"k{index}", track="S", sub="emotion", domain=DOMAINS[index % 4], dur=8.0, lang="en-us", frame="portrait",
        layer="synthetic", char=f"c{index}", script=f"s{index}", seed_base=index, refs=(), ref_kinds=(),
    )  # fmt: skip


CASES = [case(index) for index in range(16)]


def evidence(**controls: float) -> Evidence:
    """Values of all cases: truth is about 1, controls are as given."""
    values = {"truth": 1.0, **controls}
    return {name: {METRIC: {one.id: value - 0.001 * one.seed_base for one in CASES}} for name, value in values.items()}


def of_identity(found: list[Certificate]) -> Certificate:
    return next(one for one in found if one.metric == METRIC)


def still(value: float) -> dict[str, float]:
    return {control.value: value for control in measure_of(METRIC).still}


def test_a_metric_that_reacts_and_stays_still_is_admitted_in_every_domain() -> None:
    found = of_identity(certify(evidence(swapped_identity=0.0, **still(0.99)), CASES))
    assert all(found.admitted(domain) for domain in (POOLED, *DOMAINS))
    assert found.standings[POOLED].lb_control == "swapped_identity"


def test_a_metric_that_does_not_react_is_not_admitted() -> None:
    found = of_identity(certify(evidence(swapped_identity=1.0, **still(1.0)), CASES))
    assert not found.admitted(POOLED)
    assert "swapped_identity" in found.standings[POOLED].why


def test_a_metric_that_moves_where_it_must_not_is_not_admitted() -> None:
    moves = still(1.0) | {"reencode": 0.8}
    found = of_identity(certify(evidence(swapped_identity=0.0, **moves), CASES))
    assert not found.admitted(POOLED)
    assert found.standings[POOLED].why == "reencode"


def test_a_control_that_was_never_made_is_not_passed() -> None:
    assert not of_identity(certify(evidence(**still(1.0)), CASES)).admitted(POOLED)


def test_what_was_not_made_is_said() -> None:
    kept = {name: value for name, value in still(1.0).items() if name != "reencode"}
    standing = of_identity(certify(evidence(swapped_identity=0.0, **kept), CASES)).standings[POOLED]
    assert standing.admitted
    assert list(standing.unseen) == ["reencode"]


def test_three_cases_are_needed() -> None:
    found = of_identity(certify(evidence(swapped_identity=0.0, **still(1.0)), CASES[:2]))
    assert not found.admitted(POOLED)
    assert "2 cases" in found.standings[POOLED].why


def test_certificates_survive_their_files_and_belong_to_their_judges(tmp_path: Path) -> None:
    for one in certify(evidence(swapped_identity=0.0, **still(1.0)), CASES):
        one.write(tmp_path, ORIGIN)
    found = read_certificates(tmp_path, ORIGIN)
    assert found[METRIC].admitted(POOLED)
    assert json.loads((tmp_path / f"{METRIC}.json").read_text())["controls"][0]["pass"] is True
    with pytest.raises(InputError, match="other judges"):
        read_certificates(tmp_path, {"version": "1", "critics": {"critic": "xyz"}})


def results(metric: str, value: float, *, failed: int = 0) -> list[Result]:
    return [
        Result(
            case=one.id, seed=0, metric=metric, value=0.0 if index < failed else value + 0.01 * index,
            status="fail" if index < failed else "ok", why="missing" if index < failed else "", extractor_sha="",
        )
        for index, one in enumerate(CASES)
    ]  # fmt: skip


def test_what_has_no_certificate_is_withheld_and_what_failed_is_in_the_mean(tmp_path: Path) -> None:
    known = {one.metric: one for one in certify(evidence(swapped_identity=0.0, **still(1.0)), CASES)}
    scored = [*results(METRIC, 0.5, failed=4), *results("motion_error", 0.1)]
    lines, withheld = summarise(scored, CASES, known)
    assert {line.metric for line in lines} == {METRIC}
    assert any("motion_error" in sentence for sentence in withheld)
    pooled = next(line for line in lines if line.domain == POOLED)
    assert pooled.coverage == 0.75
    assert pooled.mean == pytest.approx(sum(0.5 + 0.01 * k for k in range(4, 16)) / 16)
    assert pooled.s is not None
    assert 0.0 < pooled.s < 1.0
    write_summary(tmp_path / "summary.json", lines, withheld, {"system": "x"})
    assert read_summary(tmp_path / "summary.json")["rows"] == lines


def test_lives_are_counted_to_the_end_of_the_clip_and_seeds_share_the_variance() -> None:
    long = [replace(one, dur=300.0) for one in CASES[:4]]
    shares = [0.2, 0.4, 1.0, 1.0]
    scored = [
        Result(case=one.id, seed=0, metric="survival", value=share, status="ok", why="", extractor_sha="")
        for one, share in zip(long, shares, strict=True)
    ]
    found = lives_of(scored, long)
    assert (found.died, found.n, found.median_minutes) == (2, 4, 2.0)
    assert seed_share(scored, "survival") is None
    twice = [replace(one, seed=seed, value=one.value + 0.1 * seed) for one in scored for seed in (0, 1)]
    assert seed_share(twice, "survival") == pytest.approx(0.0025 / np.var([one.value for one in twice]))


def test_a_few_cases_are_of_every_stratum_before_any_is_of_one_twice() -> None:
    kinds = [("T", "ordered", 12.0), ("S", "face", 8.0), ("H", "five_minutes", 300.0), ("S", "emotion", 8.0)]
    cases = [
        replace(CASES[0], id=f"{track}-{sub}-{k}", track=track, sub=sub, dur=dur)
        for track, sub, dur in kinds
        for k in (0, 1)
    ]
    names = [case.id for case in of_every_kind(cases)]
    assert names[:4] == ["S-emotion-0", "S-face-0", "T-ordered-0", "H-five_minutes-0"]
    assert names[4:] == ["S-emotion-1", "S-face-1", "T-ordered-1", "H-five_minutes-1"]
