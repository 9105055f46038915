"""What controls showed of a metric, in which domains it may be shown, and where truth and the worst control lie."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

from openlpm.bench.lpm.strata import DOMAINS
from openlpm.core.errors import InputError

POOLED, STREAMED = "synthetic", "streamed"
"""All four domains together; and the times of streams, which have no look."""
LEAST_AUC, MOST_MOVED, FEWEST = 0.9, 0.1, 3
"""AUC that a control must reach, share of the gap by which another may move a metric, and the cases that it takes."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """One control in one domain."""

    control: str
    domain: str
    must: str
    """``react`` or ``still``."""
    auc: float | None
    """How often the truth is better than the control, where it must react."""
    delta: float | None
    """By how much of the gap the control moves the metric."""
    n: int
    passed: bool


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A metric in one domain."""

    domain: str
    admitted: bool
    why: str
    """Which controls failed; empty if none did."""
    gt: float | None
    """Mean of the truth."""
    lb: float | None
    """Mean of the worst of the controls that must react."""
    lb_control: str
    n: int
    unseen: Sequence[str] = ()
    """Controls that must not move it and were not made here: nobody knows."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Certificate:
    """Of one metric."""

    metric: str
    dimension: str
    primary: bool
    shown: Sequence[Shown]
    standings: Mapping[str, Standing]

    def admitted(self, domain: str) -> bool:
        """Whether it may be shown there."""
        standing = self.standings.get(domain)
        return standing is not None and standing.admitted

    def write(self, folder: Path, origin: Mapping[str, Any]) -> None:
        """As ``<metric>.json``; ``origin`` says of which benchmark and judges."""
        content = {**origin, "metric": self.metric, "dimension": self.dimension, "primary": self.primary}
        content["domains"] = [asdict(one) for one in self.standings.values()]
        content["controls"] = [{**asdict(one), "pass": one.passed} for one in self.shown]
        text = json.dumps(content, indent=2, allow_nan=False) + "\n"
        (folder / f"{self.metric}.json").write_text(text, encoding="utf-8")


def read_certificates(folder: Path, origin: Mapping[str, Any]) -> dict[str, Certificate]:
    """All certificates of a folder by metric; none where there are none.

    Raises:
        InputError: one is damaged, or belongs to other judges or another version.
    """
    found: dict[str, Certificate] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            known = {key: content[key] for key in origin}
            shown = [Shown(**{key: one[key] for key in Shown.__dataclass_fields__}) for one in content["controls"]]
            standings = {one["domain"]: Standing(**one) for one in content["domains"]}
            certificate = Certificate(
                metric=content["metric"],
                dimension=content["dimension"],
                primary=content["primary"],
                shown=shown,
                standings=standings,
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path} is no certificate: make it again with `openlpm bench certify`") from error
        if known != dict(origin):
            raise InputError(f"{path} was given for other judges or another version: run `openlpm bench certify` again")
        found[certificate.metric] = certificate
    return found


def all_domains() -> tuple[str, ...]:
    """Pooled first."""
    return (POOLED, *DOMAINS)
