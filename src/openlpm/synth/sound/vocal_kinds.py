"""What a stretch of voice can be: words, or one of the sounds that people make without words."""

from enum import StrEnum
from typing import Final


class VocalKind(StrEnum):
    """The kind of an utterance of a bank."""

    SPEECH = "speech"
    """Sentences."""
    BACKCHANNEL = "backchannel"
    """A word or two of a listener, such as "I see"."""
    MM_HM = "mm_hm"
    """A listener's hum, most with closed lips."""
    LAUGH = "laugh"
    CHUCKLE = "chuckle"
    """A short quiet laugh, some with closed lips."""
    SIGH = "sigh"
    GASP = "gasp"
    CRY = "cry"
    """Sobs."""
    UH = "uh"
    """A filled pause: "uh", "um", and what other languages say there."""
    YAWN = "yawn"


NON_VERBAL: Final = tuple(kind for kind in VocalKind if kind not in (VocalKind.SPEECH, VocalKind.BACKCHANNEL))
"""Everything that has no words."""

EMOTIONS_OF: Final[dict[VocalKind, tuple[str, ...]]] = {
    VocalKind.BACKCHANNEL: ("neutral", "happy", "surprised", "thoughtful", "tender", "confused"),
    VocalKind.MM_HM: ("neutral", "tender", "thoughtful", "bored"),
    VocalKind.LAUGH: ("amused", "happy", "excited"),
    VocalKind.CHUCKLE: ("amused", "proud", "embarrassed", "tender"),
    VocalKind.SIGH: ("sad", "tired", "bored", "disgusted"),
    VocalKind.GASP: ("surprised", "afraid", "excited"),
    VocalKind.CRY: ("sad", "afraid"),
    VocalKind.UH: ("thoughtful", "confused", "embarrassed", "neutral"),
    VocalKind.YAWN: ("tired", "bored"),
}
"""Which emotions a sound other than speech is made in; speech is made in all of ``core.emotion.EMOTIONS``."""
