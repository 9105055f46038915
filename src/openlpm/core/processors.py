"""How much of the machine's processor there is to work with."""

import os


def usable_cores() -> int:
    """Cores that this process may run on; where the system does not say (only Linux does), all there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
