"""A benchmark of a few seconds and submissions to it, for tests of the arena."""

import json
import os
import re
import subprocess
import sys
import wave
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from openlpm.core.units import AUDIO_RATE_HZ, samples_at_frame
from openlpm.media.video import VideoWriter

FRAMES = 24
SECONDS = FRAMES / 24


def tone(hz: float, seconds: float = SECONDS, level: float = 0.3) -> NDArray[np.float32]:
    """A steady sound."""
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * AUDIO_RATE_HZ)) / AUDIO_RATE_HZ)).astype(
        np.float32
    )


def write_wav(path: Path, samples_A: NDArray[np.float32]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(AUDIO_RATE_HZ)
        file.writeframes((32_767 * samples_A).astype("<i2").tobytes())


def write_video(path: Path, *, shade: int, size: int = 64, frames: int = FRAMES) -> None:
    """A bar that wanders over a ground of one shade, with a silent sound track."""
    frames_FHWC = np.full((frames, size, size, 3), shade, np.uint8)
    for frame in range(frames):
        frames_FHWC[frame, :, frame * (size - 8) // frames :][:, :8] = 255 - shade
    with VideoWriter(path, size=size) as writer:
        writer.write(frames_FHWC, np.zeros(samples_at_frame(frames), np.float32))


def write_bench(folder: Path, tracks: Sequence[str] = ("S", "S", "L", "L", "T"), **fields: Any) -> list[str]:
    """Cases named by track and number, with voices of a tone each; their ids."""
    lines: list[Mapping[str, Any]] = []
    for number, track in enumerate(tracks):
        key = f"{track}-{number:04d}"
        assets = folder / "assets" / key
        write_wav(assets / ("listen.wav" if track == "L" else "speak.wav"), tone(200 + 40 * number))
        Image.new("RGB", (64, 64), (90, 40 * number % 255, 120)).save(assets / "ref_0.png")
        told: dict[str, Any] = {
            "id": key,
            "track": track,
            "dur": SECONDS,
            "refs": ["ref_0.png"],
            "speak": None if track == "L" else "speak.wav",
            "listen": "listen.wav" if track == "L" else None,
            "user": None,
            "prompt": {"persona": "", "actions": [{"action": "wave_left", "t": 1.0}] if track == "T" else []},
            "char": f"c{number // 2}",
        }
        lines.append({**told, **fields})
    (folder / "cases.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return [str(line["id"]) for line in lines]


def write_submission(folder: Path, name: str, cases: Sequence[str], *, shade: int, size: int = 64) -> Path:
    """A submission with a video for each case."""
    (folder / "video").mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"name": name}))
    for number, case in enumerate(cases):
        write_video(folder / "video" / f"{case}.s0.mp4", shade=shade + 3 * number, size=size)
    return folder


class Served:
    """``openlpm bench arena`` in a process of its own, which can be killed and begun again at the same address."""

    def __init__(self, folder: Path, arguments: Sequence[str], source: Path) -> None:
        self._arguments = [sys.executable, "-m", "openlpm.cli.main", "bench", "arena", *arguments]
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(source),
            "PYTHONUNBUFFERED": "1",
            "OPENLPM_ARENA_SALT": str(folder / "salt"),
        }
        self._log = folder / "arena.log"
        self._port = "0"
        self.url = ""
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self._arguments, "--port", self._port],
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        told: list[str] = []
        for line in self.process.stdout:
            told.append(line)
            if match := re.search(r"(http://\S+:(\d+)/)", line):
                self.url, self._port = match[1], match[2]
                return
        raise AssertionError(f"the arena did not open: {told} {self._log.read_text()}")

    def kill(self) -> None:
        """As a crash does it: nothing is tidied up."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=30)
        assert self.process.stdout is not None
        self.process.stdout.close()
