"""Who speaks, decided for all people of a picture together: compared, smoothed, and in patterns that make sense."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError

Logits = NDArray[np.float32]


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class RankingConfig:
    """What makes one story of who speaks likelier than another, in units of log odds."""

    trust: float = 0.8
    """Weight of one frame's evidence: neighbouring frames say the same thing again."""
    change: float = 3.0
    """What it costs that somebody begins or ends: speech persists."""
    together: float = 0.6
    """What a frame costs in which two people speak at once."""
    unseen: float = 0.25
    """What a frame of speech costs that nobody in the picture speaks, where there are at least two people."""
    without_speech: float = 1.5
    """What a frame costs in which somebody speaks although the voice detector hears nothing."""
    most_sure: float = 6.0
    """Evidence is never stronger than this."""

    def __post_init__(self) -> None:
        if min(self.trust, self.change, self.most_sure) <= 0:
            raise ConfigError(
                f"trust={self.trust}, change={self.change}, most_sure={self.most_sure}: give positive numbers"
            )


def rank(
    speaks_PF: Sequence[Logits], seen_PF: Sequence[NDArray[np.bool_]], speech_F: NDArray[np.float32],
    config: RankingConfig | None = None,
) -> NDArray[np.bool_]:  # fmt: skip
    """Who speaks in each frame, (P, F): the likeliest story of nobody, one, or two people speaking (Viterbi).

    ``speaks_PF`` are log odds of each person by themselves, ``seen_PF`` whether they are in the picture (who is not
    may speak all the same, and is not among those named), ``speech_F`` how likely anybody is heard.

    Raises:
        ConfigError: there is nobody, or the tracks differ in length.
    """
    config = config or RankingConfig()
    if not speaks_PF or {len(track_F) for track_F in (*speaks_PF, *seen_PF)} != {speech_F.shape[0]}:
        raise ConfigError("speaks_PF, seen_PF, speech_F: give at least one person, and tracks of one length")
    people = range(len(speaks_PF))
    stories = [(), *((p,) for p in people), *combinations(people, 2)]
    odds_PF = np.clip(np.stack(speaks_PF).astype(np.float64), -config.most_sure, config.most_sure)
    odds_PF = np.where(np.stack(seen_PF), odds_PF, -config.most_sure)
    crowd_F = np.stack(seen_PF).sum(axis=0) >= 2
    gain_SF = np.zeros((len(stories), speech_F.shape[0]))
    for index, story in enumerate(stories):
        gain_SF[index] = config.trust * odds_PF[list(story)].sum(axis=0)
        if story:
            gain_SF[index] -= config.without_speech * (1 - speech_F) + config.together * (len(story) - 1)
        else:
            gain_SF[index] -= config.unseen * speech_F * crowd_F
    changes_SS = np.array([[len(set(one) ^ set(other)) for other in stories] for one in stories])
    best_F = _likeliest(gain_SF, config.change * changes_SS)
    names_SP = np.array([[p in story for p in people] for story in stories])
    return names_SP[best_F].T


def _likeliest(gain_SF: NDArray[np.float64], cost_SS: NDArray[np.float64]) -> NDArray[np.int64]:
    """The path of greatest gain, changes paid for."""
    num_stories, num_frames = gain_SF.shape
    came_FS = np.zeros((num_frames, num_stories), np.int64)
    total_S = gain_SF[:, 0].copy() if num_frames else np.zeros(num_stories)
    for frame in range(1, num_frames):
        reached_SS = total_S[:, None] - cost_SS
        came_FS[frame] = reached_SS.argmax(axis=0)
        total_S = reached_SS.max(axis=0) + gain_SF[:, frame]
    path_F = np.zeros(num_frames, np.int64)
    if num_frames:
        path_F[-1] = int(total_S.argmax())
        for frame in range(num_frames - 1, 0, -1):
            path_F[frame - 1] = came_FS[frame, path_F[frame]]
    return path_F
