from pathlib import Path

import numpy as np
import pytest

from openlpm.cli.character import cast_member, load_character
from openlpm.cli.main import main
from openlpm.media.picture import read_picture

pytestmark = pytest.mark.e2e


def test_a_new_character_is_the_cast_member_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["characters", "new", "--seed", "7", "--out", str(tmp_path / "ada.png")]) == 0
    assert np.array_equal(load_character(str(tmp_path / "ada.png")).portrait_HWC, cast_member(7).portrait_HWC)
    assert "seed:7, " in capsys.readouterr().out
    assert len(list((tmp_path / "ada_refs").iterdir())) == 10


def test_references_are_written_with_the_names_that_generate_reads(tmp_path: Path) -> None:
    folder = tmp_path / "refs"
    assert main(["characters", "new", "--seed", "7", "--out", str(tmp_path / "ada.png"), "--refs", str(folder)]) == 0
    names = {path.name for path in folder.iterdir()}
    assert {"global.png", "view_left.png", "expression_smile.png", "expression_open_mouth.png"} <= names
    assert len(names) == 10


def test_a_sheet_shows_the_seeds_in_order(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    assert main(["characters", "preview", "--seeds", "900006:900009", "--columns", "2", "--out", str(sheet)]) == 0
    image_HWC = read_picture(sheet)
    assert image_HWC.shape == (512, 512, 3)
    difference_HWC = image_HWC[:256, 256:].astype(int) - cast_member(900_007).portrait_HWC
    assert np.abs(difference_HWC).max() <= 1


@pytest.mark.parametrize("seeds", ["7", "9:7", "a:b", "0:5000", "999999:1000002"])
def test_ranges_that_make_no_sheet_are_refused(tmp_path: Path, seeds: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["characters", "preview", "--seeds", seeds, "--out", str(tmp_path / "sheet.png")]) == 2
    assert seeds in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_cast_is_listed_with_descriptions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["characters"]) == 0
    said = capsys.readouterr().out
    assert "seed:900007" in said
    assert "wearing" in said
