"""What is seen of a benchmark while it works, where nobody watches a screen."""

from collections.abc import Callable

import pytest

from openlpm.bench.progress import Count, phase, renamed, within
from openlpm.cli import bench_output
from openlpm.cli.bench_output import Lines, stages

pytestmark = pytest.mark.unit


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def lines(clock: Clock, said: list[str]) -> Lines:
    return Lines(said.append, clock)


def test_a_stage_says_that_it_begins_and_how_long_it_took(lines: Lines, clock: Clock, said: list[str]) -> None:
    lines("voices", 0, 128)
    assert said == ["voices 0/128 ..."]
    clock.now += 12.34
    lines("voices", 128, 128)
    assert said[1:] == ["voices 128/128 in 12.3 s"]


def test_a_long_stage_says_something_every_fifteen_seconds_and_no_more(
    lines: Lines, clock: Clock, said: list[str]
) -> None:
    for done in range(100):
        lines("generated", done, 100)
        clock.now += 1.0
    lines("generated", 100, 100)
    assert said[1:3] == ["generated 15/100 after 15.0 s", "generated 30/100 after 30.0 s"]
    assert len(said) == 8
    assert said[-1] == "generated 100/100 in 100.0 s"


def test_stages_side_by_side_are_timed_apart_and_one_may_come_again(
    lines: Lines, clock: Clock, said: list[str]
) -> None:
    lines("a", 0, 2)
    clock.now += 1.0
    lines("b", 0, 1)
    clock.now += 1.0
    lines("b", 1, 1)
    lines("a", 2, 2)
    lines("a", 0, 2)
    clock.now += 3.0
    lines("a", 2, 2)
    assert said == ["a 0/2 ...", "b 0/1 ...", "b 1/1 in 1.0 s", "a 2/2 in 2.0 s", "a 0/2 ...", "a 2/2 in 3.0 s"]


def test_stages_are_lines_on_stderr_where_it_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with stages() as report:
        report("traps: [truth]", 0, 4)
        begun = capsys.readouterr()
        report("traps: [truth]", 4, 4)
    ended = capsys.readouterr()
    assert begun.err == "traps: [truth] 0/4 ...\n"
    assert ended.err == "traps: [truth] 4/4 in 0.0 s\n"
    assert begun.out + ended.out == ""


def test_stages_are_bars_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    screen = bench_output.console()
    monkeypatch.setattr(screen, "_force_terminal", True)
    monkeypatch.setattr(bench_output, "console", lambda: screen)
    with stages() as report:
        report("truth", 4, 4)
    assert "━" in capsys.readouterr().err


Told = list[tuple[str, int, int]]


@pytest.fixture
def told() -> Told:
    return []


@pytest.fixture
def tell(told: Told) -> Callable[[str, int, int], None]:
    return lambda what, done, total: told.append((what, done, total))


def test_a_phase_ends_where_its_block_does_and_not_before(told: Told, tell: Callable[[str, int, int], None]) -> None:
    with phase(within(tell, "traps"), "voices", 3) as report:
        report(2)
        report(3)
        assert all(done < total for _, done, total in told)
    assert told == [("traps: voices", done, 3) for done in (0, 2, 2, 3)]


def test_a_phase_that_fails_is_not_done(told: Told, tell: Callable[[str, int, int], None]) -> None:
    with pytest.raises(ValueError, match="broken"), phase(renamed(tell, "cases"), "voices"):
        raise ValueError("broken")
    assert told == [("cases", 0, 1)]


def test_a_count_tells_that_it_begins(told: Told, tell: Callable[[str, int, int], None]) -> None:
    count = Count(4, lambda done, total: tell("truth", done, total))
    count.add(3)
    assert told == [("truth", 0, 4), ("truth", 3, 4)]
