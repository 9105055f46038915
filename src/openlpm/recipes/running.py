"""What every stage of a training shares: where it runs, its run from checkpoint to checkpoint, and what it leaves."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from openlpm.core.errors import ConfigError
from openlpm.core.fields import as_json
from openlpm.parallel.world import World
from openlpm.recipes.watching import Watch, Watcher
from openlpm.rollout.assembly import CharacterConfig, CharacterModel
from openlpm.training.trainer import LogEntry, Objective, Trainer, TrainerConfig
from openlpm.weights.store import Storage, save

RECIPE_FILE = "recipe.json"
NOTHING_KNOWN = Watch()
_FREE = ("seconds", "log_every", "save_every", "save_seconds", "accumulate", "context", "checkpoint", "compile")
"""Fields that may change while a run goes on: how often something is written, and over what a step is spread."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """Whom a training tells how it goes; only the first process does."""

    say: Callable[[str], None]
    """A sentence."""
    progress: Callable[[str, LogEntry], None]
    """The name of a run and where it stands; comes every few steps."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """Where a stage works: the processes, the folder that it fills, and who hears of it."""

    world: World
    folder: Path
    report: Report
    board: bool = False
    """Whether runs are written for TensorBoard too."""


def run_to_end(
    objective: Objective[Any],
    config: TrainerConfig,
    site: Site,
    name: str,
    recipe: object,
    *,
    watch: Watch = NOTHING_KNOWN,
) -> None:
    """Train to the end, from the last checkpoint if there is one, and leave the averages in place of the weights.

    The run lies in ``run-<name>``, with the recipe that it was begun with.

    Raises:
        ConfigError: the folder holds a run of another recipe.
    """
    folder = site.folder / f"run-{name}"
    _keep_to_recipe(folder, recipe, site.world)
    trainer = Trainer(objective, config, site.world, folder)
    if trainer.resume() and site.world.is_first:
        site.report.say(f"{name}: goes on from step {trainer.step}")
    if site.world.is_first:
        watcher = Watcher(
            folder, watch, site.world.device, lambda entry: site.report.progress(name, entry), board=site.board
        )
        trainer.run(watcher)
        watcher.close()
    else:
        trainer.run()
    trainer.average.swap()


def _keep_to_recipe(folder: Path, recipe: object, world: World) -> None:
    path, wanted = folder / RECIPE_FILE, as_json(recipe)
    begun: dict[str, str] = json.loads(path.read_text()) if path.is_file() else wanted
    other = [
        f"{name}={begun.get(name)} (now {wanted.get(name)})"
        for name in sorted(begun.keys() | wanted.keys())
        if begun.get(name) != wanted.get(name) and name.split(".")[-1] not in _FREE
    ]
    if other:
        raise ConfigError(
            f"{folder} holds a run that was begun with {', '.join(other)}: go on with the same, or give another --out"
        )
    world.wait()  # all have looked before the first one writes
    if world.is_first:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(wanted, indent=1) + "\n")


def export_part(part: nn.Module, folder: Path, world: World) -> None:
    """Write a trained part (its averages are in place) in full precision."""
    whole: dict[str, Tensor] = {}
    for name, value in part.state_dict().items():
        gathered = value.full_tensor() if isinstance(value, DTensor) else value  # by all processes
        if world.is_first:
            whole[name] = gathered.detach().cpu()
    if world.is_first:
        save(whole, folder, storage=Storage.FP32)
    world.wait()


def write_config(config: CharacterConfig, folder: Path, world: World) -> None:
    """The model's sizes beside its weights."""
    if world.is_first:
        CharacterModel(config).write_config(folder)
