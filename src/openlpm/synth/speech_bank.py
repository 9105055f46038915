"""Many utterances made beforehand, in parallel: training draws on them thousands of times a second."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError, InputError
from openlpm.core.seeds import Split, generator
from openlpm.synth.espeak import Phone, Synthesiser, Utterance
from openlpm.synth.sentences import sentence
from openlpm.synth.voices import Voice, voices_of

_JOB_UTTERANCES = 32
_FORMAT = 1


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class SpeechBank:
    """Utterances laid end to end; entry u of a ``first_*`` array is where utterance u begins, entry u + 1 its end."""

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
    """IPA as espeak-ng writes it; the empty string is a pause."""
    voice_index: NDArray[np.int32]
    """Index into ``voices_of(split)``, one for each utterance, in rising order."""
    texts: tuple[str, ...]

    @property
    def num_utterances(self) -> int:
        """How many utterances there are."""
        return self.voice_index.shape[0]

    @property
    def num_samples(self) -> int:
        """Length of all sound in samples at 16 kHz."""
        return self.samples_A.shape[0]

    def voice(self, utterance: int) -> Voice:
        """Who says utterance ``utterance``."""
        return voices_of(self.split)[int(self.voice_index[utterance])]

    def utterances_of(self, voice_index: int) -> range:
        """The utterances of a voice, by its place in ``voices_of(split)``; empty if it says nothing here."""
        first, end = np.searchsorted(self.voice_index, [voice_index, voice_index + 1])
        return range(int(first), int(end))

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
                texts=np.array("\n".join(self.texts)),
            )


def load(path: Path) -> SpeechBank:
    """Read a bank that ``SpeechBank.save`` wrote.

    Raises:
        InputError: the file is missing or is no bank of this version.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no speech bank here; build one with synth.speech_bank.build")
    with np.load(path, allow_pickle=False) as stored:
        if "format" not in stored or int(stored["format"]) != _FORMAT:
            raise InputError(f"{path}: not a speech bank of format {_FORMAT}; build it again")
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
            texts=tuple(str(stored["texts"]).split("\n")),
        )


def build(
    split: Split,
    num_utterances: int,
    *,
    seed: int,
    workers: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> SpeechBank:
    """Say ``num_utterances`` sentences, spread evenly over the voices of ``split``.

    Who says what follows from ``seed``; the sound itself is not repeatable (see ``Synthesiser``).
    ``workers`` processes share the work, 0 does it in this process. ``on_progress(done, all)`` is called in this
    process after every few utterances. Scripts that use workers need the usual ``if __name__ == "__main__"`` guard.
    """
    if num_utterances < 1:
        raise ConfigError(f"num_utterances={num_utterances}: a bank needs at least one")
    jobs = list(_jobs(split, num_utterances, seed))
    parts: list[_Part] = []
    done = 0
    for part in _run(jobs, workers):
        parts.append(part)
        done += part.voice_index.shape[0]
        if on_progress is not None:
            on_progress(done, num_utterances)
    return _joined(split, parts)


@dataclass(frozen=True, slots=True)
class _Job:
    split: Split
    seed: int
    voice_index: int
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class _Part:
    samples_A: NDArray[np.int16]
    num_samples: NDArray[np.int64]
    num_phones: NDArray[np.int64]
    phone_start: NDArray[np.int32]
    phone_end: NDArray[np.int32]
    phone_symbol: NDArray[np.int16]
    symbols: list[str]
    voice_index: NDArray[np.int32]
    texts: list[str]


def _jobs(split: Split, num_utterances: int, seed: int) -> Iterator[_Job]:
    """Utterance numbers in blocks of one voice each, voices in rising order."""
    num_voices = len(voices_of(split))
    if num_utterances < num_voices:
        # A few utterances should still be of a few languages, so voices are drawn rather than taken in order.
        drawn = generator("speech_bank", split, seed).choice(num_voices, size=num_utterances, replace=False)
        bounds = np.arange(num_utterances + 1)
        voices = np.sort(drawn)
    else:
        bounds = np.arange(num_voices + 1) * num_utterances // num_voices
        voices = np.arange(num_voices)
    for voice, first, end in zip(voices, bounds[:-1], bounds[1:], strict=True):
        for start in range(int(first), int(end), _JOB_UTTERANCES):
            yield _Job(split, seed, int(voice), start, min(start + _JOB_UTTERANCES, int(end)))


def _run(jobs: list[_Job], workers: int) -> Iterator["_Part"]:
    if workers == 0:
        yield from map(_said, jobs)
        return
    # Spawned, because a forked child of a process that uses CUDA or threads may hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context) as pool:
        yield from pool.map(_said, jobs)


def _said(job: _Job) -> _Part:
    synthesiser = Synthesiser()
    voice = voices_of(job.split)[job.voice_index]
    rng = generator("speech_bank", job.split, job.seed, job.first)
    utterances = [synthesiser.say(sentence(voice.language, rng), voice) for _ in range(job.first, job.end)]
    phones = [phone for utterance in utterances for phone in utterance.phones]
    symbols = sorted({phone.ipa for phone in phones})
    place = {symbol: index for index, symbol in enumerate(symbols)}
    return _Part(
        samples_A=np.concatenate([_sixteen_bit(utterance) for utterance in utterances]),
        num_samples=np.array([utterance.samples_A.shape[0] for utterance in utterances], dtype=np.int64),
        num_phones=np.array([len(utterance.phones) for utterance in utterances], dtype=np.int64),
        phone_start=np.array([phone.start_sample for phone in phones], dtype=np.int32),
        phone_end=np.array([phone.end_sample for phone in phones], dtype=np.int32),
        phone_symbol=np.array([place[phone.ipa] for phone in phones], dtype=np.int16),
        symbols=symbols,
        voice_index=np.full(len(utterances), job.voice_index, dtype=np.int32),
        texts=[utterance.text for utterance in utterances],
    )


def _sixteen_bit(utterance: Utterance) -> NDArray[np.int16]:
    return np.rint(utterance.samples_A * 32767.0).clip(-32768, 32767).astype(np.int16)


def _joined(split: Split, parts: list[_Part]) -> SpeechBank:
    symbols = tuple(sorted({symbol for part in parts for symbol in part.symbols}))
    place = {symbol: index for index, symbol in enumerate(symbols)}
    return SpeechBank(
        split=split,
        samples_A=np.concatenate([part.samples_A for part in parts]),
        first_sample=_firsts([part.num_samples for part in parts]),
        first_phone=_firsts([part.num_phones for part in parts]),
        phone_start=np.concatenate([part.phone_start for part in parts]),
        phone_end=np.concatenate([part.phone_end for part in parts]),
        phone_symbol=np.concatenate([_renumbered(part, place) for part in parts]),
        symbols=symbols,
        voice_index=np.concatenate([part.voice_index for part in parts]),
        texts=tuple(text for part in parts for text in part.texts),
    )


def _renumbered(part: _Part, place: dict[str, int]) -> NDArray[np.int16]:
    return np.array([place[symbol] for symbol in part.symbols], dtype=np.int16)[part.phone_symbol]


def _firsts(counts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    flat: NDArray[Any] = np.concatenate(counts)
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(flat, dtype=np.int64)])
