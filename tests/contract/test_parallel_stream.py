"""A stream over several devices is the stream of one."""

import threading
import time

import pytest
import torch
import torch.multiprocessing as mp

from openlpm.core.errors import ConfigError
from openlpm.parallel.pipeline import Stage, pipelined
from openlpm.parallel.sequence import ColumnSplit
from support import columns

pytestmark = pytest.mark.contract

CPU = torch.device("cpu")


def test_columns_over_two_processes_make_the_stream_of_one(tmp_path):
    mp.spawn(columns.work, args=(2, str(tmp_path / "store"), str(tmp_path / "out")), nprocs=2)
    with torch.no_grad():
        wanted = columns.stream(None)
    assert wanted.std() > 0.5
    for rank in range(2):
        # Sums of float64 in another order.
        torch.testing.assert_close(torch.load(tmp_path / f"out-{rank}.pt"), wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize("wrong", [{"num_heads": 3}, {"grid": (2, 5)}])
def test_heads_and_columns_that_cannot_be_shared_out_are_refused(wrong):
    with pytest.raises(ConfigError, match="size=2"):
        ColumnSplit(**({"rank": 0, "size": 2, "num_heads": 4, "grid": (2, 4)} | wrong))


def test_a_pipeline_keeps_the_order_and_works_side_by_side():
    busy, most, lock = 0, 0, threading.Lock()

    def work(item):
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        time.sleep(0.005)
        with lock:
            busy -= 1
        return item + 1

    stages = [Stage(work, CPU) for _ in range(3)]
    assert list(pipelined(stages, range(12))) == [item + 3 for item in range(12)]
    assert most > 1


def test_a_stage_that_fails_raises_where_the_pipeline_is_used_and_leaves_no_thread():
    def fails(item):
        if item == 2:
            raise ValueError("the third is bad")
        return item

    before = threading.active_count()
    made = pipelined([Stage(lambda item: item, CPU), Stage(fails, CPU)], iter(range(9)))
    assert [next(made), next(made)] == [0, 1]
    with pytest.raises(ValueError, match="third"):
        next(made)
    assert threading.active_count() == before


def test_a_pipeline_that_is_left_early_stops_and_does_not_run_ahead():
    taken = []

    def items():
        for item in range(1000):
            taken.append(item)
            yield item

    before = threading.active_count()
    made = pipelined([Stage(lambda item: item, CPU)], items(), depth=1)
    assert next(made) == 0
    made.close()
    assert threading.active_count() == before
    assert len(taken) < 8
