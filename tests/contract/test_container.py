"""The image's recipe, read and not run: its command exists, it runs as nobody in particular, and it holds the page."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import typer.main

from openlpm.cli.main import app
from openlpm.serving.settings import Limits

pytestmark = pytest.mark.contract
yaml = pytest.importorskip("yaml")

_LAST_STAGE = re.compile(r"^FROM .*?(?=^FROM |\Z)", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def image(repository: Path) -> dict[str, list[str]]:
    """The instructions of the stage that becomes the image, by name."""
    text = (repository / "Dockerfile").read_text()
    stage = _LAST_STAGE.findall(text.replace("\\\n", " "))[-1]
    found: dict[str, list[str]] = {}
    for line in stage.splitlines():
        if line and not line.startswith("#"):
            name, _, rest = line.partition(" ")
            found.setdefault(name, []).append(rest.strip())
    return found


@pytest.fixture(scope="module")
def services(repository: Path) -> dict[str, dict[str, Any]]:
    return yaml.safe_load((repository / "compose.yaml").read_text())["services"]


def unknown_words(words: list[str]) -> list[str]:
    """Options of a command of ``openlpm`` that it does not have."""
    commands: dict[str, Any] = getattr(typer.main.get_command(app), "commands", {})
    if words[0] not in commands:
        return [words[0]]
    known = {name for parameter in commands[words[0]].params for name in (*parameter.opts, *parameter.secondary_opts)}
    return [word for word in words[1:] if word.startswith("--") and word not in known]


def test_the_commands_of_image_and_services_exist(
    image: dict[str, list[str]], services: dict[str, dict[str, Any]]
) -> None:
    assert json.loads(image["ENTRYPOINT"][0]) == ["openlpm"]
    words = [json.loads(image["CMD"][0]), *(each["command"] for each in services.values() if "command" in each)]
    assert len(words) == 3
    assert [unknown_words(each) for each in words] == [[], [], []]
    assert all("--public" in each for each in words)
    assert unknown_words(["serve", "--pubic"]) == ["--pubic"]


def test_the_health_check_asks_the_port_that_the_command_listens_on(image: dict[str, list[str]]) -> None:
    words = json.loads(image["CMD"][0])
    port = words[words.index("--port") + 1]
    assert image["EXPOSE"] == [port]
    probe = json.loads(image["HEALTHCHECK"][0].partition("CMD ")[2])
    assert f"http://127.0.0.1:{port}/health" in probe[-1]
    compile(probe[-1], "probe", "exec")


def test_the_image_does_not_run_as_root_and_is_made_in_two_stages(
    image: dict[str, list[str]], repository: Path
) -> None:
    assert int(image["USER"][-1]) > 0
    text = (repository / "Dockerfile").read_text()
    assert len(re.findall(r"^FROM python:3\.12-slim", text, re.MULTILINE)) == 2
    assert '".[live]"' in text


def test_what_the_dockerfile_copies_is_there_and_is_not_ignored(repository: Path) -> None:
    text = (repository / "Dockerfile").read_text()
    copied = [word for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE) for word in line.split()[:-1]]
    ignored = (repository / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert copied == ["pyproject.toml", "README.md", "LICENSE", "src"]
    for name in copied:
        assert (repository / name).exists()
        assert f"!{name}" in ignored


def test_the_version_of_torch_is_the_one_that_the_package_asks_for(repository: Path) -> None:
    (program,) = re.findall(r"python -c '([^']*)'", (repository / "Dockerfile").read_text())
    done = subprocess.run([sys.executable, "-c", program], cwd=repository, capture_output=True, text=True, check=True)
    assert re.fullmatch(r"torch==\d+\.\d+\.\d+\n", done.stdout)


def test_every_service_is_shut_in_and_holds_no_key(services: dict[str, dict[str, Any]], repository: Path) -> None:
    assert set(services) == {"openlpm", "openlpm-webrtc", "openlpm-gpu"}
    for each in services.values():
        assert each["read_only"] is True
        assert each["cap_drop"] == ["ALL"]
        assert each["security_opt"] == ["no-new-privileges:true"]
        assert {"tmpfs", "shm_size", "mem_limit", "pids_limit", "restart", "logging"} <= each.keys()
        assert each["environment"]["OPENLPM_SERVER_KEY"].startswith("${OPENLPM_SERVER_KEY:?")
        assert each["environment"]["OPENAI_API_KEY"] is None
        assert int(each["stop_grace_period"].removesuffix("s")) > Limits().drain_s + 5


def test_ports_are_open_to_this_machine_alone(services: dict[str, dict[str, Any]]) -> None:
    assert services["openlpm"]["ports"] == services["openlpm-gpu"]["ports"] == ["127.0.0.1:8080:8080"]
    own_network = services["openlpm-webrtc"]
    assert own_network["network_mode"] == "host"
    assert own_network["ports"] == []
    assert own_network["command"][own_network["command"].index("--host") + 1] == "127.0.0.1"


def test_only_the_usual_service_starts_unasked_and_one_gets_a_gpu(services: dict[str, dict[str, Any]]) -> None:
    assert [name for name, each in services.items() if "profiles" not in each] == ["openlpm"]
    (device,) = services["openlpm-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]
    assert "cuda" in services["openlpm-gpu"]["command"]


def test_the_wheel_holds_the_page_and_every_file_of_it(repository: Path, tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=repository, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("openlpm-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        held = set(packed.namelist())
    page = repository / "src" / "openlpm" / "serving" / "page"
    files = {path.relative_to(repository / "src").as_posix() for path in page.rglob("*") if path.is_file()}
    assert "openlpm/serving/page/index.html" in files
    assert files <= held
