"""What a check says, and how one is run."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import final

from openlpm.core.errors import ConfigError


class Verdict(StrEnum):
    """How something is."""

    OK = "ok"
    WEAK = "works less well"
    MISSING = "missing"
    LEFT_OUT = "left out"
    """It was not looked at: ``--quick`` was given."""


class Need(StrEnum):
    """What a check is about; the doctor's exit code is that of ``GENERATE`` alone."""

    GENERATE = "generate"
    SERVE = "serve"
    TRAIN = "train"
    DATA = "data"
    BENCH = "bench"


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What was found, and what to do about it: a line each, without values of environment variables."""

    verdict: Verdict
    found: str
    todo: str = ""

    def __post_init__(self) -> None:
        if self.verdict in {Verdict.WEAK, Verdict.MISSING} and not self.todo:
            raise ConfigError(f"todo={self.todo!r}: a finding that is not ok says what to do about it")
        if "\n" in self.found + self.todo:
            raise ConfigError(f"found={self.found!r}, todo={self.todo!r}: give one line each")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """Something to look at."""

    name: str
    need: Need
    look: Callable[[], Finding]
    takes_long: bool = False
    """More than two seconds: ``--quick`` leaves it out."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """A check that was run."""

    check: Check
    finding: Finding
    seconds: float


def run_check(check: Check, *, quick: bool = False) -> Looked:
    """Look; whatever goes wrong in a check is a finding, so that the others are made too."""
    if quick and check.takes_long:
        left_out = Finding(verdict=Verdict.LEFT_OUT, found="takes more than two seconds")
        return Looked(check=check, finding=left_out, seconds=0.0)
    started_s = time.perf_counter()
    try:
        finding = check.look()
    except ImportError as error:
        todo = "install it again with all that it needs: pip install --force-reinstall openlpm"
        finding = missing(one_line(f"{error.name or error} cannot be imported"), todo)
    except Exception as error:  # noqa: BLE001 (the boundary of one check)
        finding = Finding(
            verdict=Verdict.MISSING,
            found=one_line(f"the check itself failed: {type(error).__name__}: {error}"),
            todo="please report this with the line above",
        )
    return Looked(check=check, finding=finding, seconds=time.perf_counter() - started_s)


def ok(found: str) -> Finding:
    """It is as it should be."""
    return Finding(verdict=Verdict.OK, found=found)


def weak(found: str, todo: str) -> Finding:
    """It works less well than it could."""
    return Finding(verdict=Verdict.WEAK, found=found, todo=todo)


def missing(found: str, todo: str) -> Finding:
    """What needs it does not work."""
    return Finding(verdict=Verdict.MISSING, found=found, todo=todo)


def one_line(text: str) -> str:
    """The text of an error of another library, without its line breaks."""
    return " ".join(text.split())
