"""What is left after each stage, in records and in hours, and why the rest is not."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import final

from openlpm.data.dataset import Dataset, read_manifest
from openlpm.data.journal import entries
from openlpm.data.pairing.part import Unit, UnitKind
from openlpm.data.records import Decision, Record
from openlpm.data.registry import names
from openlpm.data.stage import seconds_of


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One stage of the funnel."""

    stage: str
    records: dict[Decision, int]
    seconds: dict[Decision, float]
    reasons: dict[str, tuple[int, float]]
    """How many records and seconds each reason took; a record may have several."""
    cpu_s: float = 0.0
    media_s: float = 0.0
    kinds: dict[UnitKind, float] = field(default_factory=dict[UnitKind, float])
    """Seconds of kept units of each kind; empty before there are units. Where two people are in the picture, seconds of
    each count."""

    @property
    def groups(self) -> dict[str, float]:
        """The same as the paper has them: speaking, conversation and listening, idle."""
        return {
            "speaking": self.kinds.get(UnitKind.SPEAK, 0.0),
            "conversation and listening": self.kinds.get(UnitKind.CONVERSATION, 0.0)
            + self.kinds.get(UnitKind.LISTEN, 0.0),
            "idle": self.kinds.get(UnitKind.IDLE, 0.0),
        }

    @property
    def kept_s(self) -> float:
        """Seconds of video that go on."""
        return self.seconds.get(Decision.KEEP, 0.0)

    @property
    def speed(self) -> float | None:
        """How many times faster than real time one core is; None where nothing was timed."""
        return self.media_s / self.cpu_s if self.cpu_s > 0 else None

    def lines(self) -> list[str]:
        """The step in words."""
        total, kept = sum(self.records.values()), self.records.get(Decision.KEEP, 0)
        whole_s = sum(self.seconds.values())
        speed = "" if self.speed is None else f"; {self.speed:.1f} x real time a core"
        said = [f"{self.stage}: {kept} of {total} records kept, {self.kept_s:.1f} of {whole_s:.1f} s{speed}"]
        if self.kinds:
            said.append("  " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in self.groups.items()))
        for reason, (number, seconds) in sorted(self.reasons.items(), key=lambda each: (-each[1][0], each[0])):
            said.append(f"  {reason}: {number} records, {seconds:.1f} s")
        return said


def count(stage: str, records: Iterable[Record], *, cpu_s: float = 0.0, media_s: float = 0.0) -> Step:
    """The step of a stage from its records."""
    numbers = Counter[Decision]()
    times = Counter[str]()
    amounts: dict[Decision, float] = dict.fromkeys(Decision, 0.0)
    taken: dict[str, float] = {}
    kinds: dict[UnitKind, float] = {}
    for record in records:
        length = seconds_of(record)
        numbers[record.decision] += 1
        amounts[record.decision] += length
        if record.decision is Decision.KEEP and Unit.NAME in record.parts:
            kind = UnitKind(record.parts[Unit.NAME]["kind"])
            kinds[kind] = kinds.get(kind, 0.0) + length
        for reason in record.reasons:
            times[reason] += 1
            taken[reason] = taken.get(reason, 0.0) + length
    return Step(
        stage=stage,
        records=dict(numbers),
        seconds=amounts,
        reasons={reason: (times[reason], taken[reason]) for reason in times},
        cpu_s=cpu_s,
        media_s=media_s,
        kinds=kinds,
    )


def funnel(dataset: Dataset) -> list[Step]:
    """A step for every stage that was run, first to last."""
    held = dataset.stages()
    steps: list[Step] = []
    for name in names():
        if name in held and dataset.manifest(held[name]["folder"]).exists():
            cpu_s = media_s = 0.0
            for entry in entries(dataset.journal(held[name]["folder"])):
                cpu_s, media_s = cpu_s + entry.cpu_s, media_s + entry.media_s
            steps.append(count(name, read_manifest(dataset.current(name)), cpu_s=cpu_s, media_s=media_s))
    return steps
