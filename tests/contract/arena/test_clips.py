"""What raters see and hear: one loudness, one height, one moment, and nothing that tells whose a clip is."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from openlpm.bench.arena import clip
from openlpm.bench.arena.case import read_cases
from openlpm.bench.arena.clip import LOUDNESS_LUFS, Voices, Window, loudness_lufs, write_clip
from openlpm.bench.arena.entry import read_entry
from openlpm.bench.arena.question import Question, Track
from openlpm.bench.arena.showing import BrokenClip, Projector
from openlpm.bench.arena.trial import Kind, Side, Trial
from openlpm.core.errors import InputError
from openlpm.media.audio import open_audio
from openlpm.media.probe import probe
from openlpm.media.video import read_video
from support.arena import SECONDS, tone, write_bench, write_submission, write_video

pytestmark = pytest.mark.contract

WHOLE = Window(start_s=0.0, seconds=SECONDS)


def heard(path: Path) -> NDArray[np.float32]:
    source = open_audio(path)
    return source.read(0, source.num_samples)


def pitch_hz(samples_A: NDArray[np.float32]) -> float:
    return float(np.abs(np.fft.rfft(samples_A)).argmax() * 16_000 / samples_A.shape[0])


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("arena")
    cases = write_bench(folder / "bench", ("S", "S", "L"))
    write_submission(folder / "small", "small", cases, shade=60, size=64)
    write_submission(folder / "large", "large", cases, shade=200, size=128)
    return folder


def projector(bench: Path, out: Path, *, native: bool = False) -> Projector:
    cases = read_cases(bench / "bench")
    entries = {name: read_entry(bench / name, cases) for name in ("small", "large")}
    return Projector(out, cases, entries, None, native=native)


def trial(case: str, left: Side, right: Side) -> Trial:
    return Trial(
        id="t", rater="r", kind=Kind.PAIR, case=case, track=Track(case[0]), questions=(Question.LIP,), left=left,
        right=right, cut=0.0,
    )  # fmt: skip


def pair(case: str = "S-0000") -> Trial:
    return trial(case, Side(system="small", sound_of=case), Side(system="large", sound_of=case))


def test_loudness_is_what_the_standard_says_of_its_own_tone() -> None:
    # EBU Tech 3341: a tone of 1 kHz at -23 dBFS in both channels is -23 LUFS; in one it is 3 less.
    samples_A = tone(1_000, 5.0, level=10 ** (-23 / 20))
    assert loudness_lufs(samples_A) == pytest.approx(-26.0, abs=0.2)


@pytest.mark.parametrize("level", [0.01, 0.1, 0.9])
def test_all_clips_are_equally_loud(level: float) -> None:
    silent_A = np.zeros(32_000, np.float32)
    mixed_A = Voices(own_A=tone(440, 2.0, level), partner_A=silent_A).mixed()
    assert loudness_lufs(mixed_A) == pytest.approx(LOUDNESS_LUFS, abs=0.5)
    assert np.abs(mixed_A).max() < 1.0
    assert not Voices(own_A=silent_A, partner_A=silent_A).mixed().any()


def test_both_sides_have_the_height_of_the_smaller_and_the_sound_of_the_case(bench: Path, tmp_path: Path) -> None:
    showing = projector(bench, tmp_path).show(pair())
    left, right = showing.files["left.mp4"], showing.files["right.mp4"]
    assert probe(left).height == probe(right).height == 64
    np.testing.assert_allclose(heard(left), heard(right), atol=1e-3)
    assert pitch_hz(heard(left)) == pytest.approx(200, abs=2)
    assert read_video(left).frames_FHWC.shape[0] == 24
    assert showing.files["reference.webp"].is_file()
    assert len(showing.own["left"]) > 10
    assert showing.partner == {}


def test_native_boards_show_every_clip_at_its_own_height(bench: Path, tmp_path: Path) -> None:
    files = projector(bench, tmp_path, native=True).show(pair()).files
    assert (probe(files["left.mp4"]).height, probe(files["right.mp4"]).height) == (64, 128)


def test_nothing_in_a_prepared_clip_names_its_system(bench: Path, tmp_path: Path) -> None:
    for path in projector(bench, tmp_path).show(pair()).files.values():
        content = path.read_bytes()
        assert not any(
            name in str(path.relative_to(tmp_path)) or name.encode() in content for name in ("small", "large")
        )


def test_a_mismatch_changes_what_is_heard_and_not_what_is_seen(bench: Path, tmp_path: Path) -> None:
    own, other = Side(system="small", sound_of="S-0000"), Side(system="small", sound_of="S-0001")
    files = projector(bench, tmp_path).show(trial("S-0000", own, other)).files
    assert pitch_hz(heard(files["left.mp4"])) == pytest.approx(200, abs=2)
    assert pitch_hz(heard(files["right.mp4"])) == pytest.approx(240, abs=2)
    np.testing.assert_array_equal(read_video(files["left.mp4"]).frames_FHWC, read_video(files["right.mp4"]).frames_FHWC)


def test_a_frozen_control_holds_its_first_frame_and_keeps_its_sound(bench: Path, tmp_path: Path) -> None:
    plain, frozen = Side(system="small", sound_of="S-0000"), Side(system="small", sound_of="S-0000", frozen=True)
    files = projector(bench, tmp_path).show(trial("S-0000", plain, frozen)).files
    still, moving = (read_video(files[f"{side}.mp4"]).frames_FHWC.astype(int) for side in ("right", "left"))
    assert still.shape == moving.shape
    assert np.abs(np.diff(still, axis=0)).mean() < 0.5 < np.abs(np.diff(moving, axis=0)).mean()
    assert pitch_hz(heard(files["right.mp4"])) == pytest.approx(200, abs=2)


def test_the_partner_is_heard_in_listening(bench: Path, tmp_path: Path) -> None:
    showing = projector(bench, tmp_path).show(pair("L-0002"))
    assert pitch_hz(heard(showing.files["left.mp4"])) == pytest.approx(280, abs=2)
    assert showing.own == {}
    assert len(showing.partner["right"]) > 10


def test_a_prepared_clip_is_made_once(bench: Path, tmp_path: Path) -> None:
    made = projector(bench, tmp_path).show(pair()).files["left.mp4"]
    before = made.stat().st_mtime_ns
    assert projector(bench, tmp_path).show(pair()).files["left.mp4"].stat().st_mtime_ns == before
    assert not list(tmp_path.glob("*.part"))


def test_of_a_long_case_the_same_window_is_cut_from_both(tmp_path: Path) -> None:
    write_video(tmp_path / "in.mp4", shade=0, frames=72)
    write_clip(tmp_path / "in.mp4", None, Window(start_s=1.0, seconds=1.0), tmp_path / "out.mp4", height=64)
    whole, cut = read_video(tmp_path / "in.mp4").frames_FHWC, read_video(tmp_path / "out.mp4").frames_FHWC
    assert cut.shape[0] == 24
    assert np.abs(cut.astype(int) - whole[24:48].astype(int)).mean() < 4


def test_a_clip_that_cannot_be_shown_is_named_with_its_system(bench: Path, tmp_path: Path) -> None:
    folder = write_submission(tmp_path / "broken", "broken", [], shade=0)
    (folder / "video" / "S-0000.s0.mp4").write_bytes(b"no video" * 100)
    cases = read_cases(bench / "bench")
    entries = {"broken": read_entry(folder, cases), "small": read_entry(bench / "small", cases)}
    side, good = Side(system="broken", sound_of="S-0000"), Side(system="small", sound_of="S-0000")
    with pytest.raises(BrokenClip) as told:
        Projector(tmp_path / "clips", cases, entries, None, native=False).show(trial("S-0000", good, side))
    assert (told.value.system, told.value.case) == ("broken", "S-0000")


def test_a_video_that_ends_before_the_window_is_refused(tmp_path: Path) -> None:
    write_video(tmp_path / "in.mp4", shade=0)
    with pytest.raises(InputError, match="too short"):
        write_clip(tmp_path / "in.mp4", None, Window(start_s=5.0, seconds=1.0), tmp_path / "out.mp4", height=64)
    assert not (tmp_path / "out.mp4").exists()
    assert clip.peaks(np.zeros(100, np.float32), 4) == [0.0] * 4
