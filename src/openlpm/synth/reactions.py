"""What a listener does when the partner pauses: nods, smiles and brows, each caused by the partner's voice."""

from dataclasses import dataclass
from typing import final

import numpy as np

from openlpm.synth.gestures import FloatArray

PAUSE_S = 0.25
"""The shortest silence in the partner's voice that counts as the end of a phrase."""
REACTION_PROBABILITY = 0.8
_DELAY_S = (0.25, 0.75)
_NOD, _SMILE, _BROW = 0.62, 0.28, 0.22


@final
@dataclass(frozen=True, slots=True)
class Phrase:
    """A stretch of speech without a pause, in seconds."""

    start_s: float
    end_s: float


@final
@dataclass(frozen=True, slots=True)
class Reactions:
    """Onsets in seconds of each kind of reaction; one cue may have caused several kinds."""

    nod_K: FloatArray
    smile_K: FloatArray
    brow_K: FloatArray


def phrases(start_S: FloatArray, end_S: FloatArray, *, pause_s: float = PAUSE_S) -> tuple[Phrase, ...]:
    """Stretches of the given sounds (rising in time) that are not broken by ``pause_s`` or more."""
    if start_S.shape[0] == 0:
        return ()
    broken = np.flatnonzero(start_S[1:] - end_S[:-1] >= pause_s)
    first = np.concatenate([[0], broken + 1])
    last = np.concatenate([broken, [start_S.shape[0] - 1]])
    return tuple(Phrase(float(start_S[f]), float(end_S[k])) for f, k in zip(first, last, strict=True))


def react(rng: np.random.Generator, cue_K: FloatArray, *, warmth: float) -> Reactions:
    """Reactions to phrase ends at ``cue_K``: with probability 0.8 each, 0.25 to 0.75 s later.

    ``warmth`` scales how often a reaction has a smile in it.
    """
    num_cues = cue_K.shape[0]
    reacts_K = rng.random(num_cues) < REACTION_PROBABILITY
    onset_K = cue_K + rng.uniform(*_DELAY_S, size=num_cues)
    draw_K3 = rng.random((num_cues, 3))
    smile_K = draw_K3[:, 1] < min(_SMILE * warmth, 0.8)
    brow_K = draw_K3[:, 2] < _BROW
    nod_K = (draw_K3[:, 0] < _NOD) | ~(smile_K | brow_K)
    return Reactions(onset_K[reacts_K & nod_K], onset_K[reacts_K & smile_K], onset_K[reacts_K & brow_K])
