"""Which measurement makes which rows, so that only what is asked for is measured."""

from collections.abc import Sequence
from enum import StrEnum

from openlpm.bench.online.drift import ASPECTS
from openlpm.bench.result import Row
from openlpm.core.errors import InputError


class Section(StrEnum):
    """A measurement with rows of its own."""

    SPEED = "speed"
    HOUR = "hour"
    REACTION = "reaction"
    BESIDE = "beside"
    STREAMS = "streams"
    CAPACITY = "capacity"


JUDGED = (Section.BESIDE, Section.STREAMS, Section.REACTION)
"""What a critic has to read; the others take nothing but time."""

FAMILIES: dict[Section, tuple[str, ...]] = {
    Section.SPEED: ("fps_cpu_2_cores", "nfe"),
    Section.HOUR: ("cost_ratio_minute60", "memory_slope_mib_per_h"),
    Section.BESIDE: (
        "jaw_correlation",
        "false_mouth_rate",
        "identity_tar_at_far1",
        "text_action_success",
        "reaction_event_f1",
        "reaction_contrast_auc",
        "motion_ratio",
        "listen_motion_ratio",
        "transition_jump",
    ),
    Section.STREAMS: (
        *(f"{aspect}_slope_per_min" for aspect in ASPECTS),
        "survival_",
        *(f"{aspect}_score" for aspect in ASPECTS),
        "cost_ratio_streams",
    ),
    Section.REACTION: ("reaction_s",),
    Section.CAPACITY: ("streams_24fps",),
}
"""How the names of a section's rows begin, in the order in which they are printed."""


def sections_of(asked: Sequence[str]) -> tuple[Section, ...]:
    """The sections that hold rows whose names begin with what is asked for; without it, all.

    The name of a section stands for all of its rows.

    Raises:
        InputError: no row is called so.
    """
    if not asked:
        return tuple(FAMILIES)
    for name in asked:
        if not any(_holds(section, name) for section in FAMILIES):
            known = ", ".join([*FAMILIES, *(family for families in FAMILIES.values() for family in families)])
            raise InputError(f"--rows: no row is called {name}; choose from {known}")
    return tuple(section for section in FAMILIES if any(_holds(section, name) for name in asked))


def kept(rows: Sequence[Row], asked: Sequence[str]) -> list[Row]:
    """The rows that are asked for; without it, all."""
    whole = [family for name in asked if name in FAMILIES for family in FAMILIES[Section(name)]]
    begins = (*(name for name in asked if name not in FAMILIES), *whole)
    return [row for row in rows if not asked or row.name.startswith(begins)]


def _holds(section: Section, name: str) -> bool:
    if name in FAMILIES:
        return name == section
    return any(name.startswith(family) or family.startswith(name) for family in FAMILIES[section])
