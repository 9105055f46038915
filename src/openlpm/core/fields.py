"""Fields of a configuration by name: what there are, and the same configuration with others.

A name is the way to a field, ``objective.scores.guidance.speak``, or any end of it that no other field shares,
``guidance.speak``. Values are text and become what the field holds.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from openlpm.core.errors import ConfigError

Config = TypeVar("Config")

_NONE = ("none", "null")
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def fields_of(config: object) -> dict[str, Any]:
    """All fields that hold no configuration themselves, by their whole names."""
    found: dict[str, Any] = {}
    for field in fields(cast("Any", config)):
        value = getattr(config, field.name)
        if is_dataclass(value):
            found |= {f"{field.name}.{name}": inner for name, inner in fields_of(value).items()}
        else:
            found[field.name] = value
    return found


def split_assignment(text: str) -> tuple[str, str]:
    """Name and value of ``name=value``.

    Raises:
        ConfigError: there is no ``=``, or nothing before it.
    """
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise ConfigError(f"{text}: give a field and its value, such as trainer.optimiser.lr=1e-3")
    return name.strip(), value.strip()


def changed(config: Config, assignments: Iterable[str]) -> Config:
    """The configuration with other values; all are set together, so that fields may depend on each other.

    Raises:
        ConfigError: an unknown field (those there are are listed), one that several share, one given twice, a value
            of another type, or one that the configuration refuses.
    """
    known = fields_of(config)
    wanted: dict[str, str] = {}
    for name, value in map(split_assignment, assignments):
        whole = _found(name, known)
        if whole in wanted:
            raise ConfigError(f"{whole} is given twice; give it once")
        wanted[whole] = value
    return cast("Config", _rebuilt(config, wanted, "")) if wanted else config


def has_field(config: object, name: str) -> bool:
    """Whether a name is that of a field, or the end of several."""
    known = fields_of(config)
    return name in known or any(whole.endswith("." + name) for whole in known)


def told(config: object) -> str:
    """All fields and their values, a line each, as ``changed`` takes them."""
    return "\n".join(f"{name}={_as_text(value)}" for name, value in fields_of(config).items())


def as_json(config: object) -> dict[str, str]:
    """The same for a file: values as text by name."""
    return {name: _as_text(value) for name, value in fields_of(config).items()}


def _found(name: str, known: Mapping[str, Any]) -> str:
    if name in known:
        return name
    ends = [whole for whole in known if whole.endswith("." + name)]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise ConfigError(f"{name} could be {', '.join(ends)}; give more of the name")
    raise ConfigError(f"there is no field {name}; there are {', '.join(known)}")


def _rebuilt(config: Any, wanted: Mapping[str, str], way: str) -> Any:
    hints = get_type_hints(type(config))
    new: dict[str, Any] = {}
    for field in fields(config):
        whole = way + field.name
        if whole in wanted:
            new[field.name] = _value(wanted[whole], hints[field.name], whole)
        elif any(name.startswith(whole + ".") for name in wanted):
            new[field.name] = _rebuilt(getattr(config, field.name), wanted, whole + ".")
    return replace(config, **new)


def _value(text: str, kind: Any, name: str) -> Any:
    """Text as a value of an annotated type."""
    arguments = get_args(kind)
    if get_origin(kind) in (Union, UnionType):
        rest = [option for option in arguments if option is not NoneType]
        if len(rest) < len(arguments) and text.lower() in _NONE:
            return None
        return _value(text, rest[0] if len(rest) == 1 else object, name)
    if get_origin(kind) is tuple:
        parts = [part.strip() for part in text.strip("()").split(",") if part.strip()]
        kinds = [arguments[0]] * len(parts) if arguments[-1] is Ellipsis else list(arguments)
        if len(parts) != len(kinds):
            raise ConfigError(f"{name}={text}: give {len(kinds)} values with commas between them")
        return tuple(_value(part, each, name) for part, each in zip(parts, kinds, strict=True))
    wanted = _worded(kind)
    if wanted is None:
        raise ConfigError(f"{name}={text}: this field is set in the recipe's code alone")
    try:
        return _TRUTH[text.lower()] if kind is bool else kind(text)
    except (ValueError, KeyError):
        raise ConfigError(f"{name}={text}: give {wanted}") from None


def _worded(kind: Any) -> str | None:
    """What to give for a type; None for one that cannot be given."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"one of {', '.join(str(each.value) for each in kind)}"
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "words", Path: "a path"}
    return words.get(kind)


def _as_text(value: Any) -> str:
    if value is None:
        return _NONE[0]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple):
        return ",".join(_as_text(each) for each in cast("tuple[Any, ...]", value))
    if is_dataclass(value):
        return json.dumps(as_json(value))
    return str(value)
