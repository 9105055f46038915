"""The script that makes the gallery: what it shows, that it fits, and that a seed picks."""

import importlib.util
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

from openlpm.bench.human_voices import HumanVoices
from openlpm.core.audio import ArraySource
from openlpm.core.errors import InputError
from openlpm.core.seeds import Split, split_of
from openlpm.core.units import samples_at_frame
from openlpm.rollout.assembly import CharacterModel
from openlpm.synth.sound.speech_bank import SpeechBank, build
from openlpm.weights.store import Storage

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def script(repository: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("gallery_script", repository / "runs" / "gallery.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def quick(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing references takes longer than all the rest."""
    ten = torch.linspace(0, 1, 10 * 3 * 256 * 256).view(10, 3, 256, 256)
    monkeypatch.setattr(script, "reference_pictures", lambda identity: ten)


@pytest.fixture(scope="module")
def bank() -> SpeechBank:
    return build(Split.TEST, 24, seed=6)


@pytest.fixture(scope="module")
def tiny(tiny_model: Callable[..., CharacterModel]) -> CharacterModel:
    return tiny_model()


def test_the_gallery_shows_every_situation_beside_its_truth(
    script: ModuleType,
    bank: SpeechBank,
    tiny: CharacterModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "gallery").mkdir()
    (tmp_path / "gallery" / "from-another-time.webp").touch()
    monkeypatch.setattr(script, "KEPT_EVERY", 24)
    tiny.save_to(tmp_path / "model", storage=Storage.BF16)
    bank.save(tmp_path / "bank.npz")
    options = ("--frames", "48", "--clips", "1", "--steps", "1", "--bank", str(tmp_path / "bank.npz"))
    monkeypatch.setattr(sys, "argv", ["gallery.py", str(tmp_path / "model"), "--out", str(tmp_path), *options])
    script.main()
    page = (tmp_path / "gallery.md").read_text()
    shown = re.findall(r'src="([^"]+)"', page)
    assert len(shown) == len(script.ROWS) - 1 == 9
    assert {tmp_path / name for name in shown} == set((tmp_path / "gallery").iterdir())
    num_bytes = sum((tmp_path / name).stat().st_size for name in shown)
    assert num_bytes <= script.MOST_BYTES
    assert f"{num_bytes / 1024:.0f} KiB" in capsys.readouterr().out
    assert "http" not in page
    assert "<script" not in page
    assert "runs/gallery.py" in page
    assert "human-voices" not in page
    assert "openlpm bench voices FOLDER" in page
    assert "from 1 picture | from 10 pictures" in page
    people = [int(seed) for seed in re.findall(r"seed:(\d+)", page)]
    assert len(people) == 9
    assert all(split_of(seed) == Split.TEST for seed in people)
    for name in shown:
        with Image.open(tmp_path / name) as image:
            panels = 3 if "references" in name else 2
            assert image.size == (panels * script.CELL, script.CELL)
            assert getattr(image, "n_frames", 1) == 2


def test_the_same_seed_picks_the_same_clip_and_the_truth_is_its_left_part(
    script: ModuleType, bank: SpeechBank, tiny: CharacterModel
) -> None:
    def cell(seed: int) -> "object":
        stage = script.Stage(model=tiny, bank=bank, seed=seed, num_frames=24, steps=1)
        return script.make_cell(stage, script.ROWS[0], 0)

    first, again, other = cell(1), cell(1), cell(2)
    np.testing.assert_array_equal(first.frames_FHWC, again.frames_FHWC)
    assert first.scene.who != other.scene.who
    assert first.frames_FHWC.shape == (12, 256, 512, 3)
    truth_HWC, generated_HWC = first.frames_FHWC[0, :, :256], first.frames_FHWC[0, :, 256:]
    assert len(np.unique(truth_HWC)) > 50
    assert not np.array_equal(truth_HWC, generated_HWC)


def test_clips_that_are_too_large_are_coded_worse_until_they_fit_or_refused(script: ModuleType) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (4, 256, 512, 3), dtype=np.uint8)
    cell = script.Cell(name="noise", scene=None, panels=("truth",), frames_FHWC=noise)
    best = len(script.as_webp(noise, 70))
    (fitting,) = script.encoded([cell], best - 1)
    assert len(fitting) < best
    with pytest.raises(InputError, match="do not fit into 100 bytes"):
        script.encoded([cell], 100)


def test_rows_of_actions_show_clips_that_have_them(
    script: ModuleType, bank: SpeechBank, tiny: CharacterModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "KEPT_EVERY", 24)
    stage = script.Stage(model=tiny, bank=bank, seed=1, num_frames=48, steps=1)
    for title, number in (("Actions", 1), ("Sequences", 3)):
        (row,) = [row for row in script.ROWS if row.title == title]
        events = script.draw(stage, row, 0).record.truth.events
        assert sum(event.kind.startswith("action:") for event in events) == number
    with pytest.raises(InputError, match="give more --frames"):
        script.draw(replace(stage, num_frames=24), row, 0)


def test_a_recorded_voice_is_shown_by_its_loudness_and_called_so(
    script: ModuleType, bank: SpeechBank, tiny: CharacterModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "ROWS", [row for row in script.ROWS if row.recorded])
    monkeypatch.setattr(sys, "argv", _options(tiny, bank, tmp_path, ("19-1-0000.opus", "26-2-0000.opus", "jfk.flac")))
    script.main()
    page = (tmp_path / "gallery.md").read_text()
    assert "loudness of `26-2-0000.opus` | generated, `seed:" in page
    assert "truth | generated" not in page
    assert "are not shown" not in page
    with Image.open(tmp_path / "gallery" / "human-voices-0.webp") as image:
        assert image.size == (2 * script.CELL, script.CELL)


def test_recordings_of_speakers_who_were_trained_on_are_refused(
    script: ModuleType, bank: SpeechBank, tiny: CharacterModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", _options(tiny, bank, tmp_path, ("19-1-0000.opus", "jfk.flac")))
    with pytest.raises(InputError, match="holds no speaker of the test split"):
        script.main()


def test_loudness_rises_with_the_voice_and_only_the_present_is_black(script: ModuleType) -> None:
    voice_A = np.repeat(np.array([0.1, 1.0, 0.0, 0.5], dtype=np.float32), samples_at_frame(1))
    shown_FHWC = script.loudness(ArraySource(voice_A), 4)
    assert shown_FHWC.shape == (4, 256, 256, 3)
    heights_F = [(shown_FHWC[0, :, 32 + 64 * frame, 0] < 255).sum() for frame in range(4)]
    assert heights_F[1] > heights_F[3] > heights_F[0] > heights_F[2] > 0
    for frame in range(4):
        (black,) = {column // 64 for column in np.flatnonzero((shown_FHWC[frame, :, :, 0] == 0).any(axis=0))}
        assert black == frame


def _options(model: CharacterModel, bank: SpeechBank, folder: Path, names: tuple[str, ...]) -> list[str]:
    """A command line with one clip a row and a voice of each name."""
    noise_KA = np.random.default_rng(1).normal(0, 0.1, (len(names), 8 * 16000)).astype(np.float32)
    HumanVoices(names=names, voices_KA=noise_KA).save(folder / "voices.npz")
    model.save_to(folder / "model", storage=Storage.BF16)
    bank.save(folder / "bank.npz")
    options = ("--frames", "48", "--clips", "1", "--steps", "1", "--voices", str(folder / "voices.npz"))
    return ["gallery.py", str(folder / "model"), "--out", str(folder), "--bank", str(folder / "bank.npz"), *options]
