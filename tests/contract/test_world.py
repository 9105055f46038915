"""Processes that torchrun has started again find each other, and never those of the attempt before."""

import os
import subprocess
import sys

import pytest
import torch.distributed as dist

pytestmark = pytest.mark.contract

JOIN = """
import torch
import torch.distributed as dist
from openlpm.parallel.world import joined
with joined("cpu") as world:
    one = torch.ones(1)
    dist.all_reduce(one)
    print(int(one))
"""


def test_processes_of_an_attempt_do_not_find_the_dead_of_the_one_before() -> None:
    """torchrun keeps its store from attempt to attempt: the first leaves in it what the second must not read."""
    store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    environment = os.environ | {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(store.port),
        "WORLD_SIZE": "2",
        "GROUP_WORLD_SIZE": "1",
        "TORCHELASTIC_USE_AGENT_STORE": "True",
        "OMP_NUM_THREADS": "1",
    }

    def run(attempt: str) -> list[str]:
        started = [
            subprocess.Popen(
                [sys.executable, "-c", JOIN],
                env=environment | {"RANK": str(rank), "LOCAL_RANK": str(rank), "TORCHELASTIC_RESTART_COUNT": attempt},
                stdout=subprocess.PIPE,
                text=True,
            )
            for rank in range(2)
        ]
        try:
            return [process.communicate(timeout=60)[0].strip() for process in started]
        finally:
            for process in started:
                process.kill()
                process.communicate()

    assert run("0") == ["2", "2"]
    left = store.num_keys()
    assert run("1") == ["2", "2"]
    assert store.num_keys() > left  # beside what the first attempt wrote
