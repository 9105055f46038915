"""Checkpoints by ``torch.distributed.checkpoint``: written aside, renamed when whole, read at any world size."""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import torch.distributed.checkpoint as dcp
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import get_model_state_dict, set_model_state_dict

from openlpm.parallel.world import World
from openlpm.training.average import WeightAverage
from openlpm.training.optimiser import MuonAdamW

_KEPT = 2


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a run has come."""

    step: int
    total_steps: int
    seconds: float = 0.0
    """Spent on it, over all processes that took it up one after another."""
    guard: tuple[float, ...] = ()
    """What a ``SpikeGuard`` remembers."""


def _optimiser_state(module: nn.Module, optimiser: MuonAdamW) -> dict[str, Any]:
    """Optimiser state by parameter name, so that it survives another order of parameters."""
    names: dict[Tensor, str] = {parameter: name for name, parameter in module.named_parameters()}
    return {f"{names[p]}|{key}": value for p, slots in optimiser.state.items() for key, value in slots.items()}


def checkpoints(folder: Path) -> list[Path]:
    """Whole checkpoints of a run, oldest first."""
    return sorted(path for path in folder.glob("step-*") if (path / "progress.json").is_file())


def save_checkpoint(
    folder: Path, module: nn.Module, optimiser: MuonAdamW, average: WeightAverage, progress: Progress, world: World
) -> Path:
    """Write ``folder/step-N``; a kill at any moment leaves the one before usable."""
    final_path = folder / f"step-{progress.step:08d}"
    draft = folder / f"draft-{progress.step:08d}"
    if world.is_first:
        shutil.rmtree(draft, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
    world.wait()
    state = {
        "model": get_model_state_dict(module),
        "optimiser": _optimiser_state(module, optimiser),
        "average": average.shadow,
    }
    dcp.save(state, checkpoint_id=draft)
    world.wait()
    if world.is_first:
        (draft / "progress.json").write_text(json.dumps(asdict(progress)))
        shutil.rmtree(final_path, ignore_errors=True)
        draft.rename(final_path)
        for old in checkpoints(folder)[:-_KEPT]:
            shutil.rmtree(old)
    world.wait()
    return final_path


def load_checkpoint(folder: Path, module: nn.Module, optimiser: MuonAdamW, average: WeightAverage) -> Progress | None:
    """Load the newest whole checkpoint into module, optimiser and average; None if there is none."""
    found = checkpoints(folder)
    if not found:
        return None
    optimiser.allocate()
    weights = get_model_state_dict(module)
    state = {
        "model": weights,
        "optimiser": _optimiser_state(module, optimiser),
        "average": average.shadow,
    }
    dcp.load(state, checkpoint_id=found[-1])
    set_model_state_dict(module, weights)
    return Progress(**json.loads((found[-1] / "progress.json").read_text()))
