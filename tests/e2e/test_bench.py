"""``openlpm bench`` from the command line."""

import json
from pathlib import Path

import pytest

from openlpm.bench.dataset import measure
from openlpm.bench.dataset.talks import Talk
from openlpm.bench.human_voices import load_voices
from openlpm.cli.main import main

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bench", "base", "--device", "abacus"], "no device 'abacus'"),
        (["bench", "base", "--device", "cpu", "--model", "nowhere"], "nowhere"),
        (["bench", "critic", "--device", "cpu", "--judges", "nowhere"], "nowhere"),
        (["bench", "data", "--rows", "weather"], "there are filters, cuts"),
        (["bench", "voices", "nowhere", "--out", "voices.npz"], "holds no sound files"),
    ],
)
def test_what_cannot_be_measured_ends_in_one_sentence(
    arguments: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())


def test_human_voices_are_packed_for_a_machine_without_a_decoder(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "voices.npz"
    assert main(["bench", "voices", str(shared_data / "speech"), "--out", str(out), "--limit", "10"]) == 0
    assert "10 voices" in capsys.readouterr().out
    assert load_voices(out, limit=99).voices_KA.shape == (10, 128_000)


def test_only_the_rows_that_are_asked_for_are_measured_and_who_stops_keeps_those_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("espeakng_loader", reason="the extra [tts] makes the voices")

    def stopped(*_: object) -> list[Talk]:
        raise KeyboardInterrupt

    monkeypatch.setattr(measure, "_talks", stopped)
    out = tmp_path / "faces.json"
    assert main(["bench", "data", "--rows", "faces", "--rows", "talks", "--quick", "--json", str(out)]) == 130
    written = json.loads(out.read_text())
    names = {row["name"].partition("/")[0] for row in written["rows"]}
    assert "detector_recall" in names
    assert not {name for name in names if name.startswith(("filter_", "cut_", "state_", "lost_"))}
    assert "stopped before the end: rows are missing" in written["notes"]
    capsys.readouterr()
    assert main(["bench", "data", "--rows", "talks", "--quick", "--json", str(tmp_path / "none.json")]) == 130
    assert "nothing was written" in capsys.readouterr().err
    assert not (tmp_path / "none.json").exists()


def test_every_bench_command_takes_json_device_and_quick(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("base", "critic", "online"):
        assert main(["bench", command, "--help"]) == 0
        said = capsys.readouterr().out
        assert all(option in said for option in ("--json", "--device", "--quick"))
