"""Sound that is moved against the mouths: planted as told, and found by the pipeline."""

from pathlib import Path

import numpy as np
import pytest

from openlpm.bench.dataset.acted import write_shots
from openlpm.bench.dataset.desync import desync_rows
from openlpm.core.seeds import Split
from openlpm.core.units import samples_at_frame
from openlpm.media.video import read_video
from openlpm.synth.act.perform import perform
from openlpm.synth.sound.speech_bank import SpeechBank, build

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def bank() -> SpeechBank:
    pytest.importorskip("espeakng_loader", reason="the extra [tts] makes the voices")
    return build(Split.VALIDATION, 24, seed=11)


def test_the_same_pictures_are_written_with_the_sound_moved_by_as_much_as_asked(
    bank: SpeechBank, tmp_path: Path
) -> None:
    record = perform(1_000_001, 1_000_001, bank, num_frames=24)
    paths = {tmp_path / "in-step.mp4": 0, tmp_path / "late.mp4": 5, tmp_path / "early.mp4": -5}
    write_shots(paths, [record])
    clips = {late: read_video(path) for path, late in paths.items()}
    whole_A = clips[0].samples_A[: samples_at_frame(24)]
    assert np.abs(whole_A).max() > 0.01
    for late in (5, -5):
        np.testing.assert_array_equal(clips[late].frames_FHWC, clips[0].frames_FHWC)
        moved_A = clips[late].samples_A[: samples_at_frame(24)]
        places = np.correlate(moved_A, whole_A, mode="full")
        assert int(places.argmax()) - (len(whole_A) - 1) == pytest.approx(np.sign(late) * samples_at_frame(5), abs=8)


def test_a_clip_whose_sound_was_moved_is_dropped_and_one_in_step_is_not(bank: SpeechBank, tmp_path: Path) -> None:
    def ignored(name: str, done: int, total: int) -> None:
        assert done <= total

    rows = {row.name: row for row in desync_rows(tmp_path, bank, 1, ignored)}
    assert {name: row.value for name, row in rows.items()} == {
        "filter_recall/desync": 1.0,
        "filter_precision/desync": 1.0,
    }
    assert all(row.n == 1 for row in rows.values())
