"""The synthesiser, its voices and the bank of what they said."""

import dataclasses
import time
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest

from openlpm.core.emotion import EMOTIONS
from openlpm.core.errors import ConfigError, InputError
from openlpm.core.seeds import Split
from openlpm.synth.sound.bank_work import jobs
from openlpm.synth.sound.espeak import Synthesiser, resampled
from openlpm.synth.sound.grammars import GRAMMARS
from openlpm.synth.sound.sentences import backchannel, sentence
from openlpm.synth.sound.speech_bank import SpeechBank, build, load
from openlpm.synth.sound.vocal_kinds import EMOTIONS_OF, VocalKind
from openlpm.synth.sound.voices import LANGUAGES, Voice, voices_of

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


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("emotion", EMOTIONS[1:])
def test_every_emotion_has_words_of_its_own_in_every_language(language: str, emotion: str) -> None:
    rng = np.random.default_rng(1)
    felt, plain = (
        {sentence(language, rng, emotion=name).split(".")[0] for _ in range(60)} for name in (emotion, "neutral")
    )
    assert len(felt) > 10
    assert len(felt & plain) < 3
    assert not any(mark in text for text in felt | plain for mark in "{}|")


def test_an_unknown_emotion_has_no_words() -> None:
    with pytest.raises(ConfigError, match="hungry"):
        sentence("de", np.random.default_rng(0), emotion="hungry")


@pytest.mark.parametrize("language", LANGUAGES)
def test_listeners_say_short_words_in_every_language(language: str) -> None:
    rng = np.random.default_rng(2)
    words = {backchannel(language, rng) for _ in range(100)}
    assert len(words) >= 10
    assert max(len(text) for text in words) < 20


def test_a_word_of_another_language_brings_no_sounds_that_nobody_makes() -> None:
    utterance = Synthesiser().say("beurk", Voice(language="fr", variant="m3"))
    assert next(phone.ipa for phone in utterance.phones if phone.ipa) == "b"
    assert not any("(" in phone.ipa for phone in utterance.phones)


def test_every_template_can_be_filled() -> None:
    for templates, words in GRAMMARS.values():
        assert all(line.strip().format(**dict.fromkeys(words, "x")) for line in templates.strip().splitlines())
    rng = np.random.default_rng(3)
    for language, emotion in product(LANGUAGES, EMOTIONS):
        assert all("{" not in sentence(language, rng, emotion=emotion) for _ in range(40))


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


# A voice by formants, one with breath, one of each engine that draws noise in its own way.
@pytest.mark.parametrize("variant", ["m1", "whisper", "caleb", "klatt3"])
def test_the_same_words_sound_the_same_whatever_was_said_before(variant: str) -> None:
    voice, other = Voice(language="en-us", variant=variant), Voice(language="fr", variant="f2", rate_wpm=280)
    alone = Synthesiser().say("She thinks so.", voice)
    time.sleep(1 - time.time() % 1)  # the library draws breath by the second of the day
    for before in ("Papa.", "Hum, beurk!"):
        Synthesiser().say(before, other)
        again = Synthesiser().say("She thinks so.", voice)
        np.testing.assert_array_equal(again.samples_A, alone.samples_A)
        assert again.phones == alone.phones


def test_a_bank_is_the_same_however_many_processes_make_it() -> None:
    alone, together = (build(Split.TRAIN, 30, seed=4, workers=workers) for workers in (0, 2))
    np.testing.assert_array_equal(together.samples_A, alone.samples_A)
    np.testing.assert_array_equal(together.phone_end, alone.phone_end)


def test_resampling_keeps_a_tone_where_it_was_and_removes_what_does_not_fit() -> None:
    times_in, times_out = np.arange(22_050) / 22_050, np.arange(16_000) / 16_000
    kept_A = resampled(np.sin(2 * np.pi * 3000 * times_in).astype(np.float32))
    wanted_A = np.sin(2 * np.pi * 3000 * times_out)
    # The ripple of a 48-tap window in its pass band.
    np.testing.assert_allclose(kept_A[100:-100], wanted_A[100:-100], atol=5e-3)
    removed_A = resampled(np.sin(2 * np.pi * 9500 * times_in).astype(np.float32))
    assert np.abs(removed_A[100:-100]).max() < 0.01


def test_no_product_of_resampling_is_shared_among_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenBLAS shares products of more than 2**18 multiplications; on a busy machine that took 70 times as long."""
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = []

    def noted(left: np.ndarray, right: np.ndarray, out: np.ndarray) -> None:
        shapes.append((left.shape, right.shape))
        np.einsum("crk,kn->crn", left, right, out=out)

    noise_A = np.random.default_rng(0).standard_normal(50_001).astype(np.float32)
    heard_A = resampled(noise_A)
    monkeypatch.setattr(np, "matmul", noted)
    assert np.allclose(resampled(noise_A), heard_A, atol=1e-5)  # the same sums in another order
    assert shapes
    assert all(rows * inner * results <= 2**18 for (_, rows, inner), (_, results) in shapes)


def test_a_piece_is_resampled_as_the_whole_is() -> None:
    noise_A = np.random.default_rng(1).standard_normal(30_000).astype(np.float32)
    whole_A, piece_A = resampled(noise_A), resampled(noise_A[:9_000])
    assert whole_A.shape == (30_000 * 320 // 441,)
    assert piece_A.shape == (9_000 * 320 // 441,)
    known = piece_A.shape[0] - 96  # beyond, what follows is seen
    assert np.allclose(piece_A[:known], whole_A[:known], atol=1e-6)  # float32, summed in the same order


def test_a_bank_holds_what_was_said_by_whom(bank: SpeechBank) -> None:
    assert bank.num_utterances == 6
    assert bank.first_sample[-1] == bank.num_samples
    for utterance in range(6):
        assert bank.samples(utterance).shape == (bank.length(utterance),)
        assert np.abs(bank.samples(utterance)).max() > 0.1
        assert bank.phones(utterance)[-1].end_sample <= bank.length(utterance)
        assert bank.voice(utterance) in voices_of(Split.VALIDATION)
        assert utterance in bank.utterances_of(int(bank.voice_index[utterance]))


def test_roles_are_shared_out_as_documented() -> None:
    roles = [role for job in jobs(Split.TRAIN, 12_000, 7) for role in job.roles]
    assert len(roles) == 12_000
    speech = [emotion for kind, emotion in roles if kind == VocalKind.SPEECH]
    assert len(speech) / len(roles) == pytest.approx(0.8, abs=0.01)
    assert speech.count("neutral") / len(speech) == pytest.approx(0.3, abs=0.02)
    for emotion in EMOTIONS[1:]:
        assert speech.count(emotion) / len(speech) == pytest.approx(0.7 / 15, abs=0.01)
    for kind, emotions in EMOTIONS_OF.items():
        felt = [emotion for each, emotion in roles if each == kind]
        assert len(felt) / len(roles) == pytest.approx(0.2 / 9, abs=0.004)
        assert set(felt) == set(emotions)


def test_a_voice_of_a_full_bank_has_something_for_every_emotion_and_every_kind() -> None:
    some = list(jobs(Split.TRAIN, 3_000, 1))
    assert len({job.voice_index for job in some}) == 50
    for voice in {job.voice_index for job in some}:
        roles = [role for job in some if job.voice_index == voice for role in job.roles]
        assert {emotion for kind, emotion in roles if kind == VocalKind.SPEECH} == set(EMOTIONS)
        assert {kind for kind, _ in roles} == set(VocalKind)


def test_banks_of_other_seeds_hold_other_voices() -> None:
    voices = [{job.voice_index for job in jobs(Split.TRAIN, 3_000, seed)} for seed in range(8)]
    assert len(set.union(*voices)) > 170


def test_utterances_are_found_by_voice_kind_and_emotion() -> None:
    some = build(Split.VALIDATION, 160, seed=5)
    for voice in np.unique(some.voice_index).tolist():
        everything = some.utterances(voice)
        sentences = some.utterances(voice, kind=VocalKind.SPEECH)
        assert everything.shape == (10,)
        assert sentences.tolist() == list(some.utterances_of(voice))
        assert sentences.shape == (8,)
        for utterance in everything.tolist():
            kind, emotion = some.kind_of(utterance), some.emotion_of(utterance)
            assert utterance in some.utterances(voice, kind=kind, emotion=emotion)
            assert (kind == VocalKind.SPEECH) == (utterance in sentences)
            assert some.texts[utterance].startswith("[") == (kind not in (VocalKind.SPEECH, VocalKind.BACKCHANNEL))
    with pytest.raises(ConfigError, match="hungry"):
        some.utterances(0, emotion="hungry")


def test_a_bank_of_another_version_is_refused(bank: SpeechBank, tmp_path: Path) -> None:
    bank.save(tmp_path / "bank.npz")
    with np.load(tmp_path / "bank.npz") as stored:
        np.savez(tmp_path / "old.npz", **{name: stored[name] for name in stored.files if name != "emotions"})
    with pytest.raises(InputError, match="build it again"):
        load(tmp_path / "old.npz")


def test_a_saved_bank_is_loaded_unchanged(bank: SpeechBank, tmp_path: Path) -> None:
    bank.save(tmp_path / "bank.npz")
    again = load(tmp_path / "bank.npz")
    for field in dataclasses.fields(SpeechBank):
        np.testing.assert_array_equal(getattr(again, field.name), getattr(bank, field.name))


def test_a_missing_bank_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no speech bank"):
        load(tmp_path / "none.npz")


def test_a_tilt_turns_treble_up_against_bass() -> None:
    noise_A = np.random.default_rng(0).standard_normal(22_050).astype(np.float32)
    plain, bright = (np.abs(np.fft.rfft(resampled(noise_A, tilt_db=tilt))) for tilt in (0.0, 3.0))
    gain_db = 20 * np.log10(np.median((bright / plain)[3990:4010])), 20 * np.log10(np.median((bright / plain)[245:255]))
    assert gain_db == pytest.approx((6.0, -6.0), abs=0.2)


def test_workers_say_the_same_texts_as_one_process(bank: SpeechBank) -> None:
    seen: list[int] = []
    parallel = build(Split.VALIDATION, 6, seed=3, workers=1, on_progress=lambda done, _: seen.append(done))
    assert parallel.texts == bank.texts
    np.testing.assert_array_equal(parallel.voice_index, bank.voice_index)
    assert seen[-1] == 6
