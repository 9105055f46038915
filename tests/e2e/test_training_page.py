"""``docs/training.md``: a stranger's path, by the very commands of the page."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from openlpm.media.video import read_video

pytestmark = [pytest.mark.e2e, pytest.mark.long]

SECTION = re.compile(r"^## A toy, from an empty machine\n(.*?)^## ", re.DOTALL | re.MULTILINE)
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Hundreds of megabytes, which pytest would keep."""
    yield tmp_path / "place"
    shutil.rmtree(tmp_path / "place", ignore_errors=True)


def test_a_stranger_ends_with_a_toy_that_performs(repository: Path, place: Path) -> None:
    pytest.importorskip("espeakng_loader", reason="the extra [tts] makes the voices")
    section = SECTION.search((repository / "docs" / "training.md").read_text())
    assert section is not None
    install, commands = BLOCK.findall(section[1])
    assert "pip install '.[train]'" in install  # the wheel has a test of its own
    place.mkdir()
    (place / "bin").mkdir()
    called = place / "bin" / "openlpm"
    called.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m openlpm.cli.main "$@"\n')
    called.chmod(0o755)
    around = os.environ | {"PATH": f"{place / 'bin'}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    around |= {"CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands], cwd=place, env=around, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert read_video(place / "out" / "toy.mp4").frames_FHWC.shape == (24, 256, 256, 3)
    page = (place / "out" / "toy" / "report.html").read_text()
    runs = re.findall(r"<h2>(.*?)</h2>", page)
    for stage in ("vae", "critic", "mouth", "base-all", "post/sft/sft", "post/dpo/dpo", "online/refine/refine"):
        assert stage in runs
    assert page.count("data:image/png") >= 2
