"""Packages that only live use needs."""

import importlib
from typing import Any

from openlpm.core.errors import ConfigError


def live_package(name: str) -> Any:
    """An optional package, or a module of ours that stands on some.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(f"{error.name} is missing: install the extra with `pip install 'openlpm[live]'`") from error
