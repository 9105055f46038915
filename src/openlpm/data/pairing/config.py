"""How clips become units, and what makes two tracks one person."""

from dataclasses import dataclass, field
from typing import final

from openlpm.core.errors import ConfigError
from openlpm.data.people.composition import CompositionConfig


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class PairingConfig:
    """The numbers of the stage ``pairing``."""

    shortest_listen_s: float = 2.0
    """Listeners are rare, and are often shown for a moment only."""
    shortest_s: float = 3.0
    """Of all other units."""
    bridge_s: float = 0.25
    """A shorter gap of unknown states between two stretches of the same state belongs to them."""
    least_state_s: float = 0.4
    """A state that takes less of a unit gives it no kind: a hum makes no conversation."""
    keep_overlap: bool = True
    """Whether frames stay in which somebody else in the picture speaks too: nobody can take those voices apart, but
    a conversation without them is cut at every interruption."""
    by_voice: bool = True
    """Whether what sounds like the other party leaves a voice's track; else labels alone say whose a sound is."""
    most_different: float = 0.06
    """Mean looks (colours of 0 to 1) that are no further apart are one person's, within a source."""
    reach_s: float = 60.0
    """A partner is looked for in shots so near in time."""
    composition: CompositionConfig = field(default_factory=CompositionConfig)
    """Persons who are shown worse than this have no units."""

    def __post_init__(self) -> None:
        if min(self.shortest_listen_s, self.shortest_s) < 0.5:
            raise ConfigError(
                f"shortest_listen_s={self.shortest_listen_s}, shortest_s={self.shortest_s}: give half a second and more"
            )
        if min(self.bridge_s, self.least_state_s, self.reach_s) < 0:
            raise ConfigError(
                f"bridge_s={self.bridge_s}, least_state_s={self.least_state_s}, reach_s={self.reach_s}: "
                "times are not negative"
            )
        if not 0 < self.most_different < 1:
            raise ConfigError(f"most_different={self.most_different}: give a share of the colour range, 0 to 1")
