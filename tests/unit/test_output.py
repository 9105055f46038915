import json
from pathlib import Path

import pytest

from openlpm.cli.main import main
from openlpm.cli.output import require_writable
from openlpm.core.errors import InputError
from openlpm.training.curves import CurveFile, plot_curves

pytestmark = pytest.mark.unit


def test_a_place_that_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    old = tmp_path / "old.json"
    old.write_text("kept")
    for path in (None, old, tmp_path / "deep" / "new.json"):
        require_writable(path)
    assert old.read_text() == "kept"
    assert not list((tmp_path / "deep").iterdir())


def test_a_folder_and_a_place_below_a_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a folder"):
        require_writable(tmp_path)
    with pytest.raises(InputError, match="cannot be written"):
        require_writable(tmp_path / "file" / "table.json")


@pytest.mark.parametrize("command", [["models"], ["bench", "base"], ["bench", "critic"]])
def test_a_command_sees_before_its_work_that_its_table_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert main([*command, "--json", str(tmp_path)]) == 2
    told = capsys.readouterr()
    assert "is a folder" in told.err
    assert not told.out


def test_curves_are_drawn_from_the_file_that_a_run_leaves(tmp_path: Path) -> None:
    curves = CurveFile(tmp_path / "curves.jsonl")
    for step in (50, 100, 150):
        curves.add(step, step / 10, {"loss": 1 / step, "error": 2 / step})
    curves.forget_after(100)
    steps = [json.loads(line)["step"] for line in (tmp_path / "curves.jsonl").read_text().splitlines()]
    assert steps == [50, 100]
    plot_curves(tmp_path / "curves.jsonl", tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
