"""A recipe: a configuration for every stage, changed by name."""

from collections.abc import Iterable, Mapping
from typing import Any

from openlpm.core.errors import ConfigError
from openlpm.core.fields import changed, fields_of, has_field, split_assignment
from openlpm.data.registry import load, names, place


def configs_for(stages: Iterable[str], assignments: Iterable[str] = ()) -> Mapping[str, Any]:
    """The configuration of each stage with other values: ``shots.shortest_s=5``, or a field that only one stage has.

    Raises:
        ConfigError: an unknown stage or field, one that several share, or a value that does not fit.
    """
    configs = {name: load(place(name)).config for name in stages}
    wanted: dict[str, list[str]] = {name: [] for name in configs}
    for assignment in assignments:
        name, value = split_assignment(assignment)
        stage, _, field = name.partition(".")
        if stage in configs and field:
            wanted[stage].append(f"{field}={value}")
        elif stage in names() and field and stage not in configs:
            raise ConfigError(f"{assignment}: the stage {stage} is not run here; there are {', '.join(configs)}")
        else:
            wanted[_owner(name, configs)].append(assignment)
    return {name: changed(config, wanted[name]) for name, config in configs.items()}


def _owner(name: str, configs: Mapping[str, Any]) -> str:
    owners = [stage for stage, config in configs.items() if has_field(config, name)]
    if len(owners) == 1:
        return owners[0]
    if owners:
        raise ConfigError(f"{name} is a field of {', '.join(owners)}; put the stage before it: {owners[0]}.{name}=...")
    known = [f"{stage}.{field}" for stage, config in configs.items() for field in fields_of(config)]
    raise ConfigError(f"there is no field {name}; there are {', '.join(known)}")
