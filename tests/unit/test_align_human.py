"""The script that packs recordings: which files, whose voices."""

import importlib.util
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

from openlpm.core.errors import InputError

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def script(repository: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("align_human", repository / "runs" / "align_human.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_folders_are_corpora_and_files_beside_them_are_left_out(script: ModuleType, tmp_path: Path) -> None:
    for name in ("libri/103-1-0.opus", "libri/103-2-0.opus", "lj/LJ001-1.flac", "lj/notes.txt", "test-only.flac"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    found = [(path.name, voice) for path, voice in script.recordings_in(tmp_path, None)]
    assert found == [("103-1-0.opus", "libri-103"), ("103-2-0.opus", "libri-103"), ("LJ001-1.flac", "lj-LJ001")]
    assert len(list(script.recordings_in(tmp_path, 1))) == 2
    assert [voice for _, voice in script.recordings_in(tmp_path / "lj", None)] == ["lj-LJ001"]


def test_a_folder_without_recordings_is_refused(script: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no recordings"):
        list(script.recordings_in(tmp_path, None))


def test_a_real_recording_is_aligned_within_its_length(script: ModuleType, shared_data: Path) -> None:
    pytest.importorskip("pocketsphinx")
    path = shared_data / "speech" / "librispeech" / "1034-121119-0000.opus"
    voice, title, data, spans = script.aligned((path, "librispeech-1034"))
    assert (voice, title) == ("librispeech-1034", "1034-121119-0000")
    assert data == path.read_bytes()
    assert len(spans) > 40  # eight seconds of reading aloud
    assert all(before.end_sample <= after.start_sample for before, after in pairwise(spans))
    assert spans[-1].end_sample <= 126_000
