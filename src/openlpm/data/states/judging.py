"""From tracks and a sound to the state of each person in each frame: all steps of the stage, in their order."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import InputError
from openlpm.data.states.hearing import speech_probability
from openlpm.data.states.ranking import RankingConfig, rank
from openlpm.data.states.rule import DISCARD, StateConfig, states_of
from openlpm.data.states.scorer import Scores, SpeakerScorer, TrackMotion
from openlpm.data.states.sync import SyncConfig, SyncVerdict, check_sync
from openlpm.data.states.verification import ConsistencyCheck, Evidence, Verifier


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class JudgingConfig:
    """The numbers of all steps."""

    states: StateConfig = field(default_factory=StateConfig)
    ranking: RankingConfig = field(default_factory=RankingConfig)
    sync: SyncConfig = field(default_factory=SyncConfig)


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Judgement:
    """What the people of a clip do."""

    states: tuple[NDArray[np.int8], ...]
    """Of each track ``core.rig.State`` (never ``BOTH``) or ``rule.DISCARD`` for every frame."""
    scores: tuple[Scores, ...]
    speech_F: NDArray[np.float32]
    sync: SyncVerdict
    """A clip that is not kept by it should be dropped whole; its states are those found all the same."""


def judge(
    tracks: Sequence[TrackMotion],
    samples_A: NDArray[np.float32],
    scorer: SpeakerScorer,
    *,
    verifier: Verifier | None = None,
    config: JudgingConfig | None = None,
) -> Judgement:
    """The states of everybody in a clip whose sound (mono, 16 kHz) begins with the first frame.

    Raises:
        InputError: nobody is in the clip, or tracks differ in length.
    """
    config = config or JudgingConfig()
    verifier = verifier or ConsistencyCheck()
    lengths = {track.points_FP2.shape[0] for track in tracks}
    if len(lengths) != 1:
        raise InputError(f"tracks of {sorted(lengths)} frames: give at least one, and all of one clip's length")
    speech_F = speech_probability(samples_A, lengths.pop())
    scores = scorer.score(tracks, samples_A)
    seen = [track.seen() for track in tracks]
    speaks_PF = rank([score.speaks_F for score in scores], seen, speech_F, config.ranking)
    states: list[NDArray[np.int8]] = []
    for score, seen_F, speaks_F in zip(scores, seen, speaks_PF, strict=True):
        state_F = states_of(speech_F, speaks_F, score.articulates_F > 0, seen_F, config.states)
        kept_F = verifier.keeps(Evidence(state_F=state_F, scores=score, speech_F=speech_F))
        states.append(np.where(kept_F, state_F, DISCARD).astype(np.int8))
    return Judgement(
        states=tuple(states),
        scores=tuple(scores),
        speech_F=speech_F,
        sync=check_sync(scores, speech_F, config.sync),
    )
