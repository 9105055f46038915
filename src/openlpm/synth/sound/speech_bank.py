"""Many utterances made beforehand, in parallel: training draws on them thousands of times a second."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.emotion import EMOTIONS
from openlpm.core.errors import ConfigError, InputError
from openlpm.core.seeds import Split
from openlpm.synth.sound.bank_parts import KINDS, Part, firsts, joined, part_of
from openlpm.synth.sound.bank_work import jobs, run
from openlpm.synth.sound.espeak import Phone, Utterance
from openlpm.synth.sound.vocal_kinds import VocalKind
from openlpm.synth.sound.voices import HumanVoice, Speaker, Voice, voices_of

_FORMAT = 2


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class SpeechBank:
    """Utterances laid end to end, ordered by voice and, for each voice, sentences first.

    Entry u of a ``first_*`` array is where utterance u begins, entry u + 1 its end.
    """

    split: Split
    samples_A: NDArray[np.int16]
    """All sound at 16 kHz."""
    first_sample: NDArray[np.int64]
    first_phone: NDArray[np.int64]
    phone_start: NDArray[np.int32]
    """In samples from the start of the phone's utterance."""
    phone_end: NDArray[np.int32]
    phone_symbol: NDArray[np.int16]
    """Index into ``symbols``."""
    symbols: tuple[str, ...]
    """IPA as espeak-ng writes it, or ``visemes.viseme_symbol`` of recorded people; the empty string is a pause."""
    voice_index: NDArray[np.int32]
    """Who speaks, one number for each utterance, in rising order; see ``speaker``."""
    emotion_index: NDArray[np.int8]
    """Index into ``core.emotion.EMOTIONS``."""
    kind_index: NDArray[np.int8]
    """Index into the members of ``VocalKind``."""
    texts: tuple[str, ...]
    human_voices: tuple[HumanVoice, ...] = ()
    """Recorded people; the first has the number that follows the last of ``voices_of(split)``."""

    @property
    def num_utterances(self) -> int:
        """How many utterances there are."""
        return self.voice_index.shape[0]

    @property
    def num_samples(self) -> int:
        """Length of all sound in samples at 16 kHz."""
        return self.samples_A.shape[0]

    def speaker(self, voice_index: int) -> Speaker:
        """Whose number ``voice_index`` is: a voice of the synthesiser, or a recorded person."""
        voices = voices_of(self.split)
        return voices[voice_index] if voice_index < len(voices) else self.human_voices[voice_index - len(voices)]

    def voice(self, utterance: int) -> Speaker:
        """Who says utterance ``utterance``."""
        return self.speaker(int(self.voice_index[utterance]))

    def emotion_of(self, utterance: int) -> str:
        """The emotion that is heard in an utterance, one of ``core.emotion.EMOTIONS``."""
        return EMOTIONS[int(self.emotion_index[utterance])]

    def kind_of(self, utterance: int) -> VocalKind:
        """What an utterance is: a sentence, a laugh, a sigh."""
        return KINDS[int(self.kind_index[utterance])]

    def utterances_of(self, voice_index: int) -> range:
        """The sentences of a voice: neither backchannels nor sounds without words, in any emotion."""
        first, end = self._bounds(voice_index)
        return range(first, first + int(np.searchsorted(self.kind_index[first:end], 1)))

    def utterances(
        self, voice_index: int, *, kind: VocalKind | str | None = None, emotion: str | None = None
    ) -> NDArray[np.int64]:
        """The utterances of a voice that are of ``kind`` and in ``emotion``; without them, of any. May be empty.

        Raises:
            ConfigError: there is no such emotion.
        """
        first, end = self._bounds(voice_index)
        kept = np.ones(end - first, dtype=np.bool_)
        if kind is not None:
            kept &= self.kind_index[first:end] == KINDS.index(VocalKind(kind))
        if emotion is not None:
            if emotion not in EMOTIONS:
                raise ConfigError(f"emotion={emotion!r}: choose one of {', '.join(EMOTIONS)}")
            kept &= self.emotion_index[first:end] == EMOTIONS.index(emotion)
        return first + np.flatnonzero(kept)

    def _bounds(self, voice_index: int) -> tuple[int, int]:
        first, end = np.searchsorted(self.voice_index, [voice_index, voice_index + 1])
        return int(first), int(end)

    def length(self, utterance: int) -> int:
        """Length of an utterance in samples."""
        return int(self.first_sample[utterance + 1] - self.first_sample[utterance])

    def samples(self, utterance: int) -> NDArray[np.float32]:
        """The sound of an utterance, float32 in [-1, 1] at 16 kHz."""
        first, end = self.first_sample[utterance : utterance + 2]
        return self.samples_A[first:end].astype(np.float32) / np.float32(32768.0)

    def phones(self, utterance: int) -> tuple[Phone, ...]:
        """The phones of an utterance."""
        first, end = self.first_phone[utterance : utterance + 2]
        return tuple(
            Phone(int(self.phone_start[p]), int(self.phone_end[p]), self.symbols[int(self.phone_symbol[p])])
            for p in range(int(first), int(end))
        )

    def save(self, path: Path) -> None:
        """Write everything to ``path``, an uncompressed ``.npz``."""
        with path.open("wb") as file:
            np.savez(
                file,
                format=np.int32(_FORMAT),
                split=np.str_(self.split.value),
                samples=self.samples_A,
                first_sample=self.first_sample,
                first_phone=self.first_phone,
                phone_start=self.phone_start,
                phone_end=self.phone_end,
                phone_symbol=self.phone_symbol,
                symbols=np.array("\n".join(self.symbols)),
                voice_index=self.voice_index,
                emotions=np.array("\n".join(EMOTIONS)),
                emotion_index=self.emotion_index,
                kinds=np.array("\n".join(KINDS)),
                kind_index=self.kind_index,
                texts=np.array("\n".join(self.texts)),
                human_voices=np.array("\n".join(f"{voice.name}\t{voice.language}" for voice in self.human_voices)),
            )


def load(path: Path) -> SpeechBank:
    """Read a bank that ``SpeechBank.save`` wrote.

    Raises:
        InputError: the file is missing or is no bank of this version.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no speech bank here; build one with synth.speech_bank.build")
    with np.load(path, allow_pickle=False) as stored:
        known = {"format": str(_FORMAT), "emotions": "\n".join(EMOTIONS), "kinds": "\n".join(KINDS)}
        if any(name not in stored or str(stored[name]) != value for name, value in known.items()):
            raise InputError(f"{path}: not a speech bank of format {_FORMAT} with these emotions; build it again")
        people = [line.split("\t") for line in str(stored["human_voices"]).splitlines()]
        return SpeechBank(
            split=Split(str(stored["split"])),
            samples_A=stored["samples"],
            first_sample=stored["first_sample"],
            first_phone=stored["first_phone"],
            phone_start=stored["phone_start"],
            phone_end=stored["phone_end"],
            phone_symbol=stored["phone_symbol"],
            symbols=tuple(str(stored["symbols"]).split("\n")),
            voice_index=stored["voice_index"],
            emotion_index=stored["emotion_index"],
            kind_index=stored["kind_index"],
            texts=tuple(str(stored["texts"]).split("\n")),
            human_voices=tuple(HumanVoice(name=name, language=language) for name, language in people),
        )


def build(
    split: Split,
    num_utterances: int,
    *,
    seed: int,
    workers: int = 0,
    pool: Executor | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> SpeechBank:
    """Say ``num_utterances`` with voices of ``split``; ``bank_work`` draws the voices, kinds and emotions.

    Who says what, and every sample of it, follows from ``seed``. ``workers`` processes share the work, 0 does it in
    this process; those of a ``pool`` are there already and stay. ``on_progress(done, all)`` is called in this process
    after every few utterances. Scripts that use workers need the usual ``if __name__ == "__main__"`` guard.
    """
    if num_utterances < 1:
        raise ConfigError(f"num_utterances={num_utterances}: a bank needs at least one")
    parts: list[Part] = []
    done = 0
    for part in run(list(jobs(split, num_utterances, seed)), workers, pool):
        parts.append(part)
        done += part.num_utterances
        if on_progress is not None:
            on_progress(done, num_utterances)
    return bank_of(split, joined(parts))


def with_human(bank: SpeechBank, utterances: Sequence[Utterance]) -> SpeechBank:
    """``bank`` and recorded people (``human_speech.human_utterance``); who speaks is told by the name of the voice.

    Whether a speaker belongs to the bank's split is for the caller to say, with ``voices.split_of_human``.

    Raises:
        ConfigError: an utterance is not of a ``HumanVoice``.
    """
    if not utterances:
        return bank
    added: list[HumanVoice] = []
    for utterance in utterances:
        if isinstance(utterance.voice, Voice):
            raise ConfigError(f"voice={utterance.voice.name}: only recorded people are added; build says the others")
        added.append(utterance.voice)
    people = tuple(sorted({*bank.human_voices, *added}, key=lambda voice: (voice.name, voice.language)))
    first = len(voices_of(bank.split))
    place = {voice: first + index for index, voice in enumerate(people)}
    return bank_of(
        bank.split, joined([_part(bank, place), part_of(utterances, [place[voice] for voice in added])]), people
    )


def merged(banks: Sequence[SpeechBank]) -> SpeechBank:
    """All utterances of banks of one split.

    Raises:
        ConfigError: there is no bank, or their splits differ.
    """
    splits = {bank.split for bank in banks}
    if len(splits) != 1:
        raise ConfigError(f"splits={sorted(splits)}: merge banks of one split, at least one")
    split = splits.pop()
    found = {voice for bank in banks for voice in bank.human_voices}
    people = tuple(sorted(found, key=lambda voice: (voice.name, voice.language)))
    place = {voice: len(voices_of(split)) + index for index, voice in enumerate(people)}
    return bank_of(split, joined([_part(bank, place) for bank in banks]), people)


def _part(bank: SpeechBank, place: dict[HumanVoice, int]) -> Part:
    """``bank`` with the numbers of its recorded people as in ``place``."""
    num_voices = len(voices_of(bank.split))
    number = np.array([*range(num_voices), *(place[voice] for voice in bank.human_voices)], dtype=np.int32)
    return Part(
        samples_A=bank.samples_A,
        length_U=np.diff(bank.first_sample),
        num_phones_U=np.diff(bank.first_phone),
        phone_start=bank.phone_start,
        phone_end=bank.phone_end,
        phone_symbol=bank.phone_symbol,
        symbols=bank.symbols,
        speaker_U=number[bank.voice_index],
        emotion_U=bank.emotion_index,
        kind_U=bank.kind_index,
        texts=bank.texts,
    )


def bank_of(split: Split, part: Part, people: tuple[HumanVoice, ...] = ()) -> SpeechBank:
    """A bank of what workers have said."""
    return SpeechBank(
        split=split,
        samples_A=part.samples_A,
        first_sample=firsts(part.length_U),
        first_phone=firsts(part.num_phones_U),
        phone_start=part.phone_start,
        phone_end=part.phone_end,
        phone_symbol=part.phone_symbol,
        symbols=part.symbols,
        voice_index=part.speaker_U,
        emotion_index=part.emotion_U,
        kind_index=part.kind_U,
        texts=part.texts,
        human_voices=people,
    )
