"""Who says what in which emotion, and the processes that make them say it."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np

from openlpm.core.emotion import EMOTIONS
from openlpm.core.seeds import Split, generator
from openlpm.synth.sound.bank_parts import Part, part_of
from openlpm.synth.sound.emotional_speech import say_with_emotion
from openlpm.synth.sound.espeak import Synthesiser
from openlpm.synth.sound.nonverbal import make_sound
from openlpm.synth.sound.vocal_kinds import EMOTIONS_OF, NON_VERBAL, VocalKind
from openlpm.synth.sound.voices import voices_of

_JOB_UTTERANCES = 32
_WORDLESS_EVERY = 5
"""One in five utterances of a voice is no sentence, as soon as it says five."""
_NEUTRAL_SHARE = 0.3
_FULL_VOICE = 60
"""With so many a voice has 14 neutral sentences, two or three in each other emotion, and every kind of sound."""
_LEAST_VOICES = 16
_WORDLESS = (VocalKind.BACKCHANNEL, *NON_VERBAL)


@dataclass(frozen=True, slots=True)
class Job:
    """What one voice says in one go."""

    split: Split
    seed: int
    voice_index: int
    first: int
    """Number of the first utterance."""
    roles: tuple[tuple[VocalKind, str], ...]
    """Kind and emotion of each utterance."""


def jobs(split: Split, num_utterances: int, seed: int) -> Iterator[Job]:
    """Utterances in blocks of one voice each, voices in rising order.

    A voice that feels has to say several things in each emotion, or a clip would repeat itself; so a bank holds only as
    many voices as leave ``_FULL_VOICE`` utterances to each, though ``_LEAST_VOICES`` if it can. ``seed`` chooses them.
    """
    present = len(voices_of(split))
    num_voices = min(present, num_utterances, max(num_utterances // _FULL_VOICE, _LEAST_VOICES))
    drawn = generator("speech_bank", split, seed).choice(present, size=num_voices, replace=False)
    voices = np.sort(drawn)
    bounds = np.arange(num_voices + 1) * num_utterances // num_voices
    for voice, first, end in zip(voices.tolist(), bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        roles = _roles(generator("speech_bank", "roles", split, seed, voice), end - first)
        for start in range(first, end, _JOB_UTTERANCES):
            some = roles[start - first : min(start + _JOB_UTTERANCES, end) - first]
            yield Job(split, seed, voice, start, some)


def _roles(rng: np.random.Generator, count: int) -> tuple[tuple[VocalKind, str], ...]:
    """Kinds and emotions of ``count`` utterances of a voice.

    Every fifth is a backchannel or a sound without words, each kind as often as the others; the rest are sentences,
    three in ten of them neutral and the others in the other emotions alike.
    """
    wordless = [_WORDLESS[index] for index in rng.permutation(len(_WORDLESS))]
    felt = [EMOTIONS[index] for index in rng.permutation(np.arange(1, len(EMOTIONS)))]
    roles: list[tuple[VocalKind, str]] = []
    num_felt = 0
    for index in range(count):
        if index % _WORDLESS_EVERY == _WORDLESS_EVERY - 1:
            kind = wordless[(index // _WORDLESS_EVERY) % len(wordless)]
            emotions = EMOTIONS_OF[kind]
            roles.append((kind, emotions[int(rng.integers(len(emotions)))]))
        elif rng.random() < _NEUTRAL_SHARE:
            roles.append((VocalKind.SPEECH, "neutral"))
        else:
            roles.append((VocalKind.SPEECH, felt[num_felt % len(felt)]))
            num_felt += 1
    return tuple(roles)


def run(all_jobs: list[Job], workers: int, pool: Executor | None = None) -> Iterator[Part]:
    """The work of each job in order, by a pool, by ``workers`` processes of its own or, for 0, in this one."""
    if pool is not None:
        yield from pool.map(said, all_jobs)
        return
    if workers == 0:
        yield from map(said, all_jobs)
        return
    # Spawned, because a forked child of a process that uses CUDA or threads may hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(all_jobs)), mp_context=context) as own:
        yield from own.map(said, all_jobs)


def said(job: Job) -> Part:
    """The utterances of a job."""
    synthesiser = _synthesiser()
    voice = voices_of(job.split)[job.voice_index]
    rng = generator("speech_bank", job.split, job.seed, job.first)
    utterances = [
        make_sound(kind, voice, emotion, rng, synthesiser)
        if kind in NON_VERBAL
        else say_with_emotion(synthesiser, voice, emotion, rng, kind=kind)
        for kind, emotion in job.roles
    ]
    return part_of(utterances, [job.voice_index] * len(utterances))


@cache
def _synthesiser() -> Synthesiser:
    return Synthesiser()
