import contextlib
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from openlpm.core.errors import InputError
from openlpm.media.audio import KEPT_SAMPLES, open_audio
from openlpm.media.mix import mix_voices, soft_limit

pytestmark = pytest.mark.unit


def write_wav(path: Path, samples_CA: NDArray[np.float32], rate: int = 16_000) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples_CA.shape[0])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples_CA.T * 32767).round().astype("<i2").tobytes())
    return path


def write_coded(path: Path, samples_A: NDArray[np.float32], codec: str, rate: int) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        resampler = av.AudioResampler(stream.codec_context.format, "mono", rate)
        frame = av.AudioFrame.from_ndarray(samples_A[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return path


def tone(seconds: float, rate: int, hertz: float = 220.0) -> NDArray[np.float32]:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_rate_and_channel_count_becomes_the_same_tone(tmp_path: Path, rate: int, channels: int) -> None:
    source = open_audio(write_wav(tmp_path / "a.wav", np.stack([tone(1.0, rate)] * channels), rate))
    heard_A = source.read(0, source.num_samples)
    assert abs(source.num_samples - 16_000) <= 2
    inner = slice(400, 15_600)  # resampling filters ring at the hard ends
    assert np.abs(heard_A[inner] - tone(1.0, 16_000)[inner]).max() < 0.02


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.flac", "flac", 44_100),
        ("a.opus", "libopus", 48_000),
        ("a.mp3", "libmp3lame", 44_100),
        ("a.m4a", "aac", 48_000),
    ],
)
def test_coded_files_begin_and_end_when_their_sound_does(tmp_path: Path, name: str, codec: str, rate: int) -> None:
    click_A = np.zeros(rate, dtype=np.float32)
    click_A[rate // 2 : rate // 2 + rate // 100] = 0.8
    source = open_audio(write_coded(tmp_path / name, click_A, codec, rate))
    heard_A = source.read(0, source.num_samples)
    assert abs(source.num_samples - 16_000) < 1_200  # a coded block may be longer than the sound
    assert abs(int(np.argmax(np.abs(heard_A) > 0.3)) - 8_000) < 40


def test_stereo_is_the_mean_of_its_channels(tmp_path: Path) -> None:
    left_A, right_A = tone(0.5, 16_000), np.zeros(8_000, dtype=np.float32)
    source = open_audio(write_wav(tmp_path / "a.wav", np.stack([left_A, right_A])))
    assert np.allclose(source.read(0, 8_000), left_A / 2, atol=1e-3)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reads=st.lists(st.tuples(st.integers(-3_000, 70_000), st.integers(0, 20_000)), min_size=1, max_size=8))
def test_every_read_equals_the_same_slice_of_the_whole(tmp_path: Path, reads: list[tuple[int, int]]) -> None:
    path = tmp_path / "a.wav"
    if not path.exists():
        write_wav(path, np.random.default_rng(0).uniform(-0.9, 0.9, (1, 60_000)).astype(np.float32))
    source = open_audio(path)
    whole_A = np.concatenate([np.zeros(3_000, np.float32), source.reader().read(0, 100_000)])
    for start, count in reads:
        assert np.array_equal(source.read(start, count), whole_A[start + 3_000 : start + 3_000 + count])


def test_memory_stays_bounded_and_the_last_thirty_seconds_stay_readable(tmp_path: Path) -> None:
    samples_A = np.random.default_rng(1).uniform(-0.9, 0.9, 100 * 16_000).astype(np.float32)
    source = open_audio(write_wav(tmp_path / "long.wav", samples_A[None]))
    for start in range(0, source.num_samples, 16_000):
        source.read(start, 16_000)
        assert source.held_samples < KEPT_SAMPLES + 3 * 16_000
    start = source.num_samples - KEPT_SAMPLES
    held = source.held_samples
    assert np.allclose(source.read(start, KEPT_SAMPLES), samples_A[start:], atol=1e-3)
    assert source.held_samples == held
    assert np.allclose(source.read(0, 100), samples_A[:100], atol=1e-3)


def test_a_read_far_past_the_end_frees_the_samples(tmp_path: Path) -> None:
    source = open_audio(write_wav(tmp_path / "a.wav", tone(1.0, 16_000)[None]))
    source.read(0, 16_000)
    source.read(16_000 + KEPT_SAMPLES + 1, 0)
    assert source.held_samples == 0


def test_a_container_that_lies_about_its_length_is_counted(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(1.0, 16_000)[None])
    content = bytearray(path.read_bytes())
    content[40:44] = (10 * 32_000).to_bytes(4, "little")
    path.write_bytes(content)
    assert open_audio(path).num_samples == 16_000


def float_wav(path: Path, samples_A: NDArray[np.float32]) -> Path:
    data = samples_A.astype("<f4").tobytes()
    form = (3).to_bytes(2, "little") + (1).to_bytes(2, "little") + (16_000).to_bytes(4, "little")
    form += (64_000).to_bytes(4, "little") + (4).to_bytes(2, "little") + (32).to_bytes(2, "little")
    body = b"WAVEfmt " + len(form).to_bytes(4, "little") + form + b"data" + len(data).to_bytes(4, "little") + data
    path.write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body)
    return path


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(tmp_path: Path, value: float) -> None:
    samples_A = tone(0.5, 16_000)
    samples_A[5_000] = value
    with pytest.raises(InputError, match=r"bad\.wav holds samples that are not finite"):
        open_audio(float_wav(tmp_path / "bad.wav", samples_A))


def test_loud_floats_are_cut_at_full_scale(tmp_path: Path) -> None:
    source = open_audio(float_wav(tmp_path / "loud.wav", tone(0.1, 16_000) * 6))
    assert np.abs(source.read(0, 1_600)).max() == 1.0


def test_unusable_files_are_named_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("this is no sound at all " * 50)
    write_wav(tmp_path / "none.wav", np.zeros((1, 0), dtype=np.float32))
    silent_film = tmp_path / "film.mp4"
    with av.open(str(silent_film), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width = stream.height = 64
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode(None))
    expected = {
        "missing.wav": "there is no file",
        "empty.wav": "is empty",
        "text.wav": "is not a sound",
        "none.wav": "no sound",
        "film.mp4": "is not audio",
        ".": "is a folder",
    }
    for name, words in expected.items():
        with pytest.raises(InputError, match=words) as caught:
            open_audio(tmp_path / name)
        assert "\n" not in str(caught.value)
        assert str(tmp_path) in str(caught.value)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(min_size=0, max_size=400),
    magic=st.sampled_from([b"", b"RIFF", b"OggS", b"fLaC", b"ID3", b"\xff\xfb"]),
)
def test_random_bytes_never_raise_anything_but_an_input_error(tmp_path: Path, content: bytes, magic: bytes) -> None:
    path = tmp_path / "fuzz.bin"
    path.write_bytes(magic + content)
    with contextlib.suppress(InputError):
        assert open_audio(path).num_samples > 0


def test_a_damaged_middle_costs_only_itself(tmp_path: Path) -> None:
    path = write_coded(tmp_path / "a.mp3", tone(2.0, 44_100), "libmp3lame", 44_100)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = bytes(400)
    path.write_bytes(content)
    assert open_audio(path).num_samples > 28_000


def test_names_with_colons_are_files_not_addresses(tmp_path: Path) -> None:
    assert open_audio(write_wav(tmp_path / "10:30.wav", tone(0.1, 16_000)[None])).num_samples == 1_600


def test_real_recordings_have_the_length_they_say(shared_data: Path) -> None:
    assert open_audio(shared_data / "speech" / "jfk.flac").num_samples == 11 * 16_000
    assert open_audio(shared_data / "dialogue" / "two-channel.wav").num_samples == 5 * 16_000


@given(st.lists(st.floats(-3, 3, width=32), min_size=1, max_size=50))
def test_the_limiter_keeps_quiet_samples_and_bends_loud_ones_below_one(values: list[float]) -> None:
    samples_A = np.array(values, dtype=np.float32)
    limited_A = soft_limit(samples_A)
    quiet_A = np.abs(samples_A) <= 0.8
    assert np.array_equal(limited_A[quiet_A], samples_A[quiet_A])
    assert (np.abs(limited_A) <= 1).all()
    assert (np.sign(limited_A) == np.sign(samples_A)).all()


def test_the_partner_is_a_little_quieter_than_the_character() -> None:
    voice_A, silence_A = np.full(4, 0.5, np.float32), np.zeros(4, np.float32)
    assert mix_voices(voice_A, silence_A)[0] == 0.5
    assert 0.3 < mix_voices(silence_A, voice_A)[0] < 0.5
