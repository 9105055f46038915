"""Encoders see exactly what they say they see."""

import pytest
import torch

from openlpm.encoders.mel import column_start, log_mel, samples_for_columns
from openlpm.encoders.speech import SpeechConfig, SpeechEncoder
from openlpm.encoders.text import TextConfig, TextEncoder

pytestmark = pytest.mark.contract

SPEAK = SpeechConfig(width=16, frames_per_token=1, lookahead_frames=2, dilations=(1, 2))
LISTEN = SpeechConfig(width=16, frames_per_token=4, lookahead_frames=0, dilations=(1, 2))


def tokens(encoder: SpeechEncoder, audio: torch.Tensor, first: int, count: int) -> torch.Tensor:
    start, length = encoder.samples_for(first, count)
    first_column, num_columns = encoder.columns_for(first, count)
    return encoder(log_mel(audio[:, start : start + length], first_column, num_columns).double())


@pytest.fixture(params=[SPEAK, LISTEN], ids=["speak", "listen"])
def encoder(request: pytest.FixtureRequest) -> SpeechEncoder:
    torch.manual_seed(0)
    return SpeechEncoder(request.param).double().requires_grad_(False)


def test_a_stream_of_speech_equals_the_whole(encoder: SpeechEncoder) -> None:
    audio = torch.randn(2, 16_000 * 12) * 0.1
    first = 24 * 4 // encoder.config.frames_per_token
    whole = tokens(encoder, audio, first, 9)
    pieces = torch.cat([tokens(encoder, audio, first, 4), tokens(encoder, audio, first + 4, 5)], dim=1)
    torch.testing.assert_close(pieces, whole, rtol=0, atol=1e-10)


def test_nothing_beyond_the_stated_lookahead_is_heard(encoder: SpeechEncoder) -> None:
    config = encoder.config
    audio = torch.randn(1, 16_000 * 12) * 0.1
    token = 24 * 5 // config.frames_per_token
    seen = tokens(encoder, audio, token, 1)
    # The last mel column starts before the end of the look-ahead and is one analysis window long.
    last_frame = (token + 1) * config.frames_per_token + config.lookahead_frames
    end = column_start(4 * last_frame - 1) + 400
    changed = audio.clone()
    changed[:, end:] += 0.5
    torch.testing.assert_close(tokens(encoder, changed, token, 1), seen, rtol=0, atol=0)
    changed[:, end - 200 :] += 0.5
    assert not torch.equal(tokens(encoder, changed, token, 1), seen)


def test_mel_columns_stay_on_the_frame_grid_for_ever() -> None:
    for frame in (0, 1, 2, 24, 24 * 3600 * 10 + 1):
        assert column_start(4 * frame) == frame * 2000 // 3
    start, length = samples_for_columns(-3, 4)
    assert (start, length) == (-500, 900)


def test_a_tone_lands_in_one_place_of_the_spectrum() -> None:
    clock = torch.arange(16_000) / 16_000
    low, high = (log_mel(torch.sin(2 * torch.pi * hz * clock)[None], 0, 20)[0].mean(1).argmax() for hz in (300, 3000))
    assert low < 16 < high


@pytest.fixture
def text() -> TextEncoder:
    torch.manual_seed(0)
    config = TextConfig(width=16, num_tokens=6, buckets=128, num_layers=2, num_heads=2)
    return TextEncoder(config).requires_grad_(False)


def test_no_text_is_all_zero(text: TextEncoder) -> None:
    assert text(text.prepare(["", "  "])).abs().max() == 0


def test_a_text_is_the_same_alone_and_in_company(text: TextEncoder) -> None:
    together = text(text.prepare(["She smiles.", "a much longer text with many many words in it"]))
    torch.testing.assert_close(text(text.prepare(["she smiles ."])), together[:1])


def test_a_typing_error_stays_close_and_another_word_does_not(text: TextEncoder) -> None:
    right, wrong, other = text(text.prepare(["surprised", "suprised", "yawning"]))[:, 0]
    assert (right - wrong).norm() < (right - other).norm()
