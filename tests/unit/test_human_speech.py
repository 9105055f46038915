"""Recorded people in a bank of synthetic voices."""

import dataclasses
import os
import wave
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError, InputError
from openlpm.core.rig import VISEMES
from openlpm.core.seeds import Split
from openlpm.synth.sound.espeak import Utterance
from openlpm.synth.sound.human_speech import VisemeSpan, human_utterance, human_utterances, pieces
from openlpm.synth.sound.speech_bank import SpeechBank, build, load, merged, with_human
from openlpm.synth.sound.visemes import is_stressed, shares_of
from openlpm.synth.sound.voices import HumanVoice, split_of_human, voices_of

pytestmark = pytest.mark.unit

PP, AA, SS = (VISEMES.index(name) for name in ("PP", "aa", "SS"))
ADA, BEN = HumanVoice(name="corpus-ada"), HumanVoice(name="corpus-ben", language="fr")


def recording(voice: HumanVoice, seed: int, seconds: float = 2.0) -> Utterance:
    """Three spans in 0.2 s of silence at either end."""
    num_samples = int(seconds * 16_000)
    sound_A = (np.random.default_rng(seed).standard_normal(num_samples) * 800).astype(np.int16)
    spans = [VisemeSpan(PP, 3200, 4800), VisemeSpan(AA, 4800, 9600), VisemeSpan(SS, 12_000, num_samples - 3200)]
    return human_utterance(sound_A, spans, voice, text=f"line {seed}", emotion="happy")


@pytest.fixture(scope="module")
def bank() -> SpeechBank:
    return build(Split.VALIDATION, 5, seed=2)


def test_spans_become_gapless_phones_that_are_their_visemes() -> None:
    said = recording(ADA, 0)
    assert [phone.ipa for phone in said.phones] == ["", "v:PP", "ˈv:aa", "", "v:SS", ""]
    assert [VISEMES[shares_of(phone.ipa)[0].viseme] for phone in said.phones] == ["sil", "PP", "aa", "sil", "SS", "sil"]
    assert [is_stressed(phone.ipa) for phone in said.phones] == [False, False, True, False, False, False]
    assert said.phones[-1].end_sample == said.samples_A.shape[0]
    assert np.abs(said.samples_A).max() < 0.2


@pytest.mark.parametrize(
    "spans",
    [[VisemeSpan(PP, 0, 900), VisemeSpan(AA, 800, 1000)], [VisemeSpan(PP, 100, 1700)], [VisemeSpan(PP, -5, 60)]],
)
def test_spans_that_cannot_be_are_refused(spans: list[VisemeSpan]) -> None:
    with pytest.raises(InputError, match="corpus-ada"):
        human_utterance(np.zeros(1600, np.float32), spans, ADA)


def test_people_are_added_after_the_synthetic_voices_and_found_again(bank: SpeechBank, tmp_path: Path) -> None:
    added = [recording(BEN, 1), recording(ADA, 2, 3.0), recording(BEN, 3)]
    mixed = with_human(bank, added)
    first = len(voices_of(Split.VALIDATION))
    assert mixed.human_voices == (ADA, BEN)
    assert [mixed.texts[u] for u in mixed.utterances_of(first + 1)] == ["line 1", "line 3"]
    (line,) = mixed.utterances(first, kind="speech", emotion="happy").tolist()
    assert mixed.voice(line) == ADA
    assert mixed.phones(line) == added[1].phones
    np.testing.assert_allclose(mixed.samples(line), added[1].samples_A, atol=1e-4)  # half a step of 16 bits and a scale
    assert np.all(np.diff(mixed.voice_index) >= 0)
    mixed.save(tmp_path / "mixed.npz")
    again = load(tmp_path / "mixed.npz")
    for field in dataclasses.fields(SpeechBank):
        np.testing.assert_array_equal(getattr(again, field.name), getattr(mixed, field.name))
    for utterance in range(bank.num_utterances):
        assert mixed.phones(utterance) == bank.phones(utterance)
        np.testing.assert_array_equal(mixed.samples(utterance), bank.samples(utterance))


def test_merging_keeps_every_speaker_with_what_they_said(bank: SpeechBank) -> None:
    left, right = with_human(bank, [recording(BEN, 1)]), with_human(bank, [recording(ADA, 2), recording(BEN, 4)])
    both = merged([left, right])
    assert both.num_utterances == left.num_utterances + right.num_utterances
    said = {(both.voice(u).name, both.texts[u]) for u in range(both.num_utterances)}
    assert {("corpus-ada", "line 2"), ("corpus-ben", "line 1"), ("corpus-ben", "line 4")} <= said
    for part in (left, right):
        assert {(part.voice(u).name, part.texts[u]) for u in range(part.num_utterances)} <= said
    with pytest.raises(ConfigError, match="one split"):
        merged([left, build(Split.TEST, 2, seed=0)])


def test_synthetic_voices_are_not_added_as_people(bank: SpeechBank) -> None:
    fake = dataclasses.replace(recording(ADA, 0), voice=voices_of(Split.VALIDATION)[0])
    with pytest.raises(ConfigError, match="recorded people"):
        with_human(bank, [fake])


def test_speakers_are_split_for_ever_by_their_names() -> None:
    counts = Counter(split_of_human(f"someone-{number}") for number in range(2000))
    assert counts[Split.TRAIN] == pytest.approx(1600, abs=80)
    assert counts[Split.TEST] == pytest.approx(200, abs=60)
    # Written down so that a change of the rule, which would leak test speakers into training, is seen.
    assert [split_of_human(f"librispeech-{n}").value for n in (19, 26, 78, 83, 87)] == [
        "train", "test", "validation", "train", "test",
    ]  # fmt: skip


def test_a_folder_of_recordings_gives_each_split_its_own_speakers(tmp_path: Path) -> None:
    for number in (19, 26, 32):
        with wave.open(str(tmp_path / f"{number}-7-0.wav"), "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", ""))
            noise_A = np.random.default_rng(number).standard_normal(48_000) * 300
            file.writeframes(noise_A.astype(np.int16).tobytes())

    def align(samples_A: NDArray[np.float32]) -> list[VisemeSpan]:
        return [VisemeSpan(AA, 1600, samples_A.shape[0] - 1600)]

    found = {
        split: human_utterances(tmp_path, split, align, corpus="librispeech") for split in (Split.TRAIN, Split.TEST)
    }
    assert [said.voice.name for said in found[Split.TRAIN]] == ["librispeech-19", "librispeech-32"]
    assert [said.voice.name for said in found[Split.TEST]] == ["librispeech-26"]
    for said in found[Split.TRAIN]:
        # Faint recordings are raised to the level of the synthetic voices.
        assert np.sqrt(np.square(said.samples_A).mean()) == pytest.approx(0.15, rel=0.02)
    with pytest.raises(InputError, match="no recordings"):
        human_utterances(tmp_path / "none", Split.TEST, align, corpus="librispeech")


def test_real_people_are_cut_into_sentences(tmp_path: Path) -> None:
    """With speech and silence alone told apart, which is all that cutting needs."""
    folder = Path(os.environ.get("OPENLPM_TEST_DATA", "../shared/data")) / "speech" / "librispeech"
    if not folder.is_dir():
        pytest.skip(f"no recordings of people in {folder}")

    def loud(samples_A: NDArray[np.float32]) -> list[VisemeSpan]:
        power_N = np.square(samples_A[: samples_A.shape[0] // 800 * 800]).reshape(-1, 800).mean(axis=1)
        heard = np.concatenate([[0], power_N > 0.02 * np.percentile(power_N, 90), [0]]).astype(int)
        starts, ends = (np.flatnonzero(np.diff(heard) == step) * 800 for step in (1, -1))
        return [VisemeSpan(AA, start, end) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]

    for path in sorted(folder.glob("*.opus"))[:60]:  # a few speakers are enough
        (tmp_path / path.name).symlink_to(path.resolve())
    found = human_utterances(tmp_path, Split.VALIDATION, loud, corpus="librispeech")
    assert len({said.voice.name for said in found}) >= 3
    seconds = [said.samples_A.shape[0] / 16_000 for said in found]
    assert len(found) > 9
    # Some people make no pause that this crude rule finds.
    assert np.percentile(seconds, 80) < 7.0
    assert min(seconds) >= 1.5


def test_a_long_recording_is_cut_in_its_pauses() -> None:
    rng = np.random.default_rng(0)
    sound_A = rng.standard_normal(20 * 16_000).astype(np.float32) * np.float32(0.1)
    spans = [VisemeSpan(AA, int((start + 0.2) * 16_000), int((start + 1.8) * 16_000)) for start in range(0, 20, 2)]
    cut = pieces(human_utterance(sound_A, spans, ADA), least_s=1.5, most_s=6.0)
    assert [round(piece.samples_A.shape[0] / 16_000, 1) for piece in cut] == [5.8, 5.8, 5.8, 1.8]
    for piece in cut:
        assert piece.phones[0].start_sample == 0
        assert piece.phones[-1].end_sample == piece.samples_A.shape[0]
        assert piece.phones[0].ipa == piece.phones[-1].ipa == ""
    heard = sum(phone.end_sample - phone.start_sample for piece in cut for phone in piece.phones if phone.ipa)
    assert heard == 10 * int(1.6 * 16_000)
