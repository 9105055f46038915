import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from openlpm.core.errors import InputError
from openlpm.core.units import samples_at_frame
from openlpm.media.probe import probe
from openlpm.media.video import VideoWriter, read_video

pytestmark = pytest.mark.unit


def scene(num_frames: int, size: int = 64) -> NDArray[np.uint8]:
    rows_HW, columns_HW = np.mgrid[0:size, 0:size]
    frames = [
        np.stack([rows_HW * 2, columns_HW * 2, 128 + 80 * np.sin(columns_HW / 9 + f / 3)], axis=-1)
        for f in range(num_frames)
    ]
    return np.stack(frames).astype(np.uint8)


def write(path: Path, frames_FHWC: NDArray[np.uint8], samples_A: NDArray[np.float32], block: int = 4) -> None:
    with VideoWriter(path, size=frames_FHWC.shape[1]) as writer:
        for first in range(0, frames_FHWC.shape[0], block):
            end = min(first + block, frames_FHWC.shape[0])
            writer.write(frames_FHWC[first:end], samples_A[samples_at_frame(first) : samples_at_frame(end)])


def test_picture_and_sound_come_back_in_step(tmp_path: Path) -> None:
    frames_FHWC = scene(48)
    frames_FHWC[24:] = 255 - frames_FHWC[24:]
    samples_A = np.zeros(samples_at_frame(48), dtype=np.float32)
    samples_A[samples_at_frame(24) : samples_at_frame(24) + 160] = 0.8
    write(tmp_path / "a.mp4", frames_FHWC, samples_A)
    clip = read_video(tmp_path / "a.mp4")
    assert clip.frames_FHWC.shape == frames_FHWC.shape
    assert np.abs(clip.frames_FHWC.astype(int) - frames_FHWC).mean() < 3
    heard = int(np.argmax(np.abs(clip.samples_A) > 0.4))
    assert abs(heard - samples_at_frame(24)) < 16  # a millisecond; the promise is a frame
    assert abs(clip.samples_A.shape[0] - samples_A.shape[0]) < samples_at_frame(1)


def test_a_player_that_ignores_the_coder_delay_is_still_in_step_to_a_frame(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4", scene(8), np.zeros(samples_at_frame(8), dtype=np.float32))
    facts = probe(tmp_path / "a.mp4")
    assert facts.audio_rate_hz is not None
    assert 1024 / facts.audio_rate_hz < 1 / 24
    assert (facts.video_codec, facts.audio_codec, facts.frame_rate_hz) == ("h264", "aac", 24.0)


def test_the_index_comes_before_the_pictures(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4", scene(8), np.zeros(samples_at_frame(8), dtype=np.float32))
    content = (tmp_path / "a.mp4").read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")


def test_pushing_out_of_step_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="in step"), VideoWriter(tmp_path / "a.mp4", size=64) as writer:
        writer.write(scene(4), np.zeros(samples_at_frame(8), dtype=np.float32))


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, InputError])
def test_whatever_interrupts_leaves_no_half_file_and_the_old_one_alone(
    tmp_path: Path, error: type[BaseException]
) -> None:
    target = tmp_path / "a.mp4"
    target.write_bytes(b"the old film")

    def interrupted() -> None:
        with VideoWriter(target, size=64) as writer:
            writer.write(scene(4), np.zeros(samples_at_frame(4), dtype=np.float32))
            raise error

    with pytest.raises(error):
        interrupted()
    assert target.read_bytes() == b"the old film"
    assert list(tmp_path.iterdir()) == [target]


def test_a_video_without_frames_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not one frame"), VideoWriter(tmp_path / "a.mp4", size=64):
        pass
    assert not list(tmp_path.iterdir())


def test_places_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder.mp4").mkdir()
    expected = {"a.avi": "end", "folder.mp4": "is a folder", "file/a.mp4": "cannot be written"}
    for name, words in expected.items():
        with pytest.raises(InputError, match=words):
            VideoWriter(tmp_path / name, size=64)
    with pytest.raises(InputError, match="cannot be written"):
        VideoWriter(Path("/proc/openlpm/a.mp4"), size=64)


def test_missing_folders_are_made(tmp_path: Path) -> None:
    write(tmp_path / "new" / "deep" / "a.mp4", scene(2), np.zeros(samples_at_frame(2), dtype=np.float32))
    assert (tmp_path / "new" / "deep" / "a.mp4").stat().st_size > 500


_FILL = """
import resource, sys, numpy as np
from pathlib import Path
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
from openlpm.core.errors import InputError
from openlpm.media.video import VideoWriter
noise = np.random.default_rng(0).integers(0, 255, (24, 128, 128, 3), dtype=np.uint8)
try:
    with VideoWriter(Path(sys.argv[1]), size=128) as writer:
        for _ in range(3):
            writer.write(noise, np.zeros(16000, np.float32))
except InputError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize("limit", [0, 200_000])
def test_a_full_disk_ends_in_one_sentence_and_no_file(tmp_path: Path, limit: int) -> None:
    target = tmp_path / "a.mp4"
    done = subprocess.run(
        [sys.executable, "-c", _FILL, str(target), str(limit)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.strip() == f"{target} cannot be written: no file may become that large there"
    assert not list(tmp_path.iterdir())


def test_reading_what_has_no_picture_is_refused(tmp_path: Path, shared_data: Path) -> None:
    with pytest.raises(InputError, match="no picture"):
        read_video(shared_data / "speech" / "jfk.flac")
