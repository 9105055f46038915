"""The command line from end to end; a stand-in draws the frames: what is tested is everything around the model."""

import json
import os
import signal
import subprocess
import sys
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from openlpm.cli import engine as engines
from openlpm.cli import errors
from openlpm.cli.character import cast_member, drawn_references
from openlpm.cli.main import main
from openlpm.core.units import samples_at_frame
from openlpm.dit.condition import ReferenceKind
from openlpm.media.video import read_video
from openlpm.rollout.request import GenerationRequest
from openlpm.synth.look.references import ReferenceKey

pytestmark = pytest.mark.e2e

SEED = "seed:900007"


class Lamp:
    """An engine whose picture is as bright as the character is loud."""

    device = "cpu"
    has_choreographer = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.requests: list[GenerationRequest] = []

    def frames(self, request: GenerationRequest, progress: Callable[[int, int], None]) -> Iterator[NDArray[np.float32]]:
        self.requests.append(request)
        for first in range(0, request.num_frames, 10):
            end = min(first + 10, request.num_frames)
            levels = [np.abs(request.speak.read(samples_at_frame(f), 666)).max(initial=0.0) for f in range(first, end)]
            yield np.tile(np.array(levels, dtype=np.float32)[:, None, None, None], (1, 3, 256, 256))
            progress(end, request.num_frames)


@pytest.fixture
def lamp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lamp:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    engine = Lamp(folder)
    monkeypatch.setattr(engines, "load_engine", lambda folder, device, stream: engine)
    return engine


@pytest.fixture(scope="module")
def ada(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The portrait of a cast member: quicker than a seed, of which every reference is drawn."""
    path = tmp_path_factory.mktemp("ada") / "ada.png"
    Image.fromarray(cast_member(900_007).portrait_HWC).save(path)
    return path


def write_wav(path: Path, seconds: float, level: float = 0.6) -> Path:
    samples_A = level * np.sin(2 * np.pi * 200 * np.arange(round(seconds * 16_000)) / 16_000)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((samples_A * 32767).astype("<i2").tobytes())
    return path


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_a_question_and_a_reply_become_a_video_in_step(
    tmp_path: Path, lamp: Lamp, ada: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    question, reply = write_wav(tmp_path / "q.wav", 0.7), write_wav(tmp_path / "r.wav", 0.5)
    out, report = tmp_path / "out.mp4", tmp_path / "report.json"
    options = [
        "--listen",
        question,
        "--speak",
        reply,
        "--text",
        "smiles",
        "--seed",
        5,
        "--steps",
        3,
        "--report",
        report,
    ]
    assert run("generate", "--character", ada, *options, "--out", out) == 0

    clip = read_video(out)
    assert clip.frames_FHWC.shape == (48, 256, 256, 3)  # 0.7 s, a pause of 0.3 s, 0.5 s, a rest of 0.5 s
    bright_F = clip.frames_FHWC.mean(axis=(1, 2, 3)) > 60
    assert set(np.flatnonzero(bright_F)) == set(range(24, 36))
    loud_A = np.abs(clip.samples_A) > 0.3
    assert not loud_A[samples_at_frame(18) : samples_at_frame(23)].any()
    assert loud_A[samples_at_frame(24) : samples_at_frame(25)].any()

    request = lamp.requests[0]
    assert (request.caption, request.seed, request.steps) == ("smiles", 5, 3)
    told = json.loads(report.read_text())
    assert told["frames"] == 48
    assert told["character"] == str(ada)
    assert told["settings"]["steps"] == 3
    assert len(told["weights"]["sha256"]) == 64
    assert told["warnings"] == []
    assert {"command", "version", "seconds", "fps"} <= set(told)
    assert "fps" in capsys.readouterr().err


def test_the_bundled_model_performs_aligned_voices_and_is_the_character(tmp_path: Path, ada: Path) -> None:
    one, two, out = write_wav(tmp_path / "q.wav", 0.5), write_wav(tmp_path / "r.wav", 0.5), tmp_path / "o.mp4"
    options = ["--aligned", "--steps", 2, "--device", "cpu"]
    assert run("generate", "--character", ada, "--listen", one, "--speak", two, *options, "--out", out) == 0
    clip = read_video(out)
    assert clip.frames_FHWC.shape == (24, 256, 256, 3)
    assert abs(len(clip.samples_A) - samples_at_frame(24)) < 1_024  # a packet of sound
    assert np.abs(clip.samples_A[:8_000]).max() > 0.75  # both voices
    assert np.abs(clip.samples_A[9_000:]).max() < 0.01
    portraits = [np.asarray(Image.open(ada)), cast_member(900_012).portrait_HWC]
    distances = [np.abs(clip.frames_FHWC.astype(float) - portrait_HWC).mean() for portrait_HWC in portraits]
    assert distances[0] < 20 < distances[1]  # 6 and 66 measured, of 255
    assert np.ptp(clip.frames_FHWC.astype(int), axis=0).max() > 30  # something moves


def test_other_words_come_at_their_times(tmp_path: Path, lamp: Lamp, ada: Path) -> None:
    out, report = tmp_path / "out.mp4", tmp_path / "report.json"
    options = ["--text", "She waits.", "--then", "1 She waves.", "--then", "0.5 She nods, twice.", "--report", report]
    assert run("generate", "--character", ada, "--seconds", 1.5, "--out", out, *options) == 0
    request = lamp.requests[0]
    assert request.caption == "She waits."
    assert [(each.at_s, each.caption) for each in request.prompts] == [(0.5, "She nods, twice."), (1.0, "She waves.")]
    assert json.loads(report.read_text())["settings"]["then"][0] == {"at_s": 0.5, "text": "She nods, twice."}


@pytest.mark.parametrize("then", ["She nods.", "2", "-1 She nods.", "inf She nods.", ""])
def test_words_without_a_time_are_refused(
    tmp_path: Path, lamp: Lamp, ada: Path, capsys: pytest.CaptureFixture[str], then: str
) -> None:
    out = tmp_path / "out.mp4"
    assert run("generate", "--character", ada, "--seconds", 1, "--out", out, f"--then={then}") == 2
    assert f"--then {then!r}: give seconds" in " ".join(capsys.readouterr().err.split())
    assert not lamp.requests
    assert not out.exists()


def test_without_a_voice_the_character_idles_in_silence_for_as_long_as_asked(
    tmp_path: Path, lamp: Lamp, ada: Path
) -> None:
    out = tmp_path / "out.mp4"
    assert run("generate", "--character", ada, "--seconds", 1.5, "--out", out) == 0
    clip = read_video(out)
    assert clip.frames_FHWC.shape[0] == lamp.requests[0].num_frames == 36
    assert abs(len(clip.samples_A) - samples_at_frame(36)) < 1_024  # a packet of sound
    assert np.abs(clip.samples_A).max() < 1e-3


def test_seconds_lengthen_a_conversation(tmp_path: Path, lamp: Lamp, ada: Path) -> None:
    reply, out = write_wav(tmp_path / "r.wav", 0.5), tmp_path / "out.mp4"
    assert run("generate", "--character", ada, "--speak", reply, "--seconds", 2, "--out", out) == 0
    clip = read_video(out)
    assert clip.frames_FHWC.shape[0] == 48
    assert np.abs(clip.samples_A[:8_000]).max() > 0.5
    assert np.abs(clip.samples_A[9_000:]).max() < 0.01


def test_a_timeline_places_the_turns(tmp_path: Path, lamp: Lamp, ada: Path) -> None:
    write_wav(tmp_path / "a.wav", 0.25)
    turns = [{"who": "speak", "file": "a.wav", "at": 0.5}, {"who": "listen", "file": "a.wav", "at": 0.0}]
    (tmp_path / "turns.json").write_text(json.dumps({"turns": turns}))
    assert run("generate", "--character", ada, "--timeline", tmp_path / "turns.json", "--out", tmp_path / "o.mp4") == 0
    request = lamp.requests[0]
    assert request.num_frames == 30
    assert np.abs(request.speak.read(8_000, 4_000)).max() > 0.5
    assert np.abs(request.speak.read(0, 8_000)).max() == 0
    assert np.abs(request.listen.read(0, 4_000)).max() > 0.5


def test_a_drawn_character_with_references_is_the_same_as_its_seed(tmp_path: Path, lamp: Lamp) -> None:
    reply = write_wav(tmp_path / "r.wav", 0.2)
    portrait, refs = tmp_path / "ada.png", tmp_path / "ada_refs"
    assert run("characters", "new", "--seed", 900_007, "--out", portrait, "--refs", refs) == 0
    assert run("generate", "--character", portrait, "--refs", refs, "--speak", reply, "--out", tmp_path / "a.mp4") == 0
    assert run("generate", "--character", SEED, "--speak", reply, "--out", tmp_path / "b.mp4") == 0
    by_picture, by_seed = (request.references for request in lamp.requests)
    assert [each.slot for each in by_picture] == [each.slot for each in by_seed]
    for one, other in zip(by_picture, by_seed, strict=True):
        assert np.abs(one.picture_HWC.astype(int) - other.picture_HWC).max() <= 1
    kinds = [str(reference.kind) for reference in by_picture]
    assert kinds == ["global", *["view"] * 4, *["expression"] * 5]


def test_a_first_frame_of_any_size_reaches_the_model_as_such(tmp_path: Path, lamp: Lamp, ada: Path) -> None:
    Image.new("RGBA", (300, 400), (10, 200, 30, 255)).save(tmp_path / "smile.png")
    report = tmp_path / "report.json"
    options = ["--seconds", 0.2, "--first-frame", tmp_path / "smile.png", "--report", report]
    assert run("generate", "--character", ada, *options, "--out", tmp_path / "o.mp4") == 0
    *_, first = lamp.requests[0].references
    assert first.kind is ReferenceKind.FIRST
    assert first.picture_HWC.shape == (256, 256, 3)
    assert (first.picture_HWC == (10, 200, 30)).all()
    assert json.loads(report.read_text())["references"] == ["global:0", "first:0"]


def test_a_motion_track_reaches_the_model_and_a_broken_one_ends_in_a_sentence(
    tmp_path: Path, lamp: Lamp, ada: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    track, out = tmp_path / "track.json", tmp_path / "out.mp4"
    options = ["--seconds", 1, "--motion", track, "--out", out]
    track.write_text('{"fps": 24, "channels": ["pitch", "yaw"], "frames": [[0.1, 0.2], [0.0, 0.3]]}')
    assert run("generate", "--character", ada, *options) == 0
    motion = lamp.requests[0].motion
    assert motion is not None
    assert np.allclose(motion.track_FM[:, motion.given_M], [[0.2, 0.1], [0.3, 0.0]])
    out.unlink()
    track.write_text('{"fps": 24, "channels": ["yaw"], "frames": [[0.9]]}')
    capsys.readouterr()
    assert run("generate", "--character", ada, *options) != 0
    assert "frame 0, yaw: 0.9 is outside -0.6 to 0.6" in " ".join(capsys.readouterr().err.split())
    assert not out.exists()


def test_the_bundled_model_begins_with_the_first_frame(tmp_path: Path, ada: Path) -> None:
    begin_HWC = drawn_references(900_007)[ReferenceKey("view", 1)]
    Image.fromarray(begin_HWC).save(tmp_path / "begin.png")
    options = ["--seconds", 0.5, "--steps", 4, "--device", "cpu", "--first-frame", tmp_path / "begin.png"]
    assert run("generate", "--character", ada, *options, "--out", tmp_path / "o.mp4") == 0
    first_HWC = read_video(tmp_path / "o.mp4").frames_FHWC[0].astype(float)
    distances = [np.abs(first_HWC - picture_HWC).mean() for picture_HWC in (begin_HWC, np.asarray(Image.open(ada)))]
    assert 2 * distances[0] < distances[1], distances


BAD: dict[str, tuple[list[str], str]] = {
    "no character": (["--character", "seed:1000000"], "no member of the cast"),
    "odd seed": (["--character", "seed:7x"], "no member of the cast"),
    "missing picture": (["--character", "nobody.png"], "there is no file"),
    "no picture": (["--character", "text.wav"], "is not a picture"),
    "missing sound": (["--speak", "nothing.wav"], "there is no file"),
    "no sound": (["--speak", "text.wav"], "is not a sound"),
    "empty": (["--speak", "empty.wav"], "is empty"),
    "no samples": (["--speak", "none.wav"], "no sound"),
    "both ways": (["--timeline", "turns.json"], "leave out --speak"),
    "suffix": (["--out", "out.avi"], "end"),
    "place": (["--out", "r.wav/out.mp4"], "cannot be written"),
    "refs": (["--refs", "nowhere"], "no folder"),
    "first frame": (["--first-frame", "nowhere.png"], "there is no file"),
    "no first frame": (["--first-frame", "text.wav"], "is not a picture"),
    "nearest first frame": (["--nearest", "--first-frame", "smile.png"], "leave out --first-frame"),
    "nearest refs": (["--nearest", "--refs", "."], "leave out --refs"),
    "report": (["--report", "r.wav/report.json"], "cannot be written"),
    "steps": (["--steps", "0"], "--steps"),
    "seconds": (["--seconds", "0"], "one frame"),
    "no seconds": (["--seconds", "nan"], "seconds is nan"),
    "too short": (["--seconds", "0.1"], "the last turn ends at 0.20 s"),
    "odd seconds": (["--seconds", "ten"], "--seconds"),
    "unknown option": (["--fast"], "--fast"),
}


@pytest.mark.parametrize(("options", "words"), BAD.values(), ids=BAD.keys())
def test_every_mistake_ends_in_one_sentence_and_no_file(
    *,
    tmp_path: Path,
    lamp: Lamp,
    ada: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_wav(tmp_path / "r.wav", 0.2)
    write_wav(tmp_path / "none.wav", 0.0)
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "turns.json").write_text('{"turns": [{"who": "speak", "file": "r.wav", "at": 0}]}')
    before = files(tmp_path)
    given = {"--character": str(ada), "--speak": "r.wav", "--out": "out.mp4"}
    for name in set(options) & set(given):
        del given[name]
    assert run("generate", *[part for pair in given.items() for part in pair], *options) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("openlpm: ")
    assert "\n" not in said
    assert words in said
    assert "Traceback" not in said
    assert files(tmp_path) == before


def test_without_voices_or_a_length_there_is_nothing_to_perform(
    tmp_path: Path, lamp: Lamp, ada: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for extra in ([], ["--aligned"]):
        assert run("generate", "--character", ada, "--out", tmp_path / "out.mp4", *extra) == 2
        assert "--seconds to idle" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.*"))


def test_a_timeline_that_overlaps_itself_names_both_turns(
    tmp_path: Path, lamp: Lamp, ada: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_wav(tmp_path / "one.wav", 1.0)
    write_wav(tmp_path / "two.wav", 1.0)
    turns = [{"who": "speak", "file": "one.wav", "at": 0}, {"who": "speak", "file": "two.wav", "at": 0.5}]
    (tmp_path / "turns.json").write_text(json.dumps({"turns": turns}))
    assert run("generate", "--character", ada, "--timeline", tmp_path / "turns.json", "--out", tmp_path / "o.mp4") == 2
    said = capsys.readouterr().err
    assert "one.wav" in said
    assert "two.wav" in said
    assert not (tmp_path / "o.mp4").exists()


def test_an_engine_that_fails_leaves_the_old_video_alone(
    tmp_path: Path, lamp: Lamp, ada: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(request: GenerationRequest, progress: Callable[[int, int], None]) -> Iterator[NDArray[np.float32]]:
        yield np.zeros((4, 3, 256, 256), dtype=np.float32)
        raise RuntimeError("the kernel gave up")

    monkeypatch.setattr(lamp, "frames", broken)
    monkeypatch.delenv("OPENLPM_DEBUG", raising=False)
    reply, out = write_wav(tmp_path / "r.wav", 0.5), tmp_path / "out.mp4"
    out.write_bytes(b"the old film")
    before = files(tmp_path)
    assert run("generate", "--character", ada, "--speak", reply, "--out", out) == 2
    assert "the kernel gave up" in capsys.readouterr().err
    assert out.read_bytes() == b"the old film"
    assert files(tmp_path) == before
    monkeypatch.setenv("OPENLPM_DEBUG", "1")
    with pytest.raises(RuntimeError, match="gave up"):
        run("generate", "--character", ada, "--speak", reply, "--out", out)


_SLOW = """
import sys, time
import numpy as np
from pathlib import Path
from openlpm.cli import engine
from openlpm.cli.character import cast_member, drawn_references
from openlpm.cli.main import main

class Slow:
    device, folder, has_choreographer = "cpu", Path(), True
    def frames(self, request, progress):
        while True:
            yield np.zeros((1, 3, 256, 256), np.float32)
            print("working", flush=True)
            time.sleep(0.05)

engine.load_engine = lambda folder, device, stream: Slow()
sys.exit(main(sys.argv[1:]))
"""


def test_ctrl_c_leaves_nothing(
    tmp_path: Path, lamp: Lamp, ada: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(request: GenerationRequest, progress: Callable[[int, int], None]) -> Iterator[NDArray[np.float32]]:
        yield np.zeros((4, 3, 256, 256), dtype=np.float32)
        raise KeyboardInterrupt

    monkeypatch.setattr(lamp, "frames", stopped)
    reply = write_wav(tmp_path / "r.wav", 0.5)
    before = files(tmp_path)
    assert run("generate", "--character", ada, "--speak", reply, "--out", tmp_path / "out.mp4") == 130
    assert "nothing was written" in capsys.readouterr().err
    assert files(tmp_path) == before


def test_a_command_that_is_terminated_cleans_up(tmp_path: Path, ada: Path) -> None:
    reply, out = write_wav(tmp_path / "r.wav", 30), tmp_path / "out.mp4"
    command = ["generate", "--character", str(ada), "--speak", str(reply), "--out", str(out)]
    with subprocess.Popen(
        [sys.executable, "-c", _SLOW, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert any(name.endswith(".part") for name in files(tmp_path))
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "nothing was written" in said
    assert "Traceback" not in said
    assert files(tmp_path) == {"r.wav"}


def test_a_missing_package_is_named_with_the_smallest_extra_that_has_it() -> None:
    found = [errors._extra_with(module) for module in ("espeakng_loader", "cv2", "aiortc", "nobody_knows_me")]
    assert found == ["tts", "data", "live", "live"]


def test_being_terminated_once_more_does_not_stop_the_tidying_up() -> None:
    """``timeout`` tells a process and then its group."""
    tidied = False
    with errors._termination_as_interrupt():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            pytest.fail("nothing was interrupted")
        except KeyboardInterrupt:
            os.kill(os.getpid(), signal.SIGTERM)
            tidied = True
    assert tidied


def test_a_picture_of_somebody_else_is_warned_about_and_replaced_on_demand(
    tmp_path: Path, lamp: Lamp, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("openlpm.synth.look.nearest")
    noise_HWC = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    Image.fromarray(noise_HWC).save(tmp_path / "photo.png")
    reply, report = write_wav(tmp_path / "r.wav", 0.2), tmp_path / "report.json"
    options = ["--character", tmp_path / "photo.png", "--speak", reply, "--out", tmp_path / "o.mp4", "--report", report]
    assert run("generate", *options) == 0
    assert "--nearest" in capsys.readouterr().err
    assert "--nearest" in json.loads(report.read_text())["warnings"][0]
    assert run("generate", *options, "--nearest") == 0
    assert json.loads(report.read_text())["character"].startswith("seed:")


def test_version_and_help_say_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert run() == 0
    assert run("generate", "--help") == 0
    said = capsys.readouterr().out
    assert "openlpm 0." in said
    assert "--timeline" in said
    assert "Examples" in said
