"""Stretches of known states, and what kind of unit each one is."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from openlpm.core.rig import State
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.pairing.config import PairingConfig
from openlpm.data.pairing.part import UnitKind
from openlpm.data.states.rule import DISCARD, runs_of


def known_stretches(state_F: NDArray[np.int8], config: PairingConfig) -> Iterator[tuple[int, NDArray[np.int8]]]:
    """First frame and states of every stretch that is known from end to end and long enough for its kind."""
    bridged_F = bridged(state_F, round(config.bridge_s * FRAME_RATE_HZ))
    for first, end in runs_of(bridged_F != DISCARD):
        part_F = bridged_F[first:end]
        shortest_s = config.shortest_listen_s if kind_of(part_F, config) is UnitKind.LISTEN else config.shortest_s
        if end - first >= shortest_s * FRAME_RATE_HZ:
            yield first, part_F


def kind_of(state_F: NDArray[np.int8], config: PairingConfig) -> UnitKind:
    """What a stretch is footage of; a state that takes less than ``least_state_s`` of it does not count."""
    least = config.least_state_s * FRAME_RATE_HZ
    speaks, listens = (int((state_F == state).sum()) >= max(least, 1) for state in (State.SPEAK, State.LISTEN))
    if speaks and listens:
        return UnitKind.CONVERSATION
    return UnitKind.SPEAK if speaks else UnitKind.LISTEN if listens else UnitKind.IDLE


def bridged(state_F: NDArray[np.int8], most_frames: int) -> NDArray[np.int8]:
    """States with short unknown gaps filled where the state is the same on both sides."""
    filled_F = state_F.copy()
    for (_, end), (first, _) in pairwise(runs_of(state_F != DISCARD)):
        if first - end <= most_frames and state_F[end - 1] == state_F[first]:
            filled_F[end:first] = state_F[first]
    return filled_F
