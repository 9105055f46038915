"""The synthesiser, its voices and the bank of what they said."""

import dataclasses
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from openlpm.core.errors import ConfigError, InputError
from openlpm.core.seeds import Split
from openlpm.synth.espeak import Synthesiser, resampled
from openlpm.synth.sentences import sentence
from openlpm.synth.speech_bank import SpeechBank, build, load
from openlpm.synth.voices import LANGUAGES, Voice, voices_of

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def bank() -> SpeechBank:
    return build(Split.VALIDATION, 6, seed=3)


def test_variants_of_one_split_are_never_heard_in_another() -> None:
    heard = {split: {voice.variant for voice in voices_of(split)} for split in Split}
    assert not heard[Split.TRAIN] & heard[Split.TEST]
    assert not heard[Split.TRAIN] & heard[Split.VALIDATION]
    assert not heard[Split.VALIDATION] & heard[Split.TEST]


@pytest.mark.parametrize(("split", "least"), [(Split.TRAIN, 40), (Split.VALIDATION, 8), (Split.TEST, 12)])
def test_every_split_has_enough_speakers_of_at_least_five_languages(split: Split, least: int) -> None:
    assert len({voice.variant for voice in voices_of(split)}) >= least
    assert len({voice.language for voice in voices_of(split)}) >= 5


def test_the_variant_that_crashes_the_library_is_refused() -> None:
    with pytest.raises(ConfigError, match="crashes"):
        Voice(language="de", variant="Demonic")


def test_an_unknown_variant_or_missing_language_is_told_from_silence() -> None:
    with pytest.raises(ConfigError, match="tlh"):
        Voice(language="tlh", variant="m1")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_thousands_of_sentences_that_can_be_said(language: str) -> None:
    rng = np.random.default_rng(0)
    assert len({sentence(language, rng) for _ in range(1500)}) > 1200
    utterance = Synthesiser().say("papa", Voice(language=language, variant="m3"))
    assert sum(phone.ipa == "p" for phone in utterance.phones) == 2


def test_phones_fill_the_utterance_and_fit_its_sound() -> None:
    utterance = Synthesiser().say("Pa. Pa.", Voice(language="en-us", variant="m1"))
    phones = utterance.phones
    assert all(before.end_sample == after.start_sample for before, after in pairwise(phones))
    # Both rates round down: the last phone ends within a sample of the sound.
    assert abs(phones[-1].end_sample - utterance.samples_A.shape[0]) <= 1
    vowels = [utterance.samples_A[phone.start_sample : phone.end_sample] for phone in phones if "ɑ" in phone.ipa]
    pauses = [utterance.samples_A[phone.start_sample : phone.end_sample] for phone in phones if not phone.ipa]
    assert min(np.abs(sound).max() for sound in vowels) > 0.1
    assert max(np.abs(sound[200:]).max() for sound in pauses if sound.shape[0] > 1000) < 0.02


def test_synthesisers_of_one_process_do_not_disturb_each_other() -> None:
    slow, fast = (Voice(language="en-us", variant="m1", rate_wpm=rate) for rate in (90, 280))
    first = Synthesiser()
    alone = first.say("Papa.", slow).samples_A.shape[0]
    assert Synthesiser().say("Papa.", fast).samples_A.shape[0] < alone
    # Lengths vary a little from one saying to the next.
    assert first.say("Papa.", slow).samples_A.shape[0] == pytest.approx(alone, rel=0.05)


def test_resampling_keeps_a_tone_where_it_was_and_removes_what_does_not_fit() -> None:
    times_in, times_out = np.arange(22_050) / 22_050, np.arange(16_000) / 16_000
    kept_A = resampled(np.sin(2 * np.pi * 3000 * times_in).astype(np.float32))
    wanted_A = np.sin(2 * np.pi * 3000 * times_out)
    # The ripple of a 48-tap window in its pass band.
    np.testing.assert_allclose(kept_A[100:-100], wanted_A[100:-100], atol=5e-3)
    removed_A = resampled(np.sin(2 * np.pi * 9500 * times_in).astype(np.float32))
    assert np.abs(removed_A[100:-100]).max() < 0.01


def test_a_bank_holds_what_was_said_by_whom(bank: SpeechBank) -> None:
    assert bank.num_utterances == 6
    assert bank.first_sample[-1] == bank.num_samples
    for utterance in range(6):
        assert bank.samples(utterance).shape == (bank.length(utterance),)
        assert np.abs(bank.samples(utterance)).max() > 0.1
        assert bank.phones(utterance)[-1].end_sample <= bank.length(utterance)
        assert bank.voice(utterance) in voices_of(Split.VALIDATION)
        assert utterance in bank.utterances_of(int(bank.voice_index[utterance]))


def test_a_saved_bank_is_loaded_unchanged(bank: SpeechBank, tmp_path: Path) -> None:
    bank.save(tmp_path / "bank.npz")
    again = load(tmp_path / "bank.npz")
    for field in dataclasses.fields(SpeechBank):
        np.testing.assert_array_equal(getattr(again, field.name), getattr(bank, field.name))


def test_a_missing_bank_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no speech bank"):
        load(tmp_path / "none.npz")


def test_workers_say_the_same_texts_as_one_process(bank: SpeechBank) -> None:
    seen: list[int] = []
    parallel = build(Split.VALIDATION, 6, seed=3, workers=1, on_progress=lambda done, _: seen.append(done))
    assert parallel.texts == bank.texts
    np.testing.assert_array_equal(parallel.voice_index, bank.voice_index)
    assert seen[-1] == 6
