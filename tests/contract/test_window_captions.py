"""Captions of windows reach training word for word, and those of whole clips are what they have always been."""

import hashlib

import numpy as np
import pytest
import torch

from openlpm.core.errors import ConfigError
from openlpm.core.seeds import Split, generator, seeds_of
from openlpm.encoders.text import TextConfig, TextEncoder
from openlpm.synth.act.perform import perform, perform_and_tell
from openlpm.synth.act.telling import Told
from openlpm.synth.look.identity import Identity, describe
from openlpm.synth.sound.speech_bank import SpeechBank, build
from openlpm.training.footage import WINDOW_STRIDE, Footage, FootageConfig, make_footage
from openlpm.training.window_captions import Stretches, WindowText, joined, numbered

pytestmark = pytest.mark.contract

CONFIG = FootageConfig(num_utterances=12, num_clips=35, num_frames=72, workers=2, seed=3)
WINDOWS = (36, 48)
TEXT = TextConfig(width=8, num_tokens=40, buckets=256, num_layers=1, num_heads=1)


@pytest.fixture(scope="module")
def footage() -> Footage:
    return make_footage(CONFIG, 0, WINDOWS)


@pytest.fixture(scope="module")
def bank() -> SpeechBank:
    return build(CONFIG.split, CONFIG.num_utterances, seed=CONFIG.seed * 1009)


def told(footage: Footage, clip: int) -> list[str]:
    numbers_KL = footage.told.word_NKL[clip].tolist()
    return [" ".join(footage.told.words[number] for number in row if number) for row in numbers_KL]


def test_footage_has_a_caption_for_every_stretch_and_it_is_that_of_the_stretch(
    footage: Footage, bank: SpeechBank
) -> None:
    wanted = [*((first, 36) for first in (0, 12, 24, 36)), *((first, 48) for first in (0, 12, 24))]
    assert list(footage.stretches) == wanted
    assert footage.told.word_NKL.shape[:2] == footage.told.acts_NK.shape == (35, 7)
    encoder = TextEncoder(TEXT)
    text = WindowText.of(encoder, footage.told, footage.stretches.in_groups(4), torch.device("cpu"))
    for clip in (0, 33):  # of the first worker and of the last
        rng = generator("footage", CONFIG.seed, 0, clip)
        identity = int(rng.integers(0, seeds_of(Split.TRAIN).stop))
        seed = int(rng.integers(2**31))
        looks = describe(Identity.from_seed(identity))
        made = perform_and_tell(identity, seed, bank, num_frames=72, appearance=looks)
        assert made.record.caption == footage.captions[clip]
        each = [made.telling.stretch(first, length) for first, length in wanted]
        assert footage.told.acts_NK[clip].tolist() == [one.acts for one in each]
        for (first, length), one in zip(wanted, each, strict=True):
            ids_BLG = text.ids(torch.tensor([clip]), torch.tensor([first // 4]), length // 4)
            assert torch.equal(ids_BLG, encoder.prepare([one.caption]))
    assert len({text for clip in range(35) for text in told(footage, clip)}) > 100


def test_footage_is_the_same_every_time(footage: Footage) -> None:
    again = make_footage(CONFIG, 0, WINDOWS)
    assert again.told.words == footage.told.words
    assert np.array_equal(again.told.word_NKL, footage.told.word_NKL)
    assert np.array_equal(again.told.acts_NK, footage.told.acts_NK)


def test_a_start_between_two_captions_takes_the_earlier() -> None:
    stretches = Stretches(num_frames=12, lengths=(4, 6), stride=3)
    captions = numbered([[Told(caption=f"{first} of {length}", acts=False) for first, length in stretches]])
    encoder = TextEncoder(TEXT)
    text = WindowText.of(encoder, captions, stretches, torch.device("cpu"))
    ids_BLG = text.ids(torch.zeros(4, dtype=torch.long), torch.tensor([0, 2, 3, 8]), 4)
    assert torch.equal(ids_BLG, encoder.prepare(["0 of 4", "0 of 4", "3 of 4", "6 of 4"]))


def test_a_caption_is_cut_to_what_the_encoder_reads() -> None:
    long, short = " ".join(map(str, range(60))), "Nod."
    captions = joined([numbered([[Told(caption=each, acts=False)]]) for each in (short, long)])
    encoder = TextEncoder(TEXT)
    stretches = Stretches(num_frames=12, lengths=(12,), stride=3)
    text = WindowText.of(encoder, captions, stretches, torch.device("cpu"))
    ids_BLG = text.ids(torch.arange(2), torch.zeros(2, dtype=torch.long), 12)
    assert torch.equal(ids_BLG, encoder.prepare([short, long]))


def test_lengths_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"lengths=\(96,\)"):
        Stretches(num_frames=72, lengths=(96,), stride=WINDOW_STRIDE)
    with pytest.raises(ConfigError, match="multiples of 4"):
        Stretches(num_frames=72, lengths=(30,), stride=WINDOW_STRIDE).in_groups(4)


def test_captions_of_whole_clips_are_what_they_were(bank: SpeechBank) -> None:
    captions = [perform(seed, 1000 + seed, bank, num_frames=240, appearance="a man").caption for seed in range(24)]
    assert hashlib.sha256("\n".join(captions).encode()).hexdigest()[:16] == "8400ab8a0439b90b"
