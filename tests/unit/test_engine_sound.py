"""Sound on its way to a performance: nothing is lost, torn or moved."""

import numpy as np
import pytest

from openlpm.core.errors import InputError
from openlpm.core.units import samples_at_frame
from openlpm.engine.activity import Ear, loudness
from openlpm.engine.performer import SAMPLES_A_FRAME, SOUND_RATE_HZ
from openlpm.engine.sound import HeardTrack, Resampler, SampleQueue, checked
from openlpm.engine.voices import AgentVoice, UserVoice

pytestmark = pytest.mark.unit

AHEAD, FRAMES = 1567, 8
CHUNK = FRAMES * SAMPLES_A_FRAME


def tone(seconds: float, rate_hz: int, hertz: float = 220.0) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(np.float32)


def pieces(samples_A: np.ndarray, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    cuts = np.sort(rng.integers(0, samples_A.shape[0] + 1, 40))
    return np.split(samples_A, cuts)


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_pieces_of_any_length_become_the_whole_at_another_rate(rate_hz: int) -> None:
    resampler, sound_A = Resampler(rate_hz, SOUND_RATE_HZ), tone(0.7, rate_hz)
    parts = pieces(sound_A, seed=rate_hz)
    found_A = np.concatenate([resampler.push(part_A, last=number == 40) for number, part_A in enumerate(parts)])
    assert found_A.shape[0] == round(sound_A.shape[0] * SOUND_RATE_HZ / rate_hz)
    wanted_A = tone(0.7, SOUND_RATE_HZ)[: found_A.shape[0]]
    middle = slice(2_000, -2_000)  # the filter swings at both ends
    assert np.abs(found_A[middle] - wanted_A[middle]).max() < 2e-3


def test_a_queue_gives_back_what_it_was_given_in_order() -> None:
    queue, sound_A = SampleQueue(), np.arange(1_000, dtype=np.float32)
    for part_A in pieces(sound_A, seed=1):
        queue.append(part_A)
    assert np.array_equal(queue.peek(300), sound_A[:300])
    found = [queue.take(count) for count in (0, 1, 299, 500, 1_000, 5)]
    assert np.array_equal(np.concatenate(found), sound_A)
    assert [part_A.shape[0] for part_A in found] == [0, 1, 299, 500, 200, 0]


def test_what_is_heard_ahead_is_replaced_by_what_comes() -> None:
    track = HeardTrack()
    track.write(0, np.full(120, 1, np.float32))
    track.write(100, np.full(120, 2, np.float32))
    assert track.read(-10, 240).tolist() == [0] * 10 + [1] * 100 + [2] * 120 + [0] * 10
    track.write(50, np.full(10, 3, np.float32))  # back to a moment before
    assert track.read(40, 30).tolist() == [1] * 10 + [3] * 10 + [0] * 10


def test_half_a_minute_stays_readable() -> None:
    track = HeardTrack()
    for start in range(0, 3_000_000, 5_000):
        track.write(start, np.full(5_000, start % 97, np.float32))
    assert track.read(2_999_999 - 480_000, 1)[0] == (2_519_999 // 5_000 * 5_000) % 97
    assert not track.read(0, 100).any()


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 24_000, 44_100])
def test_everything_said_is_handed_out_once_and_heard_in_step(rate_hz: int) -> None:
    voice, sound_A = AgentVoice(AHEAD, 8), tone(2.3, rate_hz)
    parts = pieces(sound_A, seed=rate_hz)
    for number, part_A in enumerate(parts):
        voice.push(part_A, rate_hz, last=number == 40, now_s=0.0)
    spoken = [voice.take(FRAMES * chunk, FRAMES, 0.0) for chunk in range(9)]
    found_A = np.concatenate([each.sound_A for each in spoken])
    length = round(2.3 * SOUND_RATE_HZ)
    assert not found_A[length + 1 :].any()
    assert np.abs(found_A[2_000 : length - 2_000] - tone(2.3, SOUND_RATE_HZ)[2_000 : length - 2_000]).max() < 2e-3
    for chunk, each in enumerate(spoken[:6]):
        start, heard = samples_at_frame(FRAMES * chunk), each.heard_A.shape[0]
        assert heard == samples_at_frame(FRAMES * (chunk + 1)) - start + AHEAD
        wanted_A = tone(2.6, 16_000)[start : start + heard]
        if chunk:
            assert np.abs(each.heard_A - wanted_A).max() < 5e-3
    ends = [(number, each.end_frame) for number, each in enumerate(spoken) if each.end_frame is not None]
    assert ends == [(6, int((2.3 - 2.0) * 24))]


def test_an_utterance_waits_for_a_chunk_of_sound_but_not_for_ever() -> None:
    voice = AgentVoice(AHEAD, 8)
    voice.push(tone(0.1, 16_000), 16_000, last=False, now_s=10.0)
    assert voice.take(0, FRAMES, 10.1).voiced_frames == 0
    assert voice.take(8, FRAMES, 10.5).voiced_frames > 0
    assert voice.queued_s == 0


def test_a_short_complete_utterance_does_not_wait() -> None:
    voice = AgentVoice(AHEAD, 8)
    voice.push(tone(0.1, 16_000), 16_000, last=True, now_s=10.0)
    spoken = voice.take(0, FRAMES, 10.0)
    assert (spoken.voiced_frames, spoken.end_frame, spoken.waited_since_s) == (3, 2, 10.0)


def test_a_voice_as_slow_as_it_is_played_is_not_torn() -> None:
    voice, sound_A = AgentVoice(AHEAD, 8), tone(3.0, 16_000)
    heard: list[np.ndarray] = []
    pushed = 0
    for chunk in range(14):
        now_s = (chunk + 1) / 3
        until = min(round(now_s * 16_000), sound_A.shape[0])
        voice.push(sound_A[pushed:until], 16_000, last=until == sound_A.shape[0] and pushed < until, now_s=now_s)
        pushed = until
        heard.append(voice.take(FRAMES * chunk, FRAMES, now_s).sound_A)
    found_A = np.concatenate(heard)
    loud = np.flatnonzero(np.abs(found_A) > 0.05)
    gaps = np.diff(loud)
    assert loud[-1] - loud[0] == pytest.approx(3.0 * SOUND_RATE_HZ, abs=300)
    assert gaps.max() < 200


def test_what_was_pushed_before_an_interruption_is_gone() -> None:
    voice = AgentVoice(AHEAD, 8)
    voice.push(tone(5.0, 24_000), 24_000, last=False, now_s=0.0)
    voice.take(0, FRAMES, 0.0)
    voice.forget()
    assert not voice.take(8, FRAMES, 1.0).sound_A.any()
    voice.push(tone(1.0, 16_000), 16_000, last=True, now_s=1.0)
    assert voice.take(16, FRAMES, 1.0).voiced_frames == FRAMES


def test_the_microphone_is_heard_in_order_and_hardly_late() -> None:
    user, sound_A = UserVoice(233), np.arange(1, 80_001, dtype=np.float32) / 80_001
    for start in range(0, 16_000, 320):
        user.push(sound_A[start : start + 320], 16_000, now_s=start / 16_000)
    first_A = user.take(0, FRAMES, 1.0)
    assert np.array_equal(first_A[:5_333], sound_A[:5_333])
    kept_A = user.take(8, FRAMES, 1.0)
    assert user.dropped > 0
    assert kept_A[kept_A > 0].min() > first_A[5_332]
    assert np.array_equal(np.sort(kept_A[:-233]), kept_A[:-233])
    before = user.missing
    late_A = user.take(16, FRAMES, 1.1)
    assert user.missing == before + (late_A[:5_334] == 0).sum() > before
    user.take(24, FRAMES, 9.0)  # the microphone is off: nothing is missing
    assert user.missing == before + (late_A[:5_334] == 0).sum()


@pytest.mark.parametrize(
    ("samples", "rate_hz", "said"),
    [
        (np.zeros(10, np.float32), 4_000, "rate_hz=4000"),
        (np.zeros((2, 10), np.float32), 16_000, "mono"),
        (np.zeros(10, np.int16), 16_000, "int16"),
    ],
)
def test_sound_that_cannot_be_is_refused(samples: np.ndarray, rate_hz: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        checked(samples, rate_hz)


def test_what_is_no_number_is_silence() -> None:
    broken_A = np.array([np.nan, np.inf, -np.inf, 3.0, 0.5], np.float32)
    assert checked(broken_A, 16_000).tolist() == [0, 1, -1, 1, 0.5]


def test_more_than_five_minutes_do_not_wait() -> None:
    voice = AgentVoice(AHEAD, 8)
    for _ in range(29):
        voice.push(np.zeros(8_000 * 10, np.float32), 8_000, last=False, now_s=0.0)
    with pytest.raises(InputError, match="300 s ahead"):
        voice.push(np.zeros(8_000 * 20, np.float32), 8_000, last=False, now_s=0.0)


def test_an_ear_hears_a_voice_and_neither_a_click_nor_steady_noise() -> None:
    ear, rng = Ear(), np.random.default_rng(0)
    noise = [ear.hear(float(level)) for level in 0.02 + 0.001 * rng.standard_normal(240)]
    assert not any(noise[120:])
    assert not any(ear.hear(level) for level in (0.2, 0.02, 0.02))
    heard = [ear.hear(level) for level in (0.2, 0.3, 0.2, 0.02, 0.02, 0.3)]
    assert heard == [False, True, True, True, True, True]
    assert [ear.hear(0.02) for _ in range(12)].index(False) == 7


def test_loudness_is_that_of_each_frame() -> None:
    sound_A = np.concatenate([np.full(2_000, level, np.float32) for level in (0.1, 0.4, 0.0)])
    assert loudness(sound_A, 3) == pytest.approx([0.1, 0.4, 0.0], abs=1e-6)
