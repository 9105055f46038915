"""What a unit shows and lets hear is what its source showed and let hear at that moment, to the frame and sample."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from openlpm.core.errors import InputError
from openlpm.core.units import samples_at_frame
from openlpm.data.grid import frames_on_grid, pictures_on_grid
from openlpm.data.ingest.probing import Limits, look_into
from openlpm.data.packed import pack
from openlpm.data.pairing.part import Filming, Stretch, Unit, UnitKind
from openlpm.data.pairing.pictures import unit_pictures
from openlpm.data.pairing.tracks import FADE_SAMPLES, unit_sound, voices
from openlpm.data.parts import Media, Rights, Source, Span
from openlpm.data.records import Record, plain
from openlpm.data.soundtrack import read_sound
from openlpm.data.stage import RawFiles

pytestmark = pytest.mark.contract

LIMITS = Limits(most_streams=8, most_pixels=10**7, longest_s=100, fastest_hz=200, most_damaged=0.5)
SOUND_RATE = 44_100


def write_clock(path: Path, *, rate: int, seconds: int = 4) -> Path:
    """A film that says how many frames have passed (``passed``), and whose sound rises from -0.3 to 0.3 every second.

    What is right of the middle is black, so that a crop shows where it is.
    """
    with av.open(str(path), "w") as container:
        video = container.add_stream("png", rate=rate)
        video.height, video.width, video.pix_fmt = 64, 128, "rgb24"
        sound = container.add_stream("pcm_s16le", rate=SOUND_RATE, layout="mono")
        for index in range(rate * seconds):
            picture_HWC = np.zeros((64, 128, 3), np.uint8)
            picture_HWC[:32, :64], picture_HWC[32:, :64] = 20 + 14 * (index % 16), 20 + 14 * (index // 16)
            frame = av.VideoFrame.from_ndarray(picture_HWC, format="rgb24")
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        times_A = np.arange(SOUND_RATE * seconds) / SOUND_RATE
        samples = ((times_A % 1 - 0.5) * 20_000).astype(np.int16)
        for first in range(0, samples.size, 1024):
            block = av.AudioFrame.from_ndarray(samples[None, first : first + 1024], format="s16", layout="mono")
            block.sample_rate, block.pts, block.time_base = SOUND_RATE, first, Fraction(1, SOUND_RATE)
            container.mux(sound.encode(block))
        container.mux(sound.encode(None))
    return path


def passed(picture_HWC: np.ndarray) -> int:
    """How many frames came before one that shows the left of the picture."""
    low, high = (round((int(picture_HWC[row, 4, 0]) - 20) / 14) for row in (4, -4))
    return low + 16 * high


def clip_of(path: Path, first: int, count: int) -> tuple[Record, RawFiles]:
    """A clip of so many frames of a source, as the shots leave it."""
    media = look_into(path, LIMITS)
    step = Fraction(1, 1) / (media.rate * media.time_base)
    stamps = [round(media.first_pts + step * index) for index in (first, first + count)]
    span = Span(first_pts=stamps[0], end_pts=stamps[1], time_base=media.time_base, first_frame=first, num_frames=count)
    source = Source(name=path.name, sha256="", size_bytes=0, rights=Rights())
    record = Record(stage="shots", parent=None, parts={part.NAME: plain(part) for part in (source, media, span)})
    return record, RawFiles(roots=((path.name, path),))


def unit_of(clip: Record, *, first_frame: int, num_frames: int, left: float = 0.0) -> Record:
    unit = Unit(
        person=0, first_frame=first_frame, num_frames=num_frames, kind=UnitKind.SPEAK, filming=Filming.ALONE,
        states=pack(np.full(num_frames, 2, np.int8)),
        crops=pack(np.tile(np.array([left, 0, 64], np.float32), (num_frames, 1)), step=0.25),
        own=(Stretch(first_sample=1000, end_sample=9000),), partner=(Stretch(first_sample=9000, end_sample=20_000),),
        identity="a", listens_to="",
    )  # fmt: skip
    return clip.child("pairing", unit)


@pytest.mark.parametrize("rate", [12, 24, 25, 30, 50])
def test_every_frame_of_a_clip_is_the_picture_of_its_moment_whatever_the_rate(tmp_path: Path, rate: int) -> None:
    clip, raw = clip_of(write_clock(tmp_path / "clock.mov", rate=rate), rate, rate * 2)
    span, media = clip.part(Span), clip.part(Media)
    assert frames_on_grid(span) == 48
    shown = np.array([passed(picture_HWC) for picture_HWC in pictures_on_grid(raw.source(clip), media, span)])
    assert shown.shape == (48,)
    # A frame in half is as near as the next one; the last one of the clip has none behind it.
    assert (np.abs(shown / rate - (1 + np.arange(48) / 24))[:-1] <= 0.5 / rate + 1e-9).all()


def test_the_sound_of_a_clip_begins_with_its_first_frame_and_is_the_same_wherever_decoding_began(
    tmp_path: Path,
) -> None:
    path = write_clock(tmp_path / "clock.mov", rate=25)
    media = look_into(path, LIMITS)
    whole_A = read_sound(path, media, Fraction(0), 64_000)
    rising_A = (np.arange(64_000) / 16_000 % 1 - 0.5) * 20_000 / 32_768
    inside_A = np.minimum(np.arange(64_000) % 16_000, 16_000 - np.arange(64_000) % 16_000) > 200
    assert np.abs(whole_A - rising_A)[inside_A].max() < 1e-3
    for start in (1, 16_000, 40_001):
        assert np.abs(read_sound(path, media, Fraction(start, 16_000), 9000) - whole_A[start:][:9000]).max() < 1e-3
    before_A = read_sound(path, media, Fraction(-1, 2), 16_000)
    assert not before_A[:7900].any()
    assert np.abs(before_A[8000:] - whole_A[:8000]).max() < 1e-3


def test_voices_are_the_sound_of_the_source_within_their_stretches_with_fades_inside(tmp_path: Path) -> None:
    clip, raw = clip_of(write_clock(tmp_path / "clock.mov", rate=24), 24, 72)
    unit = unit_of(clip, first_frame=12, num_frames=37)
    speak_A, listen_A = voices(unit, raw)
    sound_A = unit_sound(unit, raw)
    assert speak_A.shape == listen_A.shape == (samples_at_frame(37),)
    assert speak_A.dtype == listen_A.dtype == np.float32
    assert abs(float(sound_A[4000]) - 0.25 * 20_000 / 32_768) < 1e-3  # 1.5 s into the file, and a quarter
    inner = slice(1000 + FADE_SAMPLES, 9000 - FADE_SAMPLES)
    assert np.array_equal(speak_A[inner], sound_A[inner])
    assert not speak_A[:1000].any()
    assert not speak_A[9000:].any()
    assert not listen_A[:9000].any()
    assert not listen_A[20_000:].any()
    assert 0 < abs(speak_A[1001]) < 0.05 * abs(sound_A[1001])
    edge = slice(1000, 1000 + FADE_SAMPLES)
    assert (np.diff(np.abs(speak_A[edge] / sound_A[edge])) > 0).all()


def test_pictures_of_a_unit_are_its_crops_of_its_own_frames(tmp_path: Path) -> None:
    clip, raw = clip_of(write_clock(tmp_path / "clock.mov", rate=24), 24, 72)
    shown = list(unit_pictures(unit_of(clip, first_frame=12, num_frames=10), raw, size=32))
    assert all(picture_HWC.shape == (32, 32, 3) and picture_HWC.dtype == np.uint8 for picture_HWC in shown)
    assert [passed(picture_HWC) for picture_HWC in shown] == [36 + index for index in range(10)]
    beside = next(unit_pictures(unit_of(clip, first_frame=0, num_frames=1, left=48.0), raw, size=64))
    assert (np.flatnonzero(beside[8, :, 0] > 10) == np.arange(16)).all()


def test_a_unit_whose_source_has_become_shorter_is_an_error_that_says_so(tmp_path: Path) -> None:
    path = write_clock(tmp_path / "clock.mov", rate=24)
    clip, raw = clip_of(path, 24, 72)
    unit = unit_of(clip, first_frame=60, num_frames=20)
    with pytest.raises(InputError, match="build the dataset again"):
        list(unit_pictures(unit, raw))
