"""The weights of the package, and how fast they run here."""

from pathlib import Path
from typing import Final

from openlpm.cli.checks.finding import Finding, missing, ok, one_line, weak
from openlpm.core.errors import OpenLPMError, WeightsError
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.weights import bundled

JUDGES: Final = ("critic", "critic-mouth")
_RESERVE = 1.15
"""What the browser's encoder and everything else take beside the model."""
_AGAIN = "install it again: pip install --force-reinstall --no-deps openlpm"


def weights(folder: Path) -> Finding:
    """Whether every part of a model is there, byte for byte."""
    import torch

    from openlpm.rollout.assembly import CharacterModel, read_config
    from openlpm.weights import store

    try:
        config = read_config(folder)
        with torch.device("meta"):  # its parts by name, and no memory for them
            parts = list(CharacterModel(config).parts())
        size_bytes = sum(store.verify(folder / part) for part in parts)
    except WeightsError as error:
        return missing(one_line(str(error)), _remedy(folder))
    return ok(f"{config.name}: {len(parts)} parts, {size_bytes / 2**20:.1f} MiB, all checksums right")


def _remedy(folder: Path) -> str:
    return _AGAIN if folder.is_relative_to(bundled.root()) else f"fetch or package {folder.name} again"


def judges(root: Path) -> Finding:
    """The same of the networks that ``openlpm bench`` measures with."""
    from openlpm.weights import store

    try:
        size_bytes = sum(store.verify(root / name) for name in JUDGES)
    except WeightsError as error:
        return missing(one_line(str(error)), _AGAIN)
    return ok(f"{', '.join(JUDGES)}: {size_bytes / 2**20:.1f} MiB, all checksums right")


def distilled(folder: Path) -> Finding:
    """Whether the model was taught to stream."""
    from openlpm.rollout.assembly import read_config

    try:
        config = read_config(folder)
    except WeightsError as error:
        return missing(one_line(str(error)), _remedy(folder))
    if config.online is None:
        return weak(
            f"{config.name} was never taught to stream: live it is Base with few steps, less sharp",
            "give `openlpm serve --model` a folder that was distilled (openlpm train, openlpm package)",
        )
    return ok(f"{config.name} was distilled: {config.online.chunk_frames} latent frames a chunk")


def speed(folder: Path, limit_s: float) -> Finding:
    """What the engine's own trial says, in a worker as the engine starts one."""
    from openlpm.cli.engine import pick_device
    from openlpm.engine.stage import StageConfig
    from openlpm.engine.worker import Failed, Ready
    from openlpm.engine.worker_link import WorkerLink
    from openlpm.recipes.online import online
    from openlpm.rollout.assembly import read_config

    device = str(pick_device("auto"))
    try:
        way = online(refiner=True) if read_config(folder).online is None else None
    except OpenLPMError as error:
        return missing(one_line(str(error)), _remedy(folder))
    link = WorkerLink(StageConfig(model=folder, device=device, online=way))
    try:
        if not link.connection.poll(limit_s):
            return missing(f"no answer within {limit_s:.0f} s on {device}", "try again when nothing else runs here")
        answer = link.receive()
    except (EOFError, OSError):
        return missing(
            f"the worker ended as soon as it started on {device}", "see what it wrote above; is memory short?"
        )
    finally:
        link.end()
    if isinstance(answer, Failed):
        return missing(one_line(answer.reason), _remedy(folder))
    assert isinstance(answer, Ready)
    facts = answer.facts
    return judged(facts.batch * facts.chunk_frames / facts.chunk_s, places=facts.places, device=device)


def judged(fps: float, *, places: int, device: str) -> Finding:
    """Whether so many frames a second, of all characters together, are enough for one."""
    found = f"{fps:.0f} frames a second on {device}; {FRAME_RATE_HZ} are one character"
    if fps < _RESERVE * FRAME_RATE_HZ:
        return weak(
            f"{found}: its pictures will stand still now and then, its voice goes on",
            "close other programs; else use a processor with AVX-512 VNNI or AMX, more cores, or a GPU",
        )
    return ok(f"{found}: room for {places}")
