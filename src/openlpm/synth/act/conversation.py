"""Two people in one conversation: a plan that both share, and the record of either side.

The turns alternate; a turn may hold pauses, end in a question, be talked into, be broken off by the other, or be
accompanied by hums. What one side says is, sample by sample, what the other hears.
"""

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from openlpm.core.errors import ConfigError
from openlpm.core.record import PerformanceRecord
from openlpm.core.seeds import generator, seeds_of, split_of
from openlpm.core.units import AUDIO_RATE_HZ, FRAME_RATE_HZ, samples_at_frame
from openlpm.synth.act.acting import ActionCue
from openlpm.synth.act.actions import ACTION_NAMES, ACTIONS
from openlpm.synth.act.dialogue import STOP_S, ClipKind, Plan, two_voices
from openlpm.synth.act.enact import Role, enact
from openlpm.synth.act.perform import mood_of_clip, said_in
from openlpm.synth.act.sounding import track
from openlpm.synth.act.speaker import MoodAt, Speaker, Turn
from openlpm.synth.act.style import ClipStyle, draw_style
from openlpm.synth.look.identity import Identity, describe
from openlpm.synth.sound.speech_bank import SpeechBank
from openlpm.synth.sound.vocal_kinds import VocalKind

SIDES = ("a", "b")
"""The names of the two sides, in their order everywhere."""

_NUM_UTTERANCES = (0.58, 0.32, 0.1)  # one, two or three in a turn
_HUM_PROBABILITY, _BREAK_IN_PROBABILITY, _OVERLAP_PROBABILITY = 0.8, 0.14, 0.25
_SILENCE_PROBABILITY = 0.08
_BREAK_IN_AT = (0.3, 0.75)  # of the utterance
_LEAST_BREAK_IN_S = 1.2
_SECONDS_AN_ACTION, _MOST_ACTIONS = 12.0, 6
_GAIN = (0.6, 1.0)

_MayAct = tuple(name for name in ACTION_NAMES if not ACTIONS[name].uses_mouth)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ConversationPlan:
    """Who says what when, for both sides; within a side turns rise and do not overlap."""

    turns: tuple[tuple[Turn, ...], tuple[Turn, ...]]
    broken_in_s: tuple[tuple[float, ...], tuple[float, ...]]
    """When each side is interrupted by the other."""

    def side(self, index: int) -> Plan:
        """The plan as one side has it."""
        return Plan(
            kind=ClipKind.DIALOGUE,
            own=self.turns[index],
            partner=self.turns[1 - index],
            broken_in_s=self.broken_in_s[index],
        )


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Conversation:
    """A conversation and the exact record of each side: the own voice of one is the partner's voice of the other."""

    seed: int
    plan: ConversationPlan
    voices: tuple[str, str]
    styles: tuple[ClipStyle, ClipStyle]
    records: tuple[PerformanceRecord, PerformanceRecord]

    @property
    def num_frames(self) -> int:
        """Length at 24 frames a second."""
        return self.records[0].num_frames


def converse(
    seed: int, bank: SpeechBank, *, num_frames: int, performers: tuple[int, int] | None = None
) -> Conversation:
    """The conversation ``seed``; the same arguments always give the same one.

    ``performers`` are the identity seeds of the sides; without them they are drawn from the split of the bank.

    Raises:
        ConfigError: less than a second, a bank with a single voice, or performers who are one person or of another
            split than the voices.
    """
    if num_frames < FRAME_RATE_HZ:
        raise ConfigError(f"num_frames={num_frames}: a conversation needs at least {FRAME_RATE_HZ} frames")
    rng = generator("conversation", seed)
    everybody = seeds_of(bank.split)
    drawn = rng.choice(len(everybody), size=2, replace=False).tolist()
    chosen = performers or (everybody[drawn[0]], everybody[drawn[1]])
    if chosen[0] == chosen[1] or any(split_of(who) != bank.split for who in chosen):
        raise ConfigError(f"performers={chosen}: give two different identities of the split {bank.split} of the voices")
    num_samples = samples_at_frame(num_frames)
    streams = [generator("conversation", seed, side) for side in SIDES]
    side_seeds = [int(stream.integers(2**31)) for stream in streams]
    styles = (_style(side_seeds[0], num_frames), _style(side_seeds[1], num_frames))
    moods = [mood_of_clip(stream, style, num_frames) for stream, style in zip(streams, styles, strict=True)]
    plan = plan_conversation(rng, bank, num_samples, (said_in(moods[0]), said_in(moods[1])))
    sounds = [track(bank, turns, num_samples) * np.float32(rng.uniform(*_GAIN)) for turns in plan.turns]

    def record(side: int) -> PerformanceRecord:
        role = Role(
            identity_seed=chosen[side],
            clip_seed=side_seeds[side],
            num_frames=num_frames,
            style=styles[side],
            plan=plan.side(side),
            lasting=moods[side],
            speak_A=sounds[side],
            listen_A=sounds[1 - side],
            appearance=describe(Identity.from_seed(chosen[side])),
        )
        return replace(enact(streams[side], role, bank), clip_id=f"conversation-{seed}-{SIDES[side]}")

    spoken = [turns[0].utterance if turns else None for turns in plan.turns]
    first, second = ("" if utterance is None else bank.voice(utterance).name for utterance in spoken)
    return Conversation(seed=seed, plan=plan, voices=(first, second), styles=styles, records=(record(0), record(1)))


def _style(seed: int, num_frames: int) -> ClipStyle:
    """How one side is: as a clip that was given nothing, but with as many actions as a conversation has room for."""
    rng = generator("conversation", "actions", seed)
    number = min(int(rng.poisson(num_frames / FRAME_RATE_HZ / _SECONDS_AN_ACTION)), _MOST_ACTIONS)
    names = [_MayAct[int(index)] for index in rng.choice(len(_MayAct), size=number, replace=False)]
    return replace(
        draw_style(seed),
        kind=ClipKind.DIALOGUE,
        disturbed=False,
        actions=tuple(ActionCue(action=name) for name in names),
    )


def plan_conversation(
    rng: np.random.Generator, bank: SpeechBank, num_samples: int, moods: tuple[MoodAt, MoodAt]
) -> ConversationPlan:
    """A conversation of ``num_samples`` between two different voices of the bank; its end may cut the last turn.

    Raises:
        ConfigError: the bank has a single voice.
    """
    middle = num_samples // 2
    first, second = two_voices(rng, bank, (moods[0](middle), moods[1](middle)), hums=True)
    talk = _Talk(rng, bank, (Speaker(bank, first, rng, moods[0]), Speaker(bank, second, rng, moods[1])))
    floor = int(rng.integers(2))
    start = talk.speakers[floor].samples(0.2, 0.9)
    while start < num_samples:
        start = talk.take_turn(floor, start)
        floor = 1 - floor

    def heard(side: int) -> tuple[Turn, ...]:
        return tuple(turn for turn in talk.speakers[side].turns if turn.start_sample < num_samples)

    def broken(side: int) -> tuple[float, ...]:
        return tuple(at / AUDIO_RATE_HZ for at in talk.broken_in[side] if at < num_samples)

    return ConversationPlan(turns=(heard(0), heard(1)), broken_in_s=(broken(0), broken(1)))


@final
class _Talk:
    """A conversation while it is planned: both speakers, and from which sample on each is free to speak."""

    def __init__(self, rng: np.random.Generator, bank: SpeechBank, speakers: tuple[Speaker, Speaker]) -> None:
        self._rng, self._bank, self.speakers = rng, bank, speakers
        self._free = [0, 0]
        self.broken_in: tuple[list[int], list[int]] = ([], [])

    def take_turn(self, floor: int, start: int) -> int:
        """Let ``floor`` speak from about ``start``; returns when the other takes over."""
        speaker, rng = self.speakers[floor], self._rng
        start = max(start, self._free[floor])
        number = 1 + int(np.searchsorted(np.cumsum(_NUM_UTTERANCES), rng.random(), side="right"))
        end = speaker.say(start)
        while number > 1 and not self._bank.texts[speaker.turns[-1].utterance].endswith("?"):
            self._hum(1 - floor, end)
            start = speaker.pause(end)
            end = speaker.say(start)
            number -= 1
        self._free[floor] = end
        return self._hand_over(floor, start, end)

    def _hum(self, listener: int, end: int) -> None:
        """Perhaps a back-channel soon after something was said, some into what follows."""
        speaker = self.speakers[listener]
        at = end + speaker.samples(0.2, 0.5)
        if at >= self._free[listener] and self._rng.random() < _HUM_PROBABILITY:
            self._free[listener] = speaker.utter((VocalKind.MM_HM, VocalKind.BACKCHANNEL), at)

    def _hand_over(self, floor: int, start: int, end: int) -> int:
        """When the other begins, after an utterance from ``start`` to ``end``: later, too early, or as a break-in."""
        speaker, draw = self.speakers[floor], self._rng.random()
        earliest = self._free[1 - floor]
        if draw < _BREAK_IN_PROBABILITY and (end - start) > _LEAST_BREAK_IN_S * AUDIO_RATE_HZ:
            at = start + int(self._rng.uniform(*_BREAK_IN_AT) * (end - start))
            cut = at + speaker.samples(*STOP_S)
            if at >= earliest and cut < end:
                speaker.break_off(cut)
                self.broken_in[floor].append(at)
                self._free[floor] = cut
                return at
        if draw < _BREAK_IN_PROBABILITY + _OVERLAP_PROBABILITY:
            return max(end - min(speaker.samples(0.15, 0.7), (end - start) // 2), earliest)
        if draw > 1.0 - _SILENCE_PROBABILITY:
            return max(end + speaker.samples(1.5, 3.0), earliest)
        return max(end + speaker.samples(0.1, 0.7), earliest)
