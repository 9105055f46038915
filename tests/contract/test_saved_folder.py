"""What an engine keeps of its performances outlives it by no more than one start of another."""

import subprocess
import sys
from pathlib import Path

import pytest

from openlpm.engine.saved_folder import SavedFolder

pytestmark = pytest.mark.contract

_HOLD = (
    "import sys; from pathlib import Path; from openlpm.engine.saved_folder import SavedFolder; "
    "folder = SavedFolder(Path(sys.argv[1])); print(folder.path, flush=True); sys.stdin.read()"
)


def test_a_folder_stays_while_its_process_lives_and_goes_with_the_next_start_after_a_kill(
    tmp_path: Path, repository: Path
) -> None:
    command = [sys.executable, "-c", _HOLD, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, env={"PYTHONPATH": str(repository / "src")}, **pipes) as process:
        theirs = Path(process.stdout.readline().strip())
        (theirs / "performance").write_bytes(b"as it was")
        SavedFolder(tmp_path).close()
        assert (theirs / "performance").exists(), "its owner lives"
        process.kill()
        process.wait()
    assert theirs.exists(), "nobody was there to remove it"
    mine = SavedFolder(tmp_path)
    assert not theirs.exists()
    another = SavedFolder(tmp_path)
    assert mine.path.exists(), "its owner is this process"
    for folder in (mine, another, another):
        folder.close()
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_known_to_be_a_folder_of_a_dead_engine_is_left_alone(tmp_path: Path) -> None:
    strange = [tmp_path / "openlpm-being-made", tmp_path / "of-somebody-else"]
    for folder in strange:
        folder.mkdir()
    (tmp_path / "openlpm-file").write_text("no folder")
    SavedFolder(tmp_path).close()
    assert all(folder.exists() for folder in strange)
    assert (tmp_path / "openlpm-file").exists()
