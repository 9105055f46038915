"""The one record type that synth, the dataset pipeline, training and the benchmark share."""

from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.emotion import NUM_EMOTIONS
from openlpm.core.errors import ConfigError
from openlpm.core.rig import NUM_RIG
from openlpm.core.units import samples_at_frame


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something that happens at a known time: a cue in what is heard, or an action of the performer."""

    kind: str
    """For instance ``partner_phrase_end``, ``nod``, ``blink``, ``turn_start``, ``action:wave_left``."""
    start_frame: int
    end_frame: int


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Truth:
    """Exact ground truth of a synthetic clip."""

    seed: int
    """Identity seed; with the rig it gives the pixels back."""
    rig_FR: NDArray[np.float32]
    viseme_F: NDArray[np.int8]
    """Index into ``core.rig.VISEMES``."""
    events: tuple[Event, ...]
    emotion_FE: NDArray[np.float32] | None = None
    """Intensity of every emotion (``core.emotion.EMOTIONS``) in every frame, 0 to 1; None if it was not recorded."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class PerformanceRecord:
    """One clip of one person at 24 fps with its two 16 kHz audio tracks.

    Pixels come from ``video`` for filmed clips and from ``truth`` (identity and rig) for synthetic ones.
    """

    clip_id: str
    identity: str
    num_frames: int
    speak_A: NDArray[np.float32]
    """The person's own voice, silent where they are quiet; ``samples_at_frame(num_frames)`` long."""
    listen_A: NDArray[np.float32]
    """The partner's voice, same length."""
    state_F: NDArray[np.int8]
    """``core.rig.State`` per frame."""
    caption: str
    truth: Truth | None = None
    video: Path | None = None

    def __post_init__(self) -> None:
        wanted = samples_at_frame(self.num_frames)
        for name, track in (("speak_A", self.speak_A), ("listen_A", self.listen_A)):
            if track.shape != (wanted,):
                raise ConfigError(
                    f"{self.clip_id}: {name} has shape {track.shape}; {self.num_frames} frames need ({wanted},)"
                )
        if self.state_F.shape != (self.num_frames,):
            raise ConfigError(f"{self.clip_id}: state_F has shape {self.state_F.shape}, not ({self.num_frames},)")
        if self.truth is None and self.video is None:
            raise ConfigError(f"{self.clip_id}: a record needs pixels: give truth or video")
        if self.truth is not None:
            self._check_truth(self.truth)

    def _check_truth(self, truth: Truth) -> None:
        tracks = [("rig_FR", truth.rig_FR, NUM_RIG)]
        if truth.emotion_FE is not None:
            tracks.append(("emotion_FE", truth.emotion_FE, NUM_EMOTIONS))
        for name, track, columns in tracks:
            if track.shape != (self.num_frames, columns):
                raise ConfigError(f"{self.clip_id}: {name} has shape {track.shape}, not ({self.num_frames}, {columns})")
