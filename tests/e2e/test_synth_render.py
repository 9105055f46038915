import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from openlpm.cli.main import main
from openlpm.core.seeds import Split
from openlpm.media.video import read_video
from openlpm.synth.act import filming
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.render import Cast, Render
from openlpm.synth.sound.speech_bank import build

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bank") / "voices.npz"
    build(Split.TEST, 48, seed=5).save(path)
    return path


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every performer is a picture of one grey, which is quickly drawn."""

    def drawn(parameters_FV: Tensor, rig_FR: NDArray[np.float32], render: Render, *, at_once: int) -> NDArray[np.uint8]:
        return np.full((rig_FR.shape[0], 256, 256, 3), grey(Cast.from_parameters(parameters_FV[:1])), dtype=np.uint8)

    monkeypatch.setattr(filming, "drawn", drawn)


def grey(cast: Cast) -> int:
    return int(1000 * float(cast.parameters_BV.sum())) % 256


def render(out: Path, bank: Path, *more: str) -> int:
    return main(["synth", "render", "--out", str(out), "--bank", str(bank), "--device", "cpu", *more])


def test_picture_sound_and_truth_of_a_conversation_are_in_step(tmp_path: Path, bank: Path) -> None:
    assert render(tmp_path, bank, "--count", "1", "--seconds", "1", "--seed", "3", "--layout", "side-by-side") == 0
    clip = read_video(tmp_path / "conversation-000003.mp4")
    header = json.loads((tmp_path / "conversation-000003.json").read_text())
    with np.load(tmp_path / "conversation-000003.npz") as arrays:
        assert clip.frames_FHWC.shape == (24, 256, 512, 3)
        for side, left in (("a", 0), ("b", 256)):
            seed = int(header["sides"][side]["identity"].removeprefix("seed:"))
            rig_FR = torch.from_numpy(arrays[f"{side}_rig"][[2, 12, 22]])
            drawn = Cast([Identity.from_seed(seed)]).render(rig_FR[None])[0].permute(0, 2, 3, 1).numpy() * 255
            for index, frame in enumerate((2, 12, 22)):
                shown = clip.frames_FHWC[frame, :, left : left + 256].astype(float)
                errors = [np.abs(shown - picture).mean() for picture in drawn]
                assert int(np.argmin(errors)) == index
                assert errors[index] < 4  # what H.264 loses
        voices_A = (arrays["a_voice"].astype(np.float32) + arrays["b_voice"]) / 32767
    heard_A = clip.samples_A[: voices_A.shape[0]]
    lags = range(-40, 41)
    fits = [float(np.dot(np.roll(heard_A, -lag), voices_A)) for lag in lags]
    assert voices_A.any()
    assert abs(lags[int(np.argmax(fits))]) <= 8  # half a millisecond


def test_a_cut_film_shows_whom_its_shot_list_names(tmp_path: Path, bank: Path, plain: None) -> None:
    assert render(tmp_path, bank, "--count", "2", "--seconds", "12", "--seed", "0") == 0
    num_shots = 0
    for number in range(2):
        clip = read_video(tmp_path / f"conversation-{number:06d}.mp4")
        header = json.loads((tmp_path / f"conversation-{number:06d}.json").read_text())
        for shot in header["shots"]:
            seed = int(header["sides"][shot["side"]]["identity"].removeprefix("seed:"))
            level = grey(Cast([Identity.from_seed(seed)]))
            for frame in (shot["first_frame"], shot["end_frame"] - 1):
                assert abs(float(clip.frames_FHWC[frame].mean()) - level) < 3
            num_shots += 1
    assert num_shots > 2


def test_what_is_whole_is_kept_and_what_is_damaged_is_made_again(
    tmp_path: Path, bank: Path, plain: None, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--count", "2", "--seconds", "2", "--layout", "separate")
    assert render(tmp_path, bank, *options) == 0
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == [f"conversation-00000{n}{end}" for n in (0, 1) for end in ("-a.mp4", "-b.mp4", ".json", ".npz")]
    kept, damaged = tmp_path / "conversation-000000-a.mp4", tmp_path / "conversation-000001-b.mp4"
    before = kept.stat().st_mtime_ns
    damaged.write_bytes(damaged.read_bytes()[:100])
    assert render(tmp_path, bank, *options) == 0
    assert "1 of 2 are there already" in capsys.readouterr().err
    assert kept.stat().st_mtime_ns == before
    assert read_video(damaged).frames_FHWC.shape[0] == 48
    assert sorted(path.name for path in tmp_path.iterdir()) == files


def test_a_render_that_is_stopped_leaves_nothing_behind(
    tmp_path: Path, bank: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(
        parameters_FV: Tensor, rig_FR: NDArray[np.float32], render: Render, *, at_once: int
    ) -> NDArray[np.uint8]:
        raise KeyboardInterrupt

    monkeypatch.setattr(filming, "drawn", stopped)
    assert render(tmp_path, bank, "--count", "1", "--seconds", "1") == 130
    assert not list(tmp_path.iterdir())


def test_requests_that_cannot_be_met_are_explained(
    tmp_path: Path, bank: Path, plain: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert render(tmp_path, bank, "--count", "1", "--seconds", "1") == 0
    for options, said in (
        (("--seconds", "2"), "made with num_frames 24"),
        (("--layout", "round"), "choose one of cut, side-by-side, separate"),
        (("--split", "all"), "choose one of train, validation, test"),
        (("--split", "train", "--seed", "9"), "give --split test or another bank"),
    ):
        capsys.readouterr()
        assert render(tmp_path, bank, "--count", "1", *options) == 2
        assert said in " ".join(capsys.readouterr().err.split())
