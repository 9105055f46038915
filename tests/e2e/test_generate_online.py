"""``generate --online`` with the real model code, at a tiny size and with weights of chance."""

import json
import shutil
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from openlpm.cli.character import cast_member
from openlpm.cli.main import main
from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.media.video import read_video
from openlpm.nn.memory import MemoryConfig
from openlpm.rollout.assembly import CharacterModel, read_config
from openlpm.rollout.online import OnlineConfig, OnlineNetwork
from openlpm.weights import bundled
from openlpm.weights.store import Storage

pytestmark = pytest.mark.e2e

ONLINE = OnlineConfig(
    chunk_frames=2,
    memory=MemoryConfig(sink_frames=1, window_frames=2),
    backbone_times=(1.0, 0.6),
    refiner_time=0.3,
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory, tiny_model: Callable[..., CharacterModel]) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    tiny_model(stirred=0.05, online=ONLINE).save_to(folder, storage=Storage.BF16)
    return folder


@pytest.fixture
def reply(tmp_path: Path) -> Path:
    path = tmp_path / "reply.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(AUDIO_RATE_HZ)
        file.writeframes((np.sin(np.arange(4_000) / 10) * 9_000).astype("<i2").tobytes())
    return path


def generate(reply: Path, out: Path, *options: str) -> int:
    command = f"generate --online --character seed:900007 --speak {reply} --device cpu --out {out}"
    return main([*command.split(), *options])


def test_a_streaming_model_performs_and_the_same_seed_repeats_it(tmp_path: Path, tiny: Path, reply: Path) -> None:
    clips = []
    for name, seed in [("a", 3), ("b", 3), ("c", 4)]:
        out, report = tmp_path / f"{name}.mp4", tmp_path / f"{name}.json"
        options = ["--model", str(tiny), "--seed", str(seed), "--report", str(report), "--text", "smiles"]
        assert generate(reply, out, *options) == 0
        clips.append(read_video(out).frames_FHWC)
        told = json.loads(report.read_text())
        assert told["frames"] == 18
        assert told["settings"]["online"] is True
        assert told["settings"]["steps"] is None
    assert clips[0].shape == (18, 256, 256, 3)
    assert np.array_equal(clips[0], clips[1])
    assert not np.array_equal(clips[0], clips[2])


def test_it_streams_otherwise_than_it_was_taught_where_that_is_set(
    tmp_path: Path, tiny: Path, reply: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = {}
    for name, set_ in {
        "taught": [],
        "same": ["refiner_time=0.3"],
        "bare": ["refiner_time=none"],
        "clean": ["history_time=0"],
        "one": ["backbone_times=1", "sink_frames=0"],
    }.items():
        out, report = tmp_path / f"{name}.mp4", tmp_path / f"{name}.json"
        options = [word for each in set_ for word in ("--set", each)]
        assert generate(reply, out, "--model", str(tiny), "--report", str(report), *options) == 0
        clips[name] = read_video(out).frames_FHWC
        assert json.loads(report.read_text())["settings"]["stream"] == set_
    assert np.array_equal(clips["taught"], clips["same"])
    for name in ("bare", "clean", "one"):
        assert not np.array_equal(clips["taught"], clips[name]), name
    assert generate(reply, tmp_path / "no.mp4", "--model", str(tiny), "--set", "wings=2") == 2
    assert "there is no field wings; there are chunk_frames, memory.sink_frames" in capsys.readouterr().err
    command = f"generate --character seed:900007 --speak {reply} --set sink_frames=0 --out {tmp_path / 'no.mp4'}"
    assert main(command.split()) == 2
    assert "--set says how to stream" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "no.mp4").exists()


@pytest.mark.parametrize("option", ["--steps", "--guidance-text", "--guidance-speak", "--guidance-listen"])
def test_options_that_a_stream_cannot_follow_are_refused(
    tmp_path: Path, tiny: Path, reply: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    assert generate(reply, tmp_path / "out.mp4", "--model", str(tiny), option, "2") == 2
    assert f"leave out {option}" in " ".join(capsys.readouterr().err.split())
    assert {path.name for path in tmp_path.iterdir()} == {"reply.wav"}


def test_a_model_that_was_not_distilled_says_so_and_leaves_nothing(
    tmp_path: Path, reply: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = tmp_path / "base"
    shutil.copytree(bundled.folder("nano"), base, ignore=shutil.ignore_patterns(*OnlineNetwork))
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps(config | {"online": None, "online_networks": []}))
    assert generate(reply, tmp_path / "out.mp4", "--model", str(base)) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "nano cannot stream: its config.json has no `online`, because it has not been distilled" in said
    assert {path.name for path in tmp_path.iterdir()} == {"reply.wav", "base"}


def test_the_model_of_the_package_streams_somebody_who_stays_who_they_are(tmp_path: Path, reply: Path) -> None:
    out = tmp_path / "out.mp4"
    assert generate(reply, out) == 0
    frames_FHWC = read_video(out).frames_FHWC.astype(np.float32)
    own, others = (float(np.abs(frames_FHWC - cast_member(seed).portrait_HWC).mean()) for seed in (900_007, 900_012))
    assert own < 20 < others


def test_later_words_reach_the_stream(tmp_path: Path, tiny: Path, reply: Path) -> None:
    clips = []
    for name, options in (("a", []), ("b", ["--then", "0.3 somebody else altogether"])):
        assert generate(reply, tmp_path / f"{name}.mp4", "--model", str(tiny), *options) == 0
        clips.append(read_video(tmp_path / f"{name}.mp4").frames_FHWC)
    assert np.array_equal(clips[0][:4], clips[1][:4])
    assert not np.array_equal(clips[0][-1], clips[1][-1])


def test_how_a_model_streams_is_kept_in_its_folder(tiny: Path) -> None:
    assert read_config(tiny).online == ONLINE
