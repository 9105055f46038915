"""Utterances as arrays laid end to end: what workers hand back, and what banks are joined from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.emotion import EMOTIONS
from openlpm.synth.sound.espeak import Utterance
from openlpm.synth.sound.vocal_kinds import VocalKind

KINDS = tuple(VocalKind)
"""In the order of the numbers that are stored."""


@final
@dataclass(frozen=True, slots=True)
class Part:
    """Some utterances; U of them."""

    samples_A: NDArray[np.int16]
    length_U: NDArray[np.int64]
    """In samples."""
    num_phones_U: NDArray[np.int64]
    phone_start: NDArray[np.int32]
    """In samples from the start of the phone's utterance."""
    phone_end: NDArray[np.int32]
    phone_symbol: NDArray[np.int16]
    """Index into ``symbols``."""
    symbols: tuple[str, ...]
    speaker_U: NDArray[np.int32]
    emotion_U: NDArray[np.int8]
    kind_U: NDArray[np.int8]
    texts: tuple[str, ...]

    @property
    def num_utterances(self) -> int:
        return self.length_U.shape[0]


def part_of(utterances: Sequence[Utterance], speakers: Sequence[int]) -> Part:
    """Utterances, one or more, whose speakers have the numbers ``speakers``."""
    phones = [phone for utterance in utterances for phone in utterance.phones]
    symbols = tuple(sorted({phone.ipa for phone in phones}))
    place = {symbol: index for index, symbol in enumerate(symbols)}
    return Part(
        samples_A=np.concatenate([_sixteen_bit(utterance.samples_A) for utterance in utterances]),
        length_U=np.array([utterance.samples_A.shape[0] for utterance in utterances], dtype=np.int64),
        num_phones_U=np.array([len(utterance.phones) for utterance in utterances], dtype=np.int64),
        phone_start=np.array([phone.start_sample for phone in phones], dtype=np.int32),
        phone_end=np.array([phone.end_sample for phone in phones], dtype=np.int32),
        phone_symbol=np.array([place[phone.ipa] for phone in phones], dtype=np.int16),
        symbols=symbols,
        speaker_U=np.array(speakers, dtype=np.int32),
        emotion_U=np.array([EMOTIONS.index(utterance.emotion) for utterance in utterances], dtype=np.int8),
        kind_U=np.array([KINDS.index(utterance.kind) for utterance in utterances], dtype=np.int8),
        texts=tuple(utterance.text.replace("\n", " ") for utterance in utterances),
    )


def joined(parts: Sequence[Part]) -> Part:
    """All utterances of ``parts``, one or more, ordered by speaker, then by kind, then as they came."""
    symbols = tuple(sorted({symbol for part in parts for symbol in part.symbols}))
    place = {symbol: index for index, symbol in enumerate(symbols)}
    speaker_U = np.concatenate([part.speaker_U for part in parts])
    kind_U = np.concatenate([part.kind_U for part in parts])
    order_U = np.lexsort((kind_U, speaker_U))
    length_U = np.concatenate([part.length_U for part in parts])
    num_phones_U = np.concatenate([part.num_phones_U for part in parts])
    phone_order = _runs(num_phones_U, order_U)
    texts = [text for part in parts for text in part.texts]
    symbol = np.concatenate([_renumbered(part, place) for part in parts])
    return Part(
        samples_A=_sound_in_order([part.samples_A for part in parts], length_U, order_U),
        length_U=length_U[order_U],
        num_phones_U=num_phones_U[order_U],
        phone_start=np.concatenate([part.phone_start for part in parts])[phone_order],
        phone_end=np.concatenate([part.phone_end for part in parts])[phone_order],
        phone_symbol=symbol[phone_order],
        symbols=symbols,
        speaker_U=speaker_U[order_U],
        emotion_U=np.concatenate([part.emotion_U for part in parts])[order_U],
        kind_U=kind_U[order_U],
        texts=tuple(texts[index] for index in order_U.tolist()),
    )


def firsts(count_U: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each of a row of runs begins, and at last where all end."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(count_U, dtype=np.int64)])


def _sound_in_order(
    sounds: list[NDArray[np.int16]], length_U: NDArray[np.int64], order_U: NDArray[np.int64]
) -> NDArray[np.int16]:
    """Utterances are copied once, straight to their place: a bank may be gigabytes."""
    sorted_A = np.empty(int(length_U.sum()), dtype=np.int16)
    target_U = np.empty_like(length_U)
    target_U[order_U] = firsts(length_U[order_U])[:-1]
    utterance = 0
    for sound_A in sounds:
        start = 0
        while start < sound_A.shape[0]:
            length, target = int(length_U[utterance]), int(target_U[utterance])
            sorted_A[target : target + length] = sound_A[start : start + length]
            start, utterance = start + length, utterance + 1
    return sorted_A


def _runs(count_U: NDArray[np.int64], order_U: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers of all entries when runs of ``count_U`` entries are laid in the order ``order_U``."""
    first_U = firsts(count_U)[:-1][order_U]
    sorted_U = count_U[order_U]
    inside: NDArray[Any] = np.arange(int(count_U.sum())) - np.repeat(firsts(sorted_U)[:-1], sorted_U)
    return np.repeat(first_U, sorted_U) + inside


def _renumbered(part: Part, place: dict[str, int]) -> NDArray[np.int16]:
    return np.array([place[symbol] for symbol in part.symbols], dtype=np.int16)[part.phone_symbol]


def _sixteen_bit(samples_A: NDArray[np.float32]) -> NDArray[np.int16]:
    return np.rint(samples_A * 32767.0).clip(-32768, 32767).astype(np.int16)
