"""What Online is worth without this or that: the variants that are published, as settings of how it streams.

A variant is a model folder of its own, with the same weights or with weights that were trained so, and is measured by
whatever measures a model folder.
"""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

from openlpm.core.errors import ConfigError
from openlpm.core.fields import changed
from openlpm.rollout.assembly import CharacterModel, load_model, read_config
from openlpm.rollout.online import OnlineNetwork


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Ablation:
    """One thing that is different."""

    name: str
    stream: tuple[str, ...]
    """``field=value`` of ``OnlineConfig``."""
    trainable: bool = True
    """Whether a student can be trained so; else only the use differs."""

    @property
    def training(self) -> tuple[str, ...]:
        """The same for ``openlpm train --set``."""
        return tuple(f"online.{each}" for each in self.stream)


ABLATIONS = (
    Ablation(name="as-taught", stream=(), trainable=False),
    Ablation(name="clean-history", stream=("history_time=0",)),
    Ablation(name="no-sinks", stream=("memory.sink_frames=0",)),
    Ablation(name="absolute-positions", stream=("memory.placing=absolute",)),
    Ablation(name="no-refiner", stream=("refiner_time=none",), trainable=False),
    Ablation(name="1+1", stream=("backbone_times=1",)),
    Ablation(name="4", stream=("backbone_times=1,0.85,0.6,0.3", "refiner_time=none")),
)
"""2 + 1 evaluations are what is taught; Base with 20 steps is no stream and is measured as Base is."""


def ablation_named(name: str) -> Ablation:
    """One of ``ABLATIONS``.

    Raises:
        ConfigError: there is none of that name.
    """
    found = next((each for each in ABLATIONS if each.name == name), None)
    if found is None:
        raise ConfigError(f"there is no ablation {name}; there are {', '.join(each.name for each in ABLATIONS)}")
    return found


def write_variant(model: Path, ablation: Ablation, out: Path) -> Path:
    """A copy of a model folder that streams otherwise; loading it is checked.

    Raises:
        ConfigError: the model cannot stream, or not so.
        WeightsError: there is no model.
    """
    config = read_config(model)
    if config.online is None:
        raise ConfigError(
            f"{model} cannot stream: give a folder that `openlpm train` left in online, or a packaged one"
        )
    online = changed(config.online, ablation.stream)
    networks = config.online_networks
    if online.refiner_time is None:
        networks = tuple(each for each in networks if each is not OnlineNetwork.REFINER)
    shutil.rmtree(out, ignore_errors=True)
    parts = (*CharacterModel(config).parts(),)
    for part in parts:
        if part != OnlineNetwork.REFINER or OnlineNetwork.REFINER in networks:
            shutil.copytree(model / part, out / part)
    CharacterModel(replace(config, online=online, online_networks=networks)).write_config(out)
    load_model(out)
    return out
