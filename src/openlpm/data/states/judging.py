"""From tracks and a sound to the state of each person in each frame: all steps of the stage, in their order."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError, InputError
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.states.hearing import speech_probability
from openlpm.data.states.ranking import RankingConfig, rank
from openlpm.data.states.rule import DISCARD, StateConfig, states_of
from openlpm.data.states.scorer import Scores, SpeakerScorer, TrackMotion, best_offset
from openlpm.data.states.sync import SyncConfig, SyncVerdict, check_sync
from openlpm.data.states.verification import ConsistencyCheck, Evidence, Verifier

_MOST_HELP = 4.0


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class JudgingConfig:
    """The numbers of all steps."""

    states: StateConfig = field(default_factory=StateConfig)
    ranking: RankingConfig = field(default_factory=RankingConfig)
    sync: SyncConfig = field(default_factory=SyncConfig)
    pattern: float = 0.6
    """How much a track that is in step as a whole speaks for its single frames, 0 to 1."""
    pattern_margin: float = 0.5
    """So much better its sound must fit where it is than elsewhere."""

    doubt: float = 2.0
    """Log odds of speaking from which on a mouth proves speech that the voice detector does not hear."""

    weak: float = 1.0
    """Whose log odds stay below this to the end of a clip has fallen silent there: shots are cut because somebody else
    has begun, and what follows, in which evidence would gather, is not seen."""
    weak_s: tuple[float, float] = (0.17, 0.6)
    """How short and how long such an end may be: a frame or two say nothing, and longer ones tell by themselves."""

    def __post_init__(self) -> None:
        if not 0 <= self.pattern <= 1:
            raise ConfigError(f"pattern={self.pattern}: give a share, 0 to 1")
        if not 0 < self.weak_s[0] <= self.weak_s[1]:
            raise ConfigError(f"weak_s={self.weak_s}: give two times above 0, the longer one last")


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Judgement:
    """What the people of a clip do."""

    states: tuple[NDArray[np.int8], ...]
    """Of each track ``core.rig.State`` (never ``BOTH``) or ``rule.DISCARD`` for every frame."""
    scores: tuple[Scores, ...]
    speech_F: NDArray[np.float32]
    """How likely anybody is heard."""
    sync: SyncVerdict
    """A clip that is not kept by it should be dropped whole; its states are those found all the same."""


def judge(
    tracks: Sequence[TrackMotion],
    samples_A: NDArray[np.float32],
    scorer: SpeakerScorer,
    *,
    verifier: Verifier | None = None,
    config: JudgingConfig | None = None,
    before_A: NDArray[np.float32] | None = None,
) -> Judgement:
    """The states of everybody in a clip whose sound (mono, 16 kHz) begins with the first frame.

    ``before_A`` is what the source lets hear before the clip: it prepares the voice detector.

    Raises:
        InputError: nobody is in the clip, or tracks differ in length.
    """
    config = config or JudgingConfig()
    verifier = verifier or ConsistencyCheck()
    lengths = {track.points_FP2.shape[0] for track in tracks}
    if len(lengths) != 1:
        raise InputError(f"tracks of {sorted(lengths)} frames: give at least one, and all of one clip's length")
    speech_F = speech_probability(samples_A, lengths.pop(), before_A)
    scores = scorer.score(tracks, samples_A)
    # The voice detector misses some voices altogether; a mouth that is surely in step with a sound makes it speech.
    in_step_F = np.max([score.speaks_F for score in scores], axis=0) - np.float32(config.doubt)
    speech_F = np.maximum(speech_F, 1 / (1 + np.exp(-in_step_F))).astype(np.float32)
    seen = [track.seen() for track in tracks]
    odds_PF = [_with_pattern(score, speech_F, config) for score in scores]
    speaks_PF = rank(odds_PF, seen, speech_F, config.ranking) & ~np.stack(
        [_silent_end(odds_F, config) for odds_F in odds_PF]
    )
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


def _silent_end(odds_F: NDArray[np.float32], config: JudgingConfig) -> NDArray[np.bool_]:
    """The last frames of a clip, if they are as many as they may be and too weak to go on being speech."""
    strong = np.flatnonzero(odds_F >= config.weak)
    count = odds_F.shape[0] - (int(strong[-1]) + 1 if strong.size else 0)
    least, most = (round(each * FRAME_RATE_HZ) for each in config.weak_s)
    return (np.arange(odds_F.shape[0]) >= odds_F.shape[0] - count) & (least <= count <= most)


def _with_pattern(score: Scores, speech_F: NDArray[np.float32], config: JudgingConfig) -> NDArray[np.float32]:
    """Log odds of speaking, helped by the whole track where that is in step with the sound.

    Far and blurred faces hardly tell a voice from another within a second; over a clip they do. Who articulates while
    speech is heard, in a track whose mouth and sound fit best where they are, is the one who speaks.
    """
    found = best_offset([score], [(score.articulates_F > 0) & (speech_F > config.states.speech)])
    in_step = (
        found is not None
        and abs(found.late_frames) <= config.sync.most_late_frames
        and found.margin >= config.pattern_margin
    )
    if not in_step:
        return score.speaks_F
    help_F = np.clip(score.articulates_F, 0.0, _MOST_HELP) * speech_F
    return (score.speaks_F + config.pattern * help_F).astype(np.float32)
