"""Frames of a stretch are those frames, wherever it begins, and memory does not grow with the film."""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from openlpm.data.footage import fitted, read_pictures
from openlpm.data.ingest.probing import Limits, look_into
from openlpm.data.parts import Media, Span

pytestmark = pytest.mark.contract

LIMITS = Limits(most_streams=16, most_pixels=10**8, longest_s=1e5, fastest_hz=240, most_damaged=0.5)


def stretch(media: Media, stamps: list[int], first: int, end: int) -> Span:
    return Span(
        first_pts=stamps[first],
        end_pts=stamps[end],
        time_base=media.time_base,
        first_frame=first,
        num_frames=end - first,
    )


@pytest.mark.parametrize(
    ("suffix", "codec", "stamped"),
    [("mp4", "libx264", False), ("mkv", "libx264", True), ("ts", "mpeg2video", False), ("gif", "gif", False)],
)
def test_a_stretch_gives_the_frames_that_the_whole_has_there(
    suffix: str, codec: str, stamped: bool, tmp_path: Path, films: ModuleType
) -> None:
    rng = np.random.default_rng(3)
    stamps = np.cumsum(rng.integers(20, 120, 60)).tolist() if stamped else None
    path = films.write_film(tmp_path / f"a.{suffix}", [(1, 5.0)], codec=codec, stamps=stamps, sound=suffix != "gif")
    media = look_into(path, LIMITS)
    whole = list(read_pictures(path, media))
    assert [each.index for each in whole] == list(range(60))
    times = [each.pts for each in whole]
    for first, end in ((0, 7), (1, 2), (23, 41), (48, 59)):
        part = list(read_pictures(path, media, stretch(media, times, first, end)))
        assert [each.index for each in part] == list(range(first, end))
        for seen, known in zip(part, whole[first:end], strict=True):
            assert seen.pts == known.pts
            np.testing.assert_array_equal(seen.picture_HWC, known.picture_HWC)


def test_real_recordings_give_the_same_stretch_by_seeking_as_by_reading_all(shared_data: Path) -> None:
    for name in ("grid-lbax4n.mpg", "cut-face-cartoon.mov", "two-people-silent.gif", "webcam.mp4"):
        path = shared_data / "video" / name
        media = look_into(path, LIMITS)
        whole = list(read_pictures(path, media, most_side=64))
        times = [each.pts for each in whole]
        part = list(read_pictures(path, media, stretch(media, times, 31, 45), most_side=64))
        assert [each.pts for each in part] == times[31:45]
        for seen, known in zip(part, whole[31:45], strict=True):
            np.testing.assert_array_equal(seen.picture_HWC, known.picture_HWC)


def test_sizes_keep_their_shape_and_are_even() -> None:
    assert fitted(1920, 1080, 480) == (480, 270)
    assert fitted(127, 93, None) == (128, 92)
    assert fitted(30_000, 2, 160) == (160, 2)


def test_time_is_exact(tmp_path: Path, films: ModuleType) -> None:
    media = look_into(films.write_film(tmp_path / "a.mp4", [(1, 5.0)]), LIMITS)
    assert (media.rate, media.duration_s) == (Fraction(12), Fraction(5))


MEASURE = """
import resource, sys
from pathlib import Path
from openlpm.data.ingest.stage import IngestConfig, ingest
from openlpm.data.scan import roots_of, scan
from openlpm.data.shots.stage import ShotsConfig, split_into_shots
from openlpm.data.filters.stage import FiltersConfig, filter_clip

raw = roots_of([Path(sys.argv[1])])
(found,) = scan(raw)
(source,) = ingest(found, IngestConfig(), raw)
for clip in split_into_shots(source, ShotsConfig(longest_s=600.0), raw):
    filter_clip(clip, FiltersConfig(), raw)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.long
def test_memory_does_not_grow_with_the_length_of_a_film(tmp_path: Path, films: ModuleType) -> None:
    used: list[int] = []
    for seconds in (10.0, 300.0):
        path = films.write_film(tmp_path / f"{seconds}.mp4", [(1, seconds)], size=(240, 320))
        arguments = [sys.executable, "-c", MEASURE, str(path)]
        environment = {"PYTHONPATH": ":".join(sys.path), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True)
        used.append(int(done.stdout))
    assert used[1] - used[0] < 25_000  # KiB; the film alone would be 800 000 decoded
