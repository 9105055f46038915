"""Work that forked processes share out."""

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import FrameType

import pytest

from openlpm.core.errors import InputError
from openlpm.training.forked import in_order

pytestmark = pytest.mark.unit

_here: list[int] = []


@pytest.fixture
def _handled() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    yield
    signal.signal(signal.SIGTERM, before)


def squared(number: int) -> int:
    time.sleep(0.02 * (3 - number % 3))
    return number**2 + sum(_here)


def watched(folder: Path, number: int) -> int:
    """Whoever sends this process a signal leaves a trace."""

    def told(_number: int, _frame: FrameType | None) -> None:
        (folder / str(os.getpid())).touch()
        os._exit(1)

    signal.signal(signal.SIGTERM, told)
    return number


def ended(number: int) -> int:
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def answer_to_ending(_number: int) -> bool:
    return signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def begun(folder: Path, number: int) -> int:
    (folder / str(number)).touch()
    time.sleep(0.05)
    return number


def test_results_come_in_order_from_processes_that_inherit() -> None:
    _here.append(100)
    try:
        assert list(in_order(squared, range(7), 3)) == [number**2 + 100 for number in range(7)]
    finally:
        _here.clear()
    assert list(in_order(squared, [], 3)) == []


def test_nobody_is_sent_a_signal_when_all_is_done(tmp_path: Path) -> None:
    assert list(in_order(partial(watched, tmp_path), range(6), 2)) == list(range(6))
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("_handled")
def test_a_process_does_not_inherit_how_the_parent_is_ended() -> None:
    assert list(in_order(answer_to_ending, range(2), 2)) == [True, True]


def test_a_process_that_was_ended_is_said_instead_of_waited_for() -> None:
    with pytest.raises(InputError, match="workers=2: one of the processes was ended"):
        list(in_order(ended, range(6), 2))


def test_nobody_works_on_for_a_parent_that_was_killed(tmp_path: Path) -> None:
    there, gone = os.pipe()
    parent = os.fork()
    if parent == 0:
        os.setpgid(0, 0)
        os.close(there)
        list(in_order(partial(begun, tmp_path), range(100_000), 2))
        os._exit(0)
    os.close(gone)  # held by those who are forked alone: what reads it ends with the last of them
    ends = time.monotonic() + 30.0
    while len(list(tmp_path.iterdir())) < 4:
        assert time.monotonic() < ends
        time.sleep(0.01)
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    try:
        assert select.select([there], [], [], 10.0)[0]
        assert os.read(there, 1) == b""
    finally:
        os.close(there)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(parent, signal.SIGKILL)


def test_who_stops_early_does_not_wait_for_what_has_not_begun(tmp_path: Path) -> None:
    results = in_order(partial(begun, tmp_path), range(200), 2)
    assert next(results) == 0
    results.close()
    assert len(list(tmp_path.iterdir())) < 100
