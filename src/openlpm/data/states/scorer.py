"""The active speaker network at work: tracks and a sound in, for each track and frame who speaks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, final

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.data.states.hearing import mel_features
from openlpm.data.states.motion import motion_features, seen_frames
from openlpm.data.states.network import MOST_OFFSET, NUM_OFFSETS, SpeakerNetwork
from openlpm.weights.store import load_into

WEIGHTS = Path(__file__).parent / "weights"
"""The folder of the package that holds the weights of the speaker network."""


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TrackMotion:
    """How one face moves, at 24 fps."""

    points_FP2: NDArray[np.float32]
    """Landmarks in the order of ``people.faces.POINTS``, NaN where the face is not seen."""
    turn_F3: NDArray[np.float32]
    """Yaw, pitch, roll in radians; any value where the face is not seen."""

    def seen(self) -> NDArray[np.bool_]:
        """In which frames there is a face."""
        return seen_frames(self.points_FP2)


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Scores:
    """What is believed of one track, frame by frame."""

    speaks_F: NDArray[np.float32]
    """Log odds that its own voice is heard."""
    articulates_F: NDArray[np.float32]
    """Log odds that its mouth moves as in speech, whatever is heard."""
    agreement_FK: NDArray[np.float32]
    """How well motion fits the sound that is k - ``MOST_OFFSET`` frames later."""


class SpeakerScorer(Protocol):
    """Says who speaks; a stronger one can be put in."""

    def score(self, tracks: Sequence[TrackMotion], samples_A: NDArray[np.float32]) -> list[Scores]:
        """Scores of each track with a sound (mono, 16 kHz) that begins with their first frame."""
        ...


@final
class NetworkScorer:
    """The network of the package.

    Raises:
        WeightsError: the weights are missing or damaged.
    """

    def __init__(self, weights: Path = WEIGHTS) -> None:
        self._network = SpeakerNetwork().eval()
        load_into(self._network, weights)

    @torch.no_grad()
    def score(self, tracks: Sequence[TrackMotion], samples_A: NDArray[np.float32]) -> list[Scores]:
        """Scores of each track, all of which are as long as the longest."""
        found: list[Scores] = []
        for track in tracks:
            num_frames = track.points_FP2.shape[0]
            mel_FY = mel_features(samples_A, num_frames)
            motion_FX = motion_features(track.points_FP2, track.turn_F3)
            judged = self._network(torch.from_numpy(motion_FX.T[None]), torch.from_numpy(mel_FY.T[None]))
            found.append(
                Scores(
                    speaks_F=judged.speaks_NT[0].numpy(),
                    articulates_F=judged.articulates_NT[0].numpy(),
                    agreement_FK=judged.agreement_NKT[0].T.numpy(),
                )
            )
        return found


@final
@dataclass(frozen=True, slots=True)
class Offset:
    """Where sound and mouth fit best."""

    late_frames: int
    """How many frames the sound comes after the mouth; negative: before."""
    margin: float
    """How much better it fits there than elsewhere (two frames or more away), in standard deviations of the rest."""


def best_offset(scores: Sequence[Scores], masks: Sequence[NDArray[np.bool_]]) -> Offset | None:
    """The offset at which mouths and sound fit best in the chosen frames of some tracks; None where none is chosen.

    Choose frames in which a mouth articulates: a mouth at rest fits everything.
    """
    chosen = [score.agreement_FK[mask_F] for score, mask_F in zip(scores, masks, strict=True) if mask_F.any()]
    if not chosen:
        return None
    mean_K = np.concatenate(chosen).mean(axis=0)
    best = int(mean_K.argmax())
    rest_K = mean_K[np.abs(np.arange(NUM_OFFSETS) - best) >= 2]
    margin = float((mean_K[best] - rest_K.max()) / max(float(rest_K.std()), 1e-6))
    return Offset(late_frames=best - MOST_OFFSET, margin=margin)
