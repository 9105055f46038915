"""The emotions that a performer can show and a voice can carry."""

EMOTIONS = (
    "neutral",
    "happy",
    "amused",
    "excited",
    "tender",
    "proud",
    "sad",
    "afraid",
    "angry",
    "disgusted",
    "surprised",
    "confused",
    "thoughtful",
    "bored",
    "tired",
    "embarrassed",
)
"""In the order of every emotion track; several may be present at once, each with its own intensity.

``neutral`` is what the others leave: 1 less the strongest of them.
"""

NUM_EMOTIONS = len(EMOTIONS)
