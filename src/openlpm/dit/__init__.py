"""The character transformer: one trunk for Base and Online, from nano to 17 B."""

from openlpm.dit.condition import Condition, ReferenceKind, ReferenceSlot
from openlpm.dit.config import AudioBranch, DiTConfig, ReferenceOffsets
from openlpm.dit.model import CharacterTransformer

__all__ = [
    "AudioBranch",
    "CharacterTransformer",
    "Condition",
    "DiTConfig",
    "ReferenceKind",
    "ReferenceOffsets",
    "ReferenceSlot",
]
