"""Real lips from landmarks, and the rows that compare a predicted mouth with them."""

import os
from pathlib import Path

import numpy as np
import pytest

from openlpm.bench.aligner import LipClip, chance_of, lip_rows
from openlpm.bench.lips import find_points, lips_of, read_lips
from openlpm.bench.result import Row
from openlpm.core.errors import InputError
from openlpm.core.rig import VISEMES
from openlpm.core.seeds import generator
from openlpm.data.people.landmark_link import INTERPRETER_VARIABLE, landmarks_python
from openlpm.data.people.landmark_process import NUM_POINTS
from openlpm.synth.act.mouth_motion import MouthTrack

pytestmark = pytest.mark.unit


def faces(opening_F: np.ndarray, *, size: float = 1.0) -> np.ndarray:
    """Landmarks of a face 100 px between the eyes whose inner lips part by ``opening_F`` of that."""
    points = np.zeros((opening_F.shape[0], NUM_POINTS, 2), np.float32)
    points[:, 263, 0] = 100 * size
    for low in (87, 14, 317):
        points[:, low, 1] = 100 * size * opening_F
    return points


def test_the_opening_does_not_depend_on_the_size_of_the_face_and_is_resampled_to_our_rate() -> None:
    opening_F = 0.2 + 0.1 * np.sin(np.arange(100) / 25 * 2 * np.pi)
    near, far = lips_of(faces(opening_F), 25.0, name="a"), lips_of(faces(opening_F, size=0.3), 25.0, name="a")
    assert near.opening_F.shape == (96,)
    np.testing.assert_allclose(near.opening_F, far.opening_F, atol=1e-6)
    expected_F = 0.2 + 0.1 * np.sin(((np.arange(96) + 0.5) / 24 - 0.5 / 25) * 2 * np.pi)
    np.testing.assert_allclose(near.opening_F[1:-1], expected_F[1:-1], atol=2e-3)  # of linear interpolation


def test_a_frame_without_a_face_is_bridged_and_many_are_refused() -> None:
    points = faces(np.full(50, 0.3))
    points[20:23] = np.nan
    assert lips_of(points, 25.0, name="a").opening_F == pytest.approx(0.3)
    points[20:40] = np.nan
    with pytest.raises(InputError, match="60 %"):
        lips_of(points, 25.0, name="a")


def test_an_interpreter_that_fails_or_is_not_named_is_an_error_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(INTERPRETER_VARIABLE, raising=False)
    with pytest.raises(InputError, match=r"mediapipe==0\.10\.21"):
        landmarks_python(None)
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    pictures = (np.zeros((64, 64, 3), np.uint8) for _ in range(64))
    with pytest.raises(InputError, match="exit code 3"):
        find_points(pictures, landmarks_python(broken))


def clip(name: str, late: int = 0) -> LipClip:
    jaw_F = np.convolve(generator("lips", name).random(90), np.ones(5) / 5, "same").astype(np.float32)
    mouth_F6 = np.zeros((90, 6), np.float32)
    mouth_F6[:, 0] = jaw_F
    viseme_F = np.zeros(90, np.int8)
    lips_F = np.roll(jaw_F, late).astype(np.float64)
    viseme_F[int(lips_F.argmin())] = viseme_F[int(lips_F.argmax())] = VISEMES.index("PP")
    lips_F = lips_F - lips_F.min()
    return LipClip(name=name, lips_F=lips_F, mouth=MouthTrack(mouth_F6, viseme_F), loudness_F=np.ones(90, np.float32))


def by_name(rows: list[Row]) -> dict[str, float | None]:
    return {row.name.removeprefix("aligner_lip_r_real/"): row.value for row in rows}


def test_a_perfect_mouth_fits_only_its_own_sound_at_its_own_time() -> None:
    rows = by_name(lip_rows([clip(name) for name in "abcdefgh"]))
    assert rows["aligner_lip_r_real"] == pytest.approx(1.0)
    assert rows["best_lag"] == 0.0
    for control in ("shifted", "other_sound", "loudness"):
        assert abs(rows[control] or 0.0) < 0.3
    assert rows["aligner_closures_seen"] == pytest.approx(0.5)
    assert chance_of(clip("a")) == 0.0


def test_lips_that_come_two_frames_late_are_told_as_such() -> None:
    rows = by_name(lip_rows([clip(name, late=2) for name in "abcdefgh"]))
    assert rows["best_lag"] == pytest.approx(2000 / 24)
    assert rows["at_best_lag"] == pytest.approx(1.0, abs=0.02)  # the ends were rolled in
    assert (rows["aligner_lip_r_real"] or 0.0) < 0.7


def test_real_lips_are_found_where_there_is_an_interpreter_for_it(shared_data: Path) -> None:
    if INTERPRETER_VARIABLE not in os.environ:
        pytest.skip(f"no landmarks: name a Python with mediapipe in {INTERPRETER_VARIABLE}")
    lips = read_lips(shared_data / "video" / "grid-sbwe5n.mpg", landmarks_python(None))
    assert lips.found == 1.0
    assert lips.opening_F[:5].max() < 0.02  # he waits with his lips shut
    assert lips.opening_F.max() > 0.1
