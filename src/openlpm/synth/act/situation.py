"""What a performer is in the middle of: all that behaviour depends on."""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.rig import State
from openlpm.synth.act.acting import Act
from openlpm.synth.act.cues import Phrase, Said
from openlpm.synth.act.feelings import Feeling
from openlpm.synth.act.gestures import FloatArray
from openlpm.synth.act.persona import Persona


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Situation:
    """What goes on around and inside the performer; times in seconds from the clip's start."""

    seed: str
    """Names the random streams of the clip."""
    state_F: NDArray[np.int8]
    own: tuple[Phrase, ...]
    partner: tuple[Phrase, ...]
    said: tuple[Said, ...]
    """What the performer says."""
    heard: tuple[Said, ...]
    """What the partner says."""
    stress_K: FloatArray
    """Middles of the performer's own stressed, loud syllables."""
    lasting: tuple[Feeling, ...]
    """The mood of the clip."""
    passing: tuple[Feeling, ...]
    """Feelings that come with the performer's own words."""
    energy: float
    """Scale of movement, about 0.7 to 1.3."""
    persona: Persona
    acts: tuple[Act, ...] = ()
    hums: tuple[Phrase, ...] = ()
    """The performer's own back-channels."""
    broken_in_s: tuple[float, ...] = ()
    """When the partner interrupts the performer."""


def speaks(state_F: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Frames in which the performer has a voice."""
    return (state_F == State.SPEAK) | (state_F == State.BOTH)
