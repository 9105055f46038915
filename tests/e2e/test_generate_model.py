"""The command line with the real model code, at a tiny size and with weights of chance."""

import json
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from openlpm.cli.main import main
from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.media.video import read_video
from openlpm.rollout.assembly import CharacterModel
from openlpm.weights.store import Storage

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def tiny(tiny_model: Callable[..., CharacterModel], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    tiny_model(stirred=0.05).save_to(folder, storage=Storage.BF16)
    return folder


def write_reply(path: Path) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(AUDIO_RATE_HZ)
        file.writeframes((np.sin(np.arange(4_000) / 10) * 9_000).astype("<i2").tobytes())
    return path


def test_the_model_performs_from_the_command_line_and_the_same_seed_repeats_it(tmp_path: Path, tiny: Path) -> None:
    reply = write_reply(tmp_path / "reply.wav")
    clips = []
    for name, seed in [("a", 3), ("b", 3), ("c", 4)]:
        out, report = tmp_path / f"{name}.mp4", tmp_path / f"{name}.json"
        command = (
            f"generate --character seed:900007 --speak {reply} --steps 1 --seed {seed} --model {tiny} --device cpu"
        )
        assert main([*command.split(), "--out", str(out), "--report", str(report)]) == 0
        clips.append(read_video(out).frames_FHWC)
        assert json.loads(report.read_text())["frames"] == 18
    assert clips[0].shape == (18, 256, 256, 3)
    assert np.array_equal(clips[0], clips[1])
    assert not np.array_equal(clips[0], clips[2])


def test_the_demo_needs_no_file(tmp_path: Path, tiny: Path) -> None:
    # The whole demo at one step would take the tiny model half a minute; that its parts are there is what is tested.
    from importlib import resources

    from openlpm.cli.generate import conversation

    sounds = Path(str(resources.files("openlpm.cli") / "demo_sounds"))
    turns = conversation(speak=sounds / "reply.opus", listen=sounds / "question.opus", timeline=None)
    assert [str(turn.who) for turn in turns] == ["listen", "speak"]
    assert 3 < turns[1].start_s < 6
    assert sum(path.stat().st_size for path in sounds.iterdir()) < 120_000


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model", "nowhere"], "holds no model"),
        (["--device", "quantum"], "has no device"),
        (["--device", "cuda:77"], "has no device"),
    ],
)
def test_a_model_that_cannot_run_is_explained_and_leaves_nothing(
    tmp_path: Path, tiny: Path, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    reply, out = write_reply(tmp_path / "reply.wav"), tmp_path / "out.mp4"
    command = ["generate", "--character", "seed:900007", "--speak", str(reply), "--model", str(tiny), "--out", str(out)]
    assert main([*command, *options]) == 2
    assert words in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"reply.wav"}
