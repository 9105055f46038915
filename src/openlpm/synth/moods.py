"""Moods: how a feeling rests on a face, and the word for it in a caption."""

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Mood:
    """Offsets of the resting face at full intensity, in units of the rig."""

    adverb: str
    """How one speaks in this mood; empty if nothing is to be said about it."""
    smile: float = 0.0
    brow: float = 0.0
    furrow: float = 0.0
    squint: float = 0.0
    widen: float = 0.0
    lids: float = 0.0
    """Upper lids lowered this far."""
    pitch: float = 0.0
    """Head, radians; positive looks up."""
    energy: float = 1.0
    """Scale of all movement."""
    warmth: float = 1.0
    """Scale of the chance to smile at what the partner says."""


MOODS: dict[str, Mood] = {
    "neutral": Mood(adverb="", smile=0.04),
    "happy": Mood(adverb="happily", smile=0.62, brow=0.15, squint=0.35, energy=1.15, warmth=1.8),
    "sad": Mood(adverb="sadly", smile=-0.55, brow=0.05, furrow=-0.7, lids=0.18, pitch=-0.08, energy=0.65, warmth=0.15),
    "angry": Mood(
        adverb="angrily", smile=-0.35, brow=-0.6, furrow=0.85, squint=0.3, pitch=-0.04, energy=1.2, warmth=0.1
    ),
    "surprised": Mood(adverb="in surprise", smile=0.05, brow=0.75, widen=0.7, energy=1.1),
    "thoughtful": Mood(adverb="thoughtfully", smile=-0.05, brow=-0.1, furrow=0.35, lids=0.08, energy=0.8, warmth=0.6),
}
