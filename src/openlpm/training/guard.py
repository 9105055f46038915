"""Steps that would throw the weights off are left out and counted; too many in a row end the run with a reason."""

import math
import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from openlpm.core.errors import ConfigError, OpenLPMError


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class GuardConfig:
    """What counts as a spike."""

    factor: float = 10.0
    """A gradient norm beyond so many times the median of the last ones."""
    memory: int = 64
    """Steps that are looked back upon; before half as many have passed only what is no number is a spike."""
    most_in_a_row: int = 8

    def __post_init__(self) -> None:
        if self.factor <= 1 or self.memory < 2 or self.most_in_a_row < 1:
            raise ConfigError(f"{self}: give a factor above 1, a memory of 2 steps or more, and 1 or more in a row")


@final
class SpikeGuard:
    """Remembers the gradient norms of the steps that were taken."""

    def __init__(self, config: GuardConfig) -> None:
        self._config = config
        self._norms: deque[float] = deque(maxlen=config.memory)
        self.skipped = 0
        """Steps left out so far."""
        self._in_a_row = 0

    @property
    def state(self) -> tuple[float, ...]:
        """What a checkpoint has to keep."""
        return (self.skipped, self._in_a_row, *self._norms)

    def restore(self, state: Sequence[float]) -> None:
        """Go on as the guard whose state it was."""
        if state:
            self.skipped, self._in_a_row = int(state[0]), int(state[1])
            self._norms = deque(state[2:], maxlen=self._config.memory)

    def allows(self, loss: float, norm: float, *, step: int) -> bool:
        """Whether a step may be taken; to be asked once for each.

        Raises:
            OpenLPMError: too many in a row were left out.
        """
        config = self._config
        usual = statistics.median(self._norms) if 2 * len(self._norms) >= config.memory else math.inf
        if math.isfinite(loss) and math.isfinite(norm) and norm <= config.factor * usual:
            self._norms.append(norm)
            self._in_a_row = 0
            return True
        self.skipped += 1
        self._in_a_row += 1
        if self._in_a_row > config.most_in_a_row:
            raise OpenLPMError(
                f"loss {loss:.4g} and gradient norm {norm:.4g} (usual: {usual:.4g}) at step {step}, after "
                f"{config.most_in_a_row} steps that were left out as well: lower optimiser.lr, or resume an earlier "
                "checkpoint"
            )
        return False
