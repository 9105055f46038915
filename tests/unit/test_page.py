"""The committed page: complete, small, from nowhere else, and what its source says."""

import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

PAGE = Path(str(files("openlpm.serving").joinpath("page")))
SOURCE = Path(__file__).parents[2] / "clients/web"
MOST_BYTES = 150_000
NAMESPACE = "http://www.w3.org/2000/svg"


def built_files(folder: Path = PAGE) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_page_asks_nobody_else_for_anything() -> None:
    for name, data in built_files().items():
        text = data.decode().replace(NAMESPACE, "")
        assert not re.findall(r"(?:https?|wss?)://|[\"'(]//[a-z0-9]|@import", text), name


def test_every_file_that_the_page_names_is_there() -> None:
    built = built_files()
    named = {name for data in built.values() for name in re.findall(r"/(assets/[\w.-]+)", data.decode())}
    assert {"assets/app.js", "assets/style.css", "assets/player.js", "assets/microphone.js", "assets/icon.svg"} <= named
    assert named <= set(built)
    assert set(built) == named | {"index.html"}


def test_pictures_and_recordings_say_that_they_are_made_by_ai() -> None:
    script = (PAGE / "assets/app.js").read_text()
    assert "Made by AI" in script
    assert ".made-by" in (PAGE / "assets/style.css").read_text()
    assert re.search(r"fillText\(", script)


def test_the_page_is_small() -> None:
    assert sum(map(len, built_files().values())) < MOST_BYTES


def test_the_page_runs_no_script_or_style_of_its_own_text() -> None:
    page = (PAGE / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=", page)


def test_the_committed_page_is_what_its_source_says(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not (SOURCE / "node_modules").is_dir():
        pytest.skip("node and clients/web/node_modules build the page: npm ci in clients/web")
    subprocess.run([node, "build.mjs", "--out", str(tmp_path)], cwd=SOURCE, check=True, timeout=60)
    assert built_files(tmp_path) == built_files()


ARENA = Path(str(files("openlpm.serving").joinpath("arena_page")))


def test_the_page_of_the_arena_is_small_complete_and_asks_nobody_else() -> None:
    built = built_files(ARENA)
    named = {name for data in built.values() for name in re.findall(r"/(assets/[\w.-]+)", data.decode())}
    assert set(built) == named | {"index.html"}
    assert sum(map(len, built.values())) < MOST_BYTES / 2
    for name, data in built.items():
        assert not re.findall(r"(?:https?|wss?)://|[\"'(]//[a-z0-9]|@import", data.decode().replace(NAMESPACE, "")), (
            name
        )
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=", built["index.html"].decode())


def test_the_committed_page_of_the_arena_is_what_its_source_says(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not (SOURCE / "node_modules").is_dir():
        pytest.skip("node and clients/web/node_modules build the page: npm ci in clients/web")
    command = [node, "build.mjs", "--page", "arena", "--out", str(tmp_path)]
    subprocess.run(command, cwd=SOURCE, check=True, timeout=60)
    assert built_files(tmp_path) == built_files(ARENA)
