import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from openlpm.cli.main import main

pytest.importorskip("fastapi")
pytest.importorskip("aiortc")

pytestmark = pytest.mark.e2e

_COMMAND = "import sys; from openlpm.cli.main import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture
def served(repository: Path) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """A server with test cards: its process, address and key."""
    process = subprocess.Popen(
        [sys.executable, "-c", _COMMAND, "serve", "--card", "--port", "0", "--json-logs", "--agent", "none"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(repository / "src")},
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split()[3]
        key = process.stdout.readline().split()[-1]
        yield process, address, key
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def fetch(url: str, **headers: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_the_command_serves_says_where_and_ends_when_it_is_told(served: tuple[subprocess.Popen[str], str, str]) -> None:
    process, address, key = served
    end_s = time.monotonic() + 60
    while fetch(f"{address}ready")[0] != 200:
        assert time.monotonic() < end_s
        time.sleep(0.2)
    assert b"<!doctype html>" in fetch(address)[1].lower()
    request = urllib.request.Request(f"{address}api/tokens", method="POST", headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        token = json.load(answer)["token"]
    process.send_signal(signal.SIGTERM)
    out, logged = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "stopped" in out
    lines = [json.loads(line) for line in logged.splitlines()]
    routes = {line["route"] for line in lines if line["message"] == "request"}
    assert {"/ready", "/", "/api/tokens"} <= routes
    assert token not in logged
    assert key not in logged


def test_a_port_that_is_taken_is_known_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["serve", "--card", "--agent", "none", "--port", str(port)]) == 2
    assert f"port={port}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "0.0.0.0"], "--public"),
        (["--origin", "https://example.org/path"], "origin="),
        (["--agent", "parrot"], "offline"),
        (["--stun", "example.org"], "stun:HOST:PORT"),
        (["--host", "no.such.host.invalid", "--public"], "host="),
    ],
)
def test_settings_that_cannot_work_are_refused(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--card", *options]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--say", "Hello."], ["--chat"]])
def test_words_that_nobody_could_say_are_refused_before_a_file_is_made(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "talk.mp4"
    command = ["stream", "--to", str(target), "--card", "--seconds", "1", "--agent", "none"]
    assert main([*command, *options]) == 2
    assert "--agent offline" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
