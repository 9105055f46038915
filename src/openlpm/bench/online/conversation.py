"""Conversations without an end, with their truth: clips of one test character that come round again.

A stream hears the same few minutes again and again, each time with fresh noise of its own. Its memory is far shorter
than a round, so nothing is gained from the repetition, and what changes from round to round is the stream's own doing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.bench.cases import identity_seeds, mixed_style
from openlpm.core.audio import AudioSource
from openlpm.core.errors import ConfigError
from openlpm.core.record import PerformanceRecord
from openlpm.core.rig import RigTrack
from openlpm.core.seeds import Split
from openlpm.core.units import samples_at_frame
from openlpm.synth.act.perform import perform
from openlpm.synth.look.identity import Identity, describe
from openlpm.synth.sound.speech_bank import SpeechBank, build

MOST = 64
"""Characters that there are; each stream has one of its own."""
_UTTERANCES = 160
_SEED = 12
_CLIP_SEEDS = 700_000_000
_CLIPS_A_CHARACTER = 1_000


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Conversation:
    """One character's rounds: clips of equal length, played one after another and then again."""

    identity: Identity
    records: Sequence[PerformanceRecord]

    @property
    def clip_frames(self) -> int:
        """Length of a clip."""
        return self.records[0].num_frames

    @property
    def round_frames(self) -> int:
        """Frames after which it begins anew."""
        return self.clip_frames * len(self.records)

    def record_at(self, frame: int) -> PerformanceRecord:
        """The clip that a frame belongs to."""
        return self.records[frame // self.clip_frames % len(self.records)]

    def rig(self, first: int, count: int) -> RigTrack:
        """The true rig of frames, (F, R)."""
        frames = np.arange(first, first + count)
        tracks: list[NDArray[np.float32]] = []
        for frame in frames:
            truth = self.record_at(int(frame)).truth
            assert truth is not None
            tracks.append(truth.rig_FR[frame % self.clip_frames])
        return np.stack(tracks)

    def voices(self) -> tuple[AudioSource, AudioSource]:
        """The own voice and the partner's, for ever."""
        speak_A = np.concatenate([record.speak_A for record in self.records])
        listen_A = np.concatenate([record.listen_A for record in self.records])
        return RoundSource(speak_A), RoundSource(listen_A)


@final
class RoundSource:
    """An ``AudioSource`` that begins anew where it ends."""

    def __init__(self, samples_A: NDArray[np.float32]) -> None:
        self._samples_A = np.rint(samples_A.clip(-1, 1) * 32767).astype(np.int16)

    @property
    def num_samples(self) -> int:
        """Longer than anybody listens."""
        return 2**62

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        """Samples of the round; silent before the beginning."""
        length = self._samples_A.shape[0]
        silent = min(max(-start, 0), count)
        first, left = (start + silent) % length, count - silent
        heard: list[NDArray[np.int16]] = []
        while left > 0:
            heard.append(self._samples_A[first : first + left])
            first, left = 0, left - heard[-1].shape[0]
        samples_A = np.zeros(count, np.float32)
        if heard:
            np.divide(np.concatenate(heard), np.float32(32767), out=samples_A[silent:])
        return samples_A


def converse_on(first: int, count: int, *, clips: int, clip_frames: int) -> tuple[Conversation, ...]:
    """Conversations ``first ... first + count - 1`` of ``MOST``; each is the same whichever others are asked for.

    Raises:
        ConfigError: there are not so many characters, or clips do not end with a sample of sound.
    """
    if not 0 <= first < first + count <= MOST:
        raise ConfigError(f"first={first}, streams={count}: there are {MOST} characters; ask for fewer streams")
    if clip_frames % 24 or clips < 1:
        raise ConfigError(f"clips={clips}, clip_frames={clip_frames}: give one or more clips of whole seconds")
    bank = _bank()
    return tuple(_conversation(index, bank, clips, clip_frames) for index in range(first, first + count))


@cache
def _bank() -> SpeechBank:
    return build(Split.TEST, _UTTERANCES, seed=_SEED)


def _conversation(index: int, bank: SpeechBank, clips: int, clip_frames: int) -> Conversation:
    seed = identity_seeds(Split.TEST, MOST, _SEED, "streams")[index]
    identity = Identity.from_seed(seed)
    looks = describe(identity).capitalize()
    records: list[PerformanceRecord] = []
    for number in range(clips):
        clip_seed = _CLIP_SEEDS + index * _CLIPS_A_CHARACTER + number
        # Neighbours begin with different situations, so that few streams have seen them all.
        style = mixed_style(index + number, clip_seed)
        record = perform(seed, clip_seed, bank, num_frames=clip_frames, style=style, appearance=looks)
        assert record.speak_A.shape[0] == samples_at_frame(clip_frames)
        records.append(record)
    return Conversation(identity=identity, records=records)
