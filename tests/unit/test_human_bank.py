"""Recorded people in one file: what goes in comes out, in the right split."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from openlpm.core.errors import ConfigError, InputError
from openlpm.core.rig import VISEMES
from openlpm.core.seeds import Split
from openlpm.media.opus import decoded, encoded
from openlpm.synth.sound import human_bank
from openlpm.synth.sound.human_speech import VisemeSpan
from openlpm.synth.sound.voices import split_of_human

pytestmark = pytest.mark.unit

SPANS = (VisemeSpan(VISEMES.index("PP"), 3200, 4800), VisemeSpan(VISEMES.index("aa"), 4800, 40_000))


def tone(seconds: float, hertz: float) -> np.ndarray:
    times = np.arange(int(seconds * 16_000)) / 16_000
    return (0.3 * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


@pytest.fixture(scope="module")
def bank() -> human_bank.HumanBank:
    rows = [(f"corpus-{k}", f"{k}-0001", encoded(tone(3.0, 200 + 40 * k)), SPANS[k % 2 :]) for k in range(12)]
    return human_bank.gathered(rows)


def test_opus_keeps_length_and_time() -> None:
    click_A = tone(2.0, 300.0)
    click_A[:16_000] = 0.0
    heard_A = decoded(encoded(click_A))
    assert abs(heard_A.shape[0] - 32_000) <= 960  # the last packet may be whole
    began = int(np.flatnonzero(np.abs(heard_A) > 0.1)[0])
    assert abs(began - 16_000) < 160


def test_both_decoders_agree(bank: human_bank.HumanBank) -> None:
    if importlib.util.find_spec("soundfile") is None:
        pytest.skip("soundfile is not installed")
    data = bank.opus_bytes[: bank.first_byte[1]].tobytes()
    one_A, other_A = human_bank.decode_opus(data), decoded(data)
    count = min(one_A.shape[0], other_A.shape[0])
    assert np.corrcoef(one_A[:count], other_A[:count])[0, 1] > 0.99


def test_a_saved_bank_is_the_same_bank(bank: human_bank.HumanBank, tmp_path: Path) -> None:
    bank.save(tmp_path / "human.npz")
    again = human_bank.load(tmp_path / "human.npz")
    assert again.voices == bank.voices
    assert [again.spans(k) for k in range(12)] == [SPANS[k % 2 :] for k in range(12)]
    np.testing.assert_array_equal(again.samples(5), bank.samples(5))


def test_every_recording_is_heard_in_the_split_of_its_speaker_and_in_no_other(bank: human_bank.HumanBank) -> None:
    heard = {split: {utterance.voice.name for utterance in bank.utterances(split)} for split in Split}
    assert set.union(*heard.values()) == set(bank.voices)
    assert all(split_of_human(name) == split for split in Split for name in heard[split])


def test_spans_stay_on_the_sound_when_the_recording_is_cut(bank: human_bank.HumanBank) -> None:
    utterance = next(utterance for split in Split for utterance in bank.utterances(split) if utterance.text == "2-0001")
    first = next(phone for phone in utterance.phones if phone.ipa)
    # The piece begins 120 ms before the first viseme, which is at 200 ms of the recording.
    assert first.start_sample == pytest.approx(1920, abs=1)
    assert first.end_sample - first.start_sample == 1600


def test_a_missing_or_empty_bank_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="align_human"):
        human_bank.load(tmp_path / "none.npz")
    with pytest.raises(ConfigError, match="at least one"):
        human_bank.gathered([])
