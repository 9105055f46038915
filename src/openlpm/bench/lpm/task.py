"""A case with all that it takes to judge an entry: truth, how it is seen, and what its voice asks of a mouth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.bench.lpm.case import Case
from openlpm.bench.lpm.view import View
from openlpm.bench.lpm.yardstick import Yardstick
from openlpm.core.record import PerformanceRecord
from openlpm.core.rig import RigTrack


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Task:
    """What metrics are told; those that need a part that is None do not apply."""

    case: Case
    yardstick: Yardstick
    embedding_D: NDArray[np.float32]
    """Whom the references show."""
    record: PerformanceRecord | None
    truth: View | None
    """The rendered truth, seen as entries are."""
    mouth_FX: NDArray[np.float32] | None
    """The mouth that its own voice lets one expect; None where it says nothing."""
    strangers: Sequence[NDArray[np.float32]]
    """Mouths of other voices, as long."""
    partners: Sequence[PerformanceRecord] = ()
    """Other listeners' cases, whose cues are those of another partner."""

    @property
    def true_rig(self) -> RigTrack:
        """The true performance."""
        assert self.record is not None
        assert self.record.truth is not None
        return self.record.truth.rig_FR


Values = dict[str, float]
"""Values by metric; what does not apply is left out."""
