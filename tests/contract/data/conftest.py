"""What the tests of the pipeline share: a writer of small films."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def films() -> ModuleType:
    """The module beside this file; test folders are no packages."""
    specification = importlib.util.spec_from_file_location("films", Path(__file__).with_name("films.py"))
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
