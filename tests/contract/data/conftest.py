"""What the tests of the pipeline share: writers of small films."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _beside(name: str) -> ModuleType:
    """The module beside this file; test folders are no packages."""
    specification = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules.setdefault(name, module)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def films() -> ModuleType:
    """Patterns that move: films that nobody is in."""
    return _beside("films")


@pytest.fixture(scope="session")
def flipbook() -> ModuleType:
    """Conversations of drawn people."""
    return _beside("flipbook")
