"""A classic metric on a network of the user's: what it is, the network, and the function that makes its values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import final

from openlpm.bench.classic.metric import About, Footage
from openlpm.bench.classic.network import Network

Clips = Mapping[str, Footage]
Measure = Callable[[Network, Clips, Clips], dict[str, float]]
"""From a network, clips and their truths to a value a case."""


@final
@dataclass(frozen=True, slots=True)
class NetworkMetric:
    """``ClassicMetric`` of a function."""

    about: About
    network: Network
    measure: Measure

    @property
    def sha256(self) -> str:
        return self.network.sha256

    def values(self, clips: Clips, truths: Clips) -> dict[str, float]:
        return self.measure(self.network, clips, truths)


def each(measure: Callable[[Network, Footage], float | None]) -> Measure:
    """Of clips one by one; what has no value is left out."""

    def measured(network: Network, clips: Clips, _truths: Clips) -> dict[str, float]:
        found = ((clip.case, measure(network, clip)) for clip in clips.values())
        return {case: value for case, value in found if value is not None}

    return measured
